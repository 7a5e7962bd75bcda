"""Files of weights: what the library refuses has a reason, limits hold, and each value is looked at."""

from __future__ import annotations

import json
import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import save_file

from edge_assistant_quantize.errors import WeightsRefused
from edge_assistant_quantize.gguf import safetensors
from edge_assistant_quantize.gguf.safetensors import DTYPES, numpy_type


def written(header, data, *, length=None):
    """A file with any header."""
    raw = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(raw) if length is None else length) + raw + data


def row(dtype, shape, begin, end):
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


def refused(path, content):
    path.write_bytes(content)
    with pytest.raises(WeightsRefused) as caught:
        safetensors.read(path)
    assert "\n" not in str(caught.value)
    assert caught.value.message.startswith("model.safetensors cannot be used (")
    return caught.value.message


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.safetensors"


def test_what_the_library_writes_is_read(path):
    arrays = {
        "b": np.arange(6, dtype=np.float32).reshape(2, 3),
        "a": np.ones((4,), np.float16),
        "scalar": np.array(3, np.int64),
        "empty": np.zeros((0, 5), np.float32),
    }
    save_file(arrays, str(path), metadata={"format": "pt"})
    found = {tensor.name: tensor for tensor in safetensors.read(path)}
    described = {name: (tensor.dtype, tensor.shape) for name, tensor in found.items()}
    assert described == {"b": ("F32", (2, 3)), "a": ("F16", (4,)), "scalar": ("I64", ()), "empty": ("F32", (0, 5))}
    for name, tensor in found.items():
        assert path.read_bytes()[tensor.begin : tensor.end] == arrays[name].tobytes()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"PK\x03\x04 a zip of pickles", "header too large"),
        (written(b'{"a":' * 50_000, b""), "recursion limit exceeded"),
        (written({"a": row("F32", [1 << 30, 1 << 30, 1 << 30], 0, 4)}, bytes(4)), "overflow"),
        (written({"a": row("F32", [1], 0, 4), "b": row("F32", [1], 0, 4)}, bytes(4)), "invalid offset"),
        (written({"a": row("F32", [2], 0, 8)}, bytes(9)), "file not fully covered"),
        (written({"a\x1b[31m": row("F4", [2], 0, 1)}, bytes(1)), r"a\x1b[31m has the type F4"),
    ],
    ids=str,
)
def test_a_header_that_is_unsound_is_refused(path, content, said):
    assert said in refused(path, content)


def test_a_header_has_limits(path, monkeypatch):
    content = written({str(number): row("F32", [], 4 * number, 4 * number + 4) for number in range(9)}, bytes(36))
    path.write_bytes(content)
    assert len(safetensors.read(path)) == 9
    monkeypatch.setattr(safetensors, "MAX_TENSORS", 8)
    assert "it declares 9 tensors" in refused(path, content)
    monkeypatch.setattr(safetensors, "MAX_HEADER_BYTES", 100)
    assert "its header has" in refused(path, content)


@settings(max_examples=40)
@given(st.lists(st.tuples(st.sampled_from(sorted(DTYPES)), st.lists(st.integers(0, 5), max_size=4)), max_size=6))
def test_whatever_is_sound_is_read(tmp_path_factory, described):
    header, end = {}, 0
    for number, (dtype, shape) in enumerate(described):
        size = int(np.prod(shape, dtype=np.int64)) * numpy_type(dtype).itemsize
        header[f"t{number}"] = row(dtype, shape, end, end + size)
        end += size
    path = tmp_path_factory.getbasetemp() / "sound.safetensors"
    path.write_bytes(written(header, bytes(end)))
    found = {tensor.name: tensor for tensor in safetensors.read(path)}
    assert [(found[f"t{n}"].dtype, list(found[f"t{n}"].shape)) for n in range(len(described))] == described
    begin = path.stat().st_size - end
    for name, tensor in found.items():
        assert [tensor.begin - begin, tensor.end - begin] == header[name]["data_offsets"]
        assert tensor.end - tensor.begin == tensor.values * numpy_type(tensor.dtype).itemsize


KEYS = st.sampled_from(["a", "dtype", "shape", "data_offsets", "F32"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=50)
@given(JSON | st.binary(max_size=200), st.binary(max_size=50))
def test_anything_is_read_or_refused_and_nothing_else(tmp_path_factory, header, data):
    path = tmp_path_factory.getbasetemp() / "any.safetensors"
    for content in (written(header, data), data):
        path.write_bytes(content)
        try:
            found = safetensors.read(path)
        except WeightsRefused:
            continue
        assert all(0 <= tensor.begin <= tensor.end <= len(content) for tensor in found)


# The largest negative number, and what is none, as bits
BITS = {
    "F16": (0xFBFF, [0x7C00, 0xFC00, 0x7E01]),
    "BF16": (0xFF7F, [0x7F80, 0xFF80, 0x7FC1]),
    "F32": (0xFF7F_FFFF, [0x7F80_0000, 0xFF80_0000, 0x7FC0_0001]),
    "F64": ((0xFFF0 << 48) - 1, [0x7FF0 << 48, 0xFFF0 << 48, (0x7FF8 << 48) + 1]),
    "F8_E5M2": (0xFB, [0x7C, 0xFC, 0x7F]),
    "F8_E4M3": (0xFE, [0x7F, 0xFF]),
}


def of_bits(path, dtype, bits):
    data = np.array(bits, dtype=f"<u{numpy_type(dtype).itemsize}").tobytes()
    header = {"first": row("I32", [1], 0, 4), "w": row(dtype, [len(bits)], 4, 4 + len(data))}
    path.write_bytes(written(header, b"\xff" * 4 + data))
    return safetensors.read(path)


@pytest.mark.parametrize("dtype", BITS)
def test_nan_and_infinity_are_found_and_nothing_else(path, dtype, monkeypatch):
    monkeypatch.setattr(safetensors, "CHUNK_BYTES", 16)
    (largest, not_finite), seen = BITS[dtype], []
    finite = [0, 1, largest, largest ^ 1 << 8 * numpy_type(dtype).itemsize - 1] * 9
    safetensors.check_finite(path, of_bits(path, dtype, finite), seen.append)
    assert seen[-1] == path.stat().st_size
    for value in not_finite:
        for place in (0, 17, len(finite)):
            found = of_bits(path, dtype, [*finite[:place], value, *finite[place:]])
            with pytest.raises(WeightsRefused, match=r"the tensor w in model\.safetensors holds NaN or infinity"):
                safetensors.check_finite(path, found, seen.append)


def test_a_file_that_shrinks_while_it_is_read_is_refused(path):
    found = of_bits(path, "F32", [0] * 9)
    path.write_bytes(path.read_bytes()[:-8])
    with pytest.raises(WeightsRefused, match="it was cut off while it was read"):
        safetensors.check_finite(path, found, lambda done: None)
