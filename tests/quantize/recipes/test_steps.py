"""The kinds of steps, over real quantizers and small models."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from pathlib import Path

import pytest
from helpers import small_onnx, tiny_llama

from edge_assistant_quantize.candidate import sha256_of
from edge_assistant_quantize.errors import RecipeInvalid
from edge_assistant_quantize.onnx import calibration
from edge_assistant_quantize.onnx.calibration import Calibration
from edge_assistant_quantize.progress import ignore
from edge_assistant_quantize.recipes import measuring, recipe
from edge_assistant_quantize.recipes.step import Form, Made, Step, Work
from edge_assistant_quantize.recipes.workspace import Job, Workspace

AROUND = """
name = "x"
role = "classifier"
layers = "static-int8"
calibration = {{ path = "photos" }}
metrics = [{{ metric = "top1", data = "photos" }}]
variants = [{{ name = "v", steps = [{{ {} }}] }}]
"""
SEARCH = 'do = "quantize", type = "static-int8", exclude_until_accepted = 1'


def parsed(said: str) -> recipe.Recipe:
    return recipe.parse(tomllib.loads(AROUND.format(said)), "x.toml")


def step(said: str) -> Step:
    return parsed(said).steps[0]


@pytest.mark.parametrize(
    ("said", "wrong"),
    [
        ('do = "quantize", type = "int9"', "unknown type 'int9' (there are "),
        ('do = "quantize"', "'type' is missing"),
        ('do = "quantize", type = "dynamic-int8", imatrix = true', "unknown key `imatrix`"),
        ('do = "quantize", type = "Q4_K_M", exclude = ["a"]', "unknown key `exclude`"),
        ('do = "quantize", type = "static-int8", options = { calibrator = "best" }', "'calibrator' of static-int8"),
        ('do = "quantize", type = "static-int8", exclude = ["a"], exclude_until_accepted = 2', "do not go together"),
        ('do = "quantize", type = "Q4_K_M", overrides = { attn_v = "Q9" }', "there is no type 'Q9' of tensors"),
        ('do = "convert", precision = "f8"', "there is no precision 'f8'"),
        ('do = "imatrix", chunks = 0', "chunks: expected `int` >= 1"),
        ('do = "export", part = "vision"', "unknown key `part`"),
        ('do = "convert", file = "model"', "unknown key `file`"),
    ],
)
def test_what_a_step_may_not_say(said, wrong):
    with pytest.raises(RecipeInvalid) as caught:
        step(said)
    assert wrong in caught.value.message


@pytest.mark.parametrize(
    ("said", "needs"),
    [
        ('do = "quantize", type = "static-int8"', {"calibrates": True, "searches": False}),
        ('do = "quantize", type = "static-int8", options = { ranges = {} }', {"calibrates": False}),
        ('do = "quantize", type = "int4-weights"', {"calibrates": False, "label": "int4-weights"}),
        ('do = "quantize", type = "int4-weights", exclude_until_accepted = 2', {"calibrates": True, "searches": True}),
        ('do = "quantize", type = "F16", requantize = true', {"growth": 4}),
        ('do = "convert", precision = "f32"', {"growth": 2, "label": "convert"}),
    ],
)
def test_what_a_step_needs(said, needs):
    found = step(said).needs
    assert {key: getattr(found, key) for key in needs} == needs


@pytest.fixture
def chain(tmp_path) -> Form:
    """A small ONNX model."""
    path = small_onnx.written(small_onnx.chain(0, ["conv", "relu", "conv"], pictures=True), tmp_path / "chain.onnx")
    return Form("chain", "classifier", {"model": path}, {"model": sha256_of(path)})


@pytest.fixture
def fed(monkeypatch) -> None:
    """The same calibration for every model, whatever the sense."""
    given = Calibration(tuple(small_onnx.feeds(0, 4, pictures=True)))
    monkeypatch.setattr(calibration, "record", lambda *args, **options: given)


def make(said: str, form: Form, folder: Path, accepts=lambda path: True) -> Made:
    (folder / "made").mkdir(parents=True)
    (folder / "kept").mkdir()
    work = Work(form, "model", folder / "made", folder / "kept", {"path": "photos"}, accepts, 1, ignore)
    return step(said).make(work)


def test_a_graph_is_optimized(chain, tmp_path):
    made = make('do = "optimize"', chain, tmp_path)
    assert (tmp_path / "made" / made.files["model"]).stat().st_size > 0


def test_a_search_excludes_until_it_is_accepted(chain, fed, tmp_path):
    answers = iter([False, True])
    made = make(SEARCH, chain, tmp_path, lambda path: next(answers))
    assert len(made.excluded) == 1
    assert made.note == "2 forms tried"
    assert [layer.file for layer in made.layers] == ["model", "model"]


def test_a_search_without_success_gives_the_form_with_the_most_nodes_excluded(chain, fed, tmp_path):
    made = make(SEARCH, chain, tmp_path, lambda path: False)
    assert (tmp_path / "made" / made.files["model"]).is_file()
    assert made.note.endswith("none accepted")
    assert len(made.excluded) == 1


def test_nodes_are_ranked_once(chain, fed, tmp_path):
    job = Job(parsed('do = "optimize"'), Workspace(tmp_path / "out"), 1, ignore, {"calibration": ""})
    with job.space.locked(""):
        layers = measuring.layers(job, chain)
        assert [layer.file for layer in layers] == ["model", "model"]
        assert layers[0].loss >= layers[1].loss
        chain.files["model"].unlink()  # it is not measured again
        assert measuring.layers(job, chain) == layers


def test_a_step_without_what_it_works_on(chain, tmp_path):
    for name in ("convert", "export"):  # the source is converted already
        assert make(f'do = "{name}"', chain, tmp_path / name) == Made()
    with pytest.raises(RecipeInvalid, match="imatrix finds no GGUF model"):
        make('do = "imatrix"', chain, tmp_path / "imatrix")
    gguf = replace(chain, files={"model": tiny_llama.write(tmp_path / "tiny.gguf")})
    with pytest.raises(RecipeInvalid, match="Q4_K_M wants an importance matrix, and no step has computed one"):
        make('do = "quantize", type = "Q4_K_M", imatrix = true', gguf, tmp_path / "quantize")
