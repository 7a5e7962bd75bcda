"""Models whose weights lie in other files: taken from their own folder, and from nowhere else."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

import numpy as np
import onnx
import pytest
from helpers.small_onnx import chain, written
from hypothesis import given
from hypothesis import strategies as st

from edge_assistant.compute.runtime import Runtime
from edge_assistant.core.errors import EdgeAssistantError
from edge_assistant_models.errors import ModelCorrupt
from edge_assistant_quantize import room
from edge_assistant_quantize.cli.main import main
from edge_assistant_quantize.errors import ModelTooLarge, WeightsRefused
from edge_assistant_quantize.onnx import graphs

DATA = "model.onnx.data"
FEED = {"x": np.ones((1, 16, 6, 6), np.float32)}


@pytest.fixture
def large(tmp_path: Path) -> Path:
    """A model as exporters write large ones: model.onnx, and its weights beside it."""
    folder = tmp_path / "large"
    folder.mkdir()
    save(chain(0, ["conv", "relu", "conv"], pictures=True), folder / "model.onnx")
    return folder / "model.onnx"


def save(model: onnx.ModelProto, path: Path) -> None:
    onnx.save_model(model, path, save_as_external_data=True, location=DATA, size_threshold=0)


def changed(path: Path, **values: str) -> None:
    """The first weight's words about its other file, changed."""
    model = onnx.load(path, load_external_data=False)
    told = model.graph.initializer[0].external_data
    kept = {entry.key: entry.value for entry in told} | values
    del told[:]
    for key, value in kept.items():
        told.add(key=key, value=value)
    path.write_bytes(model.SerializeToString())


def test_the_values_beside_the_model_are_taken_and_one_file_is_written(large: Path, tmp_path: Path, capsys) -> None:
    whole = written(chain(0, ["conv", "relu", "conv"], pictures=True), tmp_path / "whole.onnx")
    assert graphs.load(large) == onnx.load(whole)
    one = tmp_path / "one.onnx"
    assert main(["convert", str(large), "--output", str(one)]) == 0
    assert capsys.readouterr().out == f"one.onnx: {one.stat().st_size / 1024:.1f} KiB in one file\n"
    words = ["quantize", str(large), "--type", "fp16", "--output", str(tmp_path / "half.onnx"), "--threads", "1"]
    assert main(words) == 0
    assert ", 5" in capsys.readouterr().out.partition("%")[0]  # of both files together
    (wanted,) = Runtime(1).session(whole).run(None, FEED)
    for name in ("one", "half"):
        path = tmp_path / f"{name}.onnx"
        graphs.check_one_file(path)
        np.testing.assert_allclose(Runtime(1).session(path).run(None, FEED)[0], wanted, atol=2e-2)
    assert {path.name for path in large.parent.iterdir()} == {"model.onnx", DATA}


def test_what_the_product_runs_stays_one_file_and_the_hint_is_how_to_make_it(
    large: Path, tmp_path: Path, capsys
) -> None:
    with pytest.raises(ModelCorrupt, match="outside the file"):
        Runtime(1).session(large)
    recipe = tmp_path / "recipe.toml"
    (large.parent / "candidate.toml").write_text('name = "x"\nrole = "classifier"\nfiles.model = "model.onnx"\n')
    source = f'source = {{ path = "{large.parent}" }}\n'
    recipe.write_text(
        f'name = "x"\nrole = "classifier"\n{source}'
        'metrics = [{ metric = "top1", data = "d" }]\ndata.d = { path = "." }\n'
        'variants = [{ name = "v", steps = [{ do = "quantize", type = "fp16" }] }]\n'
    )
    calibrated = ["--calibration", str(tmp_path), "--role", "classifier", "--output", str(tmp_path / "o.onnx")]
    for words in (
        ["evaluate", str(large), "--role", "classifier", "--metric", "top1", "--data", str(tmp_path)],
        ["quantize", str(large), "--type", "static-int8", *calibrated],
        ["run", str(recipe), "--output", str(tmp_path / "out")],
    ):
        assert main(words) == 3, words
        said = capsys.readouterr().err
        assert "error: model.onnx keeps weights in other files, and the product takes one file - make one file" in said
        assert "edge-quantize convert model.onnx --output F.onnx" in said


UNREAD = "which cannot be read ("


@pytest.mark.parametrize(
    ("values", "error", "said"),
    [
        ({"location": "../secret"}, WeightsRefused, UNREAD),
        ({"location": "part/../../secret"}, WeightsRefused, UNREAD),
        ({"location": "{secret}"}, WeightsRefused, UNREAD),
        ({"location": "link"}, WeightsRefused, UNREAD),
        ({"location": "linked/secret"}, WeightsRefused, UNREAD),
        ({"location": ""}, WeightsRefused, UNREAD),
        ({"location": "nul\0"}, WeightsRefused, UNREAD),
        ({"location": "none.data"}, WeightsRefused, UNREAD),
        ({"location": "pipe"}, WeightsRefused, UNREAD),
        ({"offset": "99999999"}, WeightsRefused, UNREAD),
        ({"length": "99999999"}, WeightsRefused, UNREAD),
        ({"offset": "-1"}, WeightsRefused, UNREAD),
        ({"length": "many"}, WeightsRefused, UNREAD),
        ({"length": "4"}, WeightsRefused, ""),  # fewer values than the weight has
    ],
)
def test_no_file_is_read_but_those_of_the_folder(
    large: Path, tmp_path: Path, values: dict[str, str], error: type[EdgeAssistantError], said: str
) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(bytes(1 << 16))
    (large.parent / "part").mkdir()
    (large.parent / "link").symlink_to(secret)
    (large.parent / "linked").symlink_to(tmp_path)
    os.mkfifo(large.parent / "pipe")
    changed(large, **{key: value.replace("{secret}", str(secret)) for key, value in values.items()})
    with pytest.raises(error) as caught:
        graphs.load(large)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_more_than_one_file_holds_is_refused_before_it_is_read(large: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(graphs, "MAX_BYTES", 9_000)
    with pytest.raises(ModelTooLarge, match="and one ONNX file holds"):
        graphs.load(large)


def test_what_is_no_sound_model_is_not_parsed_where_it_does_not_fit(large: Path, monkeypatch) -> None:
    monkeypatch.setattr(room, "available_memory", lambda: large.stat().st_size)
    monkeypatch.setattr(onnx, "load", None)
    for look in (graphs.load, graphs.size, graphs.check_one_file):
        with pytest.raises(ModelTooLarge, match=r"working on model\.onnx needs"):
            look(large)


def test_values_outside_that_are_no_weights_are_not_read(large: Path) -> None:
    """Nobody has looked whether they fit into memory: a file with holes is as large as one likes."""
    model = onnx.load(large, load_external_data=False)
    tensor = onnx.TensorProto(name="c", data_type=onnx.TensorProto.FLOAT, dims=[1])
    tensor.data_location = onnx.TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="holes")
    model.graph.node.append(onnx.helper.make_node("Constant", [], ["c"], value=tensor))
    large.write_bytes(model.SerializeToString())
    with (large.parent / "holes").open("wb") as file:
        file.truncate(1 << 42)
    with pytest.raises(WeightsRefused, match="outside the file"):
        graphs.load(large)


@given(st.dictionaries(st.sampled_from(["location", "offset", "length", "odd"]), st.text(max_size=12)))
def test_whatever_a_model_says_of_its_other_file(
    tmp_path_factory: pytest.TempPathFactory, values: dict[str, str]
) -> None:
    path = tmp_path_factory.mktemp("any") / "model.onnx"
    save(chain(0, ["conv"], pictures=True), path)
    changed(path, **values)
    with contextlib.suppress(WeightsRefused):
        graphs.load(path)
