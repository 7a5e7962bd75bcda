from __future__ import annotations

import io
import pickle
from collections import OrderedDict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edge_assistant.compute.runtime import Runtime
from edge_assistant_models.errors import ModelCorrupt
from edge_assistant_quantize.importers import efficientnet_lite
from edge_assistant_quantize.importers.pytorch import MAX_PICKLED, read_state

MAGIC = 0x1950A86A20F9469CFC6C


class FloatStorage: ...


class HalfStorage: ...


class LongStorage: ...


def _rebuild_tensor_v2() -> None: ...


STORAGES = {"float32": FloatStorage, "float16": HalfStorage, "int64": LongStorage}
NAMES = {f"c{__name__}\n_rebuild": "ctorch._utils\n_rebuild", f"c{__name__}\n": "ctorch\n"}


class Stored:
    """A storage, to be pickled as a persistent id."""

    def __init__(self, key: str, array: np.ndarray) -> None:
        self.key, self.array = key, array


class Tensor:
    """A tensor that pickles as PyTorch's do."""

    def __init__(self, key: str, array: np.ndarray, **changed: Any) -> None:
        strides = tuple(changed.get("stride", [step // array.itemsize for step in array.strides]))
        self.arguments = (Stored(key, array), changed.get("offset", 0), array.shape, strides, False, OrderedDict())

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild_tensor_v2, self.arguments


def checkpoint(state: Mapping[str, object]) -> bytes:
    """The bytes of a checkpoint in the format before PyTorch 1.6, with the names that PyTorch pickles."""
    stream, pickled, storages = io.BytesIO(), io.BytesIO(), {}

    class Pickler(pickle.Pickler):
        def persistent_id(self, value: Any) -> Any:
            if not isinstance(value, Stored):
                return None
            storages[value.key] = value.array
            return "storage", STORAGES[str(value.array.dtype)], value.key, "cpu", value.array.size, None

    for item in (MAGIC, 1001, {"little_endian": True}):
        pickle.dump(item, stream, protocol=2)
    Pickler(pickled, protocol=2).dump(OrderedDict(state))
    data = pickled.getvalue()
    for ours, theirs in NAMES.items():
        data = data.replace(ours.encode(), theirs.encode())
    stream.write(data)
    pickle.dump(list(storages), stream, protocol=2)
    for array in storages.values():
        stream.write(array.size.to_bytes(8, "little") + array.ravel(order="K").tobytes())
    return stream.getvalue()


def written(folder: Path, data: bytes) -> Path:
    path = folder / "model.pth"
    path.write_bytes(data)
    return path


def test_tensors_of_every_layout_are_read(tmp_path: Path) -> None:
    plain, turned = np.arange(6, dtype=np.float32).reshape(2, 3), np.arange(6, dtype=np.float16).reshape(2, 3).T
    state = {"plain": Tensor("1", plain), "turned": Tensor("2", turned), "count": Tensor("3", np.array(7))}
    read = read_state(written(tmp_path, checkpoint(state)))
    assert list(read) == ["plain", "turned", "count"]
    np.testing.assert_array_equal(read["plain"], plain)
    np.testing.assert_array_equal(read["turned"], turned)
    assert read["count"] == 7


class Runs:
    """Pickles as a call of something that has no business in a checkpoint."""

    def __init__(self, call: Callable[..., object], *arguments: object) -> None:
        self.call, self.arguments = call, arguments

    def __reduce__(self) -> tuple[Any, ...]:
        return self.call, self.arguments


@pytest.mark.parametrize("call", [print, eval, __import__, Path])
def test_nothing_else_is_called(tmp_path: Path, call: Callable[..., object], capsys: Any) -> None:
    with pytest.raises(ModelCorrupt, match="asks for"):
        read_state(written(tmp_path, checkpoint({"x": Runs(call, "ran")})))
    assert not capsys.readouterr().out


@pytest.mark.parametrize(
    "changed", [{"stride": (3, 2)}, {"offset": 1}, {"offset": -1}, {"stride": (-3, 1)}, {"stride": (1 << 60, 1)}]
)
def test_a_tensor_may_not_reach_beyond_its_storage(tmp_path: Path, changed: dict[str, Any]) -> None:
    tensor = Tensor("1", np.zeros((5, 1), np.float32), **changed)
    with pytest.raises(ModelCorrupt):
        read_state(written(tmp_path, checkpoint({"x": tensor})))


class Posing(OrderedDict[str, object]):
    """Pickles as an ordered dictionary that has a storage's attributes."""

    def __reduce__(self) -> Any:
        return OrderedDict, (), {"key": "1", "dtype": "<f4", "elements": 1 << 40}


def test_a_dictionary_cannot_pose_as_a_storage(tmp_path: Path) -> None:
    honest, forged = Tensor("1", np.zeros(4, np.float32)), Tensor("1", np.zeros(4, np.float32))
    forged.arguments = (Posing(), 1 << 30, *forged.arguments[2:])
    with pytest.raises(ModelCorrupt):
        read_state(written(tmp_path, checkpoint({"honest": honest, "forged": forged})))


@pytest.mark.parametrize(
    "data",
    [
        pickle.dumps(MAGIC, protocol=2) * 3 + b"\x80\x02}r\xff\xff\xff\x7f.",  # a memo of 2**31 entries
        pickle.dumps(MAGIC, protocol=2) * 3 + pickle.dumps("a dictionary", protocol=2) * 2,
        pickle.dumps(MAGIC, protocol=4),
        checkpoint({"x": Tensor("1", np.ones(1, np.float32)), "long": "x" * MAX_PICKLED}),
        b"PK\x03\x04 the format of PyTorch 1.6",
        b"",
    ],
)
def test_what_is_no_checkpoint_is_refused(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(ModelCorrupt):
        read_state(written(tmp_path, data))


@given(st.data())
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_damage_gets_through_as_another_error(tmp_path: Path, data: st.DataObject) -> None:
    content = bytearray(checkpoint({"a": Tensor("1", np.ones((2, 2), np.float32)), "b": Tensor("2", np.array(1))}))
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path = written(tmp_path, bytes(content[: data.draw(st.integers(0, len(content)))]))
    try:
        state = read_state(path)
    except ModelCorrupt:
        return
    assert all(isinstance(array, np.ndarray) for array in state.values())


def random_network() -> dict[str, Tensor]:
    """EfficientNet-Lite0's tensors with random content: widths, kernels and expansion as in the paper's table 1."""
    random, state, number = np.random.default_rng(1), {}, iter(range(1_000))

    def add(name: str, *shape: int, positive: bool = False) -> None:
        values = random.random(shape) + 0.5 if positive else random.standard_normal(shape) * 0.1
        state[name] = Tensor(str(next(number)), np.asarray(values, np.float32))

    def normalised(name: str, norm: str, *shape: int) -> None:
        add(f"{name}.weight", *shape)
        for part in ("weight", "bias", "running_mean", "running_var"):
            add(f"{norm}.{part}", shape[0], positive=part in {"weight", "running_var"})

    normalised("_conv_stem", "_bn0", 32, 3, 3, 3)
    width, block = 32, 0
    for repeats, kernel, out in ((1, 3, 16), (2, 3, 24), (2, 5, 40), (3, 3, 80), (3, 5, 112), (4, 5, 192), (1, 3, 320)):
        for _ in range(repeats):
            name, wide = f"_blocks.{block}", width if block == 0 else width * 6
            if block:
                normalised(f"{name}._expand_conv", f"{name}._bn0", wide, width, 1, 1)
            normalised(f"{name}._depthwise_conv", f"{name}._bn1", wide, 1, kernel, kernel)
            normalised(f"{name}._project_conv", f"{name}._bn2", out, wide, 1, 1)
            width, block = out, block + 1
    normalised("_conv_head", "_bn1", 1280, 320, 1, 1)
    add("_fc.weight", 1000, 1280)
    add("_fc.bias", 1000)
    return state


def test_a_whole_network_is_imported_with_its_labels(tmp_path: Path) -> None:
    source = written(tmp_path, checkpoint(random_network()))
    efficientnet_lite.convert({"checkpoint": source}, tmp_path)
    first = (tmp_path / "model.onnx").read_bytes()
    efficientnet_lite.convert({"checkpoint": source}, tmp_path)
    assert (tmp_path / "model.onnx").read_bytes() == first
    labels = (tmp_path / "labels.txt").read_text().splitlines()
    assert len(labels) == 1000
    assert (labels[0], labels[207], labels[999]) == ("tench", "golden retriever", "toilet tissue")
    session = Runtime(2).session(tmp_path / "model.onnx")
    (probabilities,) = session.run(None, {"image": np.full((1, 224, 224, 3), 90, np.uint8)})
    assert probabilities.shape == (1, 1000)
    assert probabilities.sum() == pytest.approx(1, abs=1e-4)

    source = written(tmp_path, checkpoint({"_conv_stem.weight": Tensor("1", np.zeros((4, 3, 3, 3), np.float32))}))
    with pytest.raises(ModelCorrupt, match="not EfficientNet-Lite0"):
        efficientnet_lite.convert({"checkpoint": source}, tmp_path)
