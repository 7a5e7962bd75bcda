"""The steps of recipes, over real quantizers and small models."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from pathlib import Path

import pytest
from helpers import forked, small_onnx, tiny_llama

from edge_assistant_quantize.candidate import sha256_of
from edge_assistant_quantize.errors import RecipeInvalid
from edge_assistant_quantize.export import Done, export
from edge_assistant_quantize.gguf.header import read
from edge_assistant_quantize.onnx import calibration
from edge_assistant_quantize.progress import ignore
from edge_assistant_quantize.recipes import recipe
from edge_assistant_quantize.recipes.step import Form, Made, StepInput, WholeStep

AROUND = """
name = "x"
role = "classifier"
calibration = {{ path = "photos" }}
metrics = [{{ metric = "top1", data = "photos" }}]
variants = [{{ name = "v", steps = [{{ {} }}] }}]
"""
SEARCH = 'do = "quantize", type = "static-int8", exclude_until_accepted = 1'


def parsed(said):
    return recipe.parse(tomllib.loads(AROUND.format(said)), "x.toml")


@pytest.mark.parametrize(
    ("said", "wrong"),
    [
        ('do = "grow"', "unknown step 'grow' (there are convert, export, imatrix, quantize)"),
        ('do = "quantize", type = "int9"', "unknown type 'int9' (there are "),
        ('do = "quantize"', "unknown type None (there are "),
        ('do = "quantize", type = "dynamic-int8", imatrix = true', "unknown key `imatrix`"),
        ('do = "quantize", type = "Q4_K_M", exclude = ["a"]', "unknown key `exclude`"),
        ('do = "quantize", type = "static-int8", options = { calibrator = "best" }', "calibrator: invalid enum value"),
        ('do = "quantize", type = "static-int8", exclude = ["a"], exclude_until_accepted = 2', "do not go together"),
        (
            'do = "quantize", type = "Q4_K_M", overrides = { attn_v = "Q9" }',
            "overrides[...]: expected `str` matching",
        ),
        ('do = "convert", precision = "f8"', "precision: expected `str` matching regex '^(f32|"),
        ('do = "quantize", type = "search"', "bits_per_weight"),
        ('do = "quantize", type = "search", bits_per_weight = 5, overrides = { a = "Q8_0" }', "no 'overrides'"),
        ('do = "quantize", type = "Q8_0", chunks = 5', 'are keys of type = "search"'),
        ('do = "imatrix", chunks = 0', "chunks: expected `int` >= 1"),
        ('do = "export", opset = 17', "unknown key `opset`"),
        ('do = "convert", file = "model"', "unknown key `file`"),
    ],
)
def test_what_a_step_may_not_say(said, wrong):
    with pytest.raises(RecipeInvalid) as caught:
        parsed(said)
    assert wrong in caught.value.message


@pytest.mark.parametrize(
    ("said", "needs"),
    [
        ('do = "quantize", type = "static-int8"', {"calibrates": True, "searches": False}),
        ('do = "quantize", type = "static-int8", options = { ranges = {} }', {"calibrates": False}),
        ('do = "quantize", type = "int4-weights"', {"calibrates": False, "label": "int4-weights"}),
        ('do = "quantize", type = "int4-weights", options = { algorithm = "gptq" }', {"calibrates": True}),
        ('do = "quantize", type = "int4-weights", exclude_until_accepted = 2', {"calibrates": True, "searches": True}),
        ('do = "quantize", type = "search", bits_per_weight = 5', {"calibrates": True, "searches": False}),
        ('do = "convert", precision = "f32"', {"label": "convert"}),
        ('do = "export"', {"label": "export"}),
    ],
)
def test_what_a_step_needs(said, needs):
    found = parsed(said).steps[0]
    assert {key: getattr(found, key) for key in needs} == needs


def test_a_step_without_its_methods_does_not_pass_for_one():
    class Empty(WholeStep, frozen=True):
        do = "empty"

    with pytest.raises(NotImplementedError):
        Empty().make(None)


@pytest.fixture
def chain(tmp_path, monkeypatch):
    """A small ONNX model, calibrated in the same way whatever the sense."""
    given = calibration.Calibration(small_onnx.feeds(0, 4, pictures=True))
    monkeypatch.setattr(calibration, "record", lambda *args, **options: given)
    path = small_onnx.written(small_onnx.chain(0, ["conv", "relu", "conv"], pictures=True), tmp_path / "chain.onnx")
    return Form("chain", "classifier", {"model": path}, {"model": sha256_of(path)})


def make(said, form, folder, accepts=lambda path: True):
    (folder / "made").mkdir(parents=True)
    (folder / "kept").mkdir()
    output = folder / "made"
    if form.files and "quantize" in said:
        output /= f"model{form.files['model'].suffix}"
    work = StepInput(form, "model", output, folder / "kept", {"path": "photos"}, accepts, 1, ignore)
    made = parsed(said).steps[0].make(work)
    assert all((folder / "made" / name).stat().st_size for name in made.files.values())
    return made


def test_onnx_files_are_quantized_and_searched(chain, tmp_path):
    assert make('do = "quantize", type = "static-int8"', chain, tmp_path / "b").files == {"model": "model.onnx"}
    answers = iter([False, True])
    made = make(SEARCH, chain, tmp_path / "c", lambda path: next(answers))
    assert (len(made.excluded), made.note) == (1, "2 forms tried")
    assert [layer.file for layer in made.layers] == ["model", "model"]
    made = make(SEARCH, chain, tmp_path / "d", lambda path: False)  # gives the form with the most nodes excluded
    assert (made.files, len(made.excluded)) == ({"model": "model.onnx"}, 1)
    assert made.note.endswith("none accepted")


def test_a_step_without_what_it_works_on(chain, tmp_path):
    for name in ("convert", "export"):  # the source is converted already
        assert make(f'do = "{name}"', chain, tmp_path / name) == Made()
    with pytest.raises(RecipeInvalid, match="imatrix finds no GGUF model"):
        make('do = "imatrix"', chain, tmp_path / "imatrix")
    gguf = replace(chain, files={"model": tiny_llama.write(tmp_path / "tiny.gguf")})
    with pytest.raises(RecipeInvalid, match="Q4_K_M wants an importance matrix, and no step has computed one"):
        make('do = "quantize", type = "Q4_K_M", imatrix = true', gguf, tmp_path / "quantize")


def test_tensors_that_fall_back_are_noted(chain, tmp_path, monkeypatch):
    monkeypatch.setattr(tiny_llama, "COLUMNS", 64)
    gguf = replace(chain, files={"model": tiny_llama.write(tmp_path / "narrow.gguf")})
    made = make('do = "quantize", type = "Q5_K_M"', gguf, tmp_path / "quantize")
    assert made.note == "14 tensors fell back, 12 to q5_1, 2 to q8_0: their rows are no multiples of 256"
    assert make('do = "quantize", type = "Q8_0"', gguf, tmp_path / "eight").note == ""


def test_types_are_searched_over_the_calibration_text(chain, tmp_path, monkeypatch):
    forked.use(monkeypatch, torch=False)
    monkeypatch.chdir(tmp_path)
    Path("photos").write_text(tiny_llama.prose(200))
    monkeypatch.setattr(tiny_llama, "LAYERS", 1)
    gguf = replace(chain, files={"model": tiny_llama.write(tmp_path / "tiny.gguf")})
    said = 'do = "quantize", type = "search", bits_per_weight = 6.5, chunks = 1'
    made = make(said, gguf, tmp_path / "search")
    header = read(tmp_path / "search" / "made" / made.files["model"])
    assert 8 * (tmp_path / "search" / "made" / "model.gguf").stat().st_size / header.weights <= 6.5
    assert "Q8_0: " in made.note
    assert (tmp_path / "search" / "kept" / "losses.json").is_file()
    with pytest.raises(RecipeInvalid, match="search wants an importance matrix"):
        make(f"{said}, imatrix = true", gguf, tmp_path / "matrix")


def test_what_an_export_has_to_say_is_noted(chain, tmp_path, monkeypatch):
    done = Done("", "Whisper", 20, [], "speech", {}, {}, "the graphs were not compared with the model")
    monkeypatch.setattr(export, "export", lambda *given, **more: (done, {}))
    weights = replace(chain, files={}, beside={"weights": tmp_path})
    assert make('do = "export"', weights, tmp_path / "export").note == "the graphs were not compared with the model"
