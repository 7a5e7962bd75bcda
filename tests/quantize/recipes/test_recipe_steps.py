"""The steps that recipes have, over real quantizers and small models."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from helpers import small_onnx, tiny_llama

from edge_assistant_quantize.candidate import sha256_of
from edge_assistant_quantize.errors import RecipeInvalid
from edge_assistant_quantize.onnx import calibration
from edge_assistant_quantize.onnx.calibration import Calibration
from edge_assistant_quantize.progress import ignore
from edge_assistant_quantize.recipes import engine, loading, lock, schema
from edge_assistant_quantize.recipes.ranking import Ranking
from edge_assistant_quantize.recipes.recipe import Recipe
from edge_assistant_quantize.recipes.steps.step import Form, Made, Step, Work, all_steps
from edge_assistant_quantize.recipes.workspace import Workspace
from edge_assistant_quantize.record import Record

AROUND = """
name = "x"
role = "{role}"
[[metrics]]
metric = "top1"
data = "photos"
[[variants]]
name = "v"
steps = [{{ {step} }}]
"""


def step(said: str, role: str = "classifier") -> Step:
    return schema.parse(tomllib.loads(AROUND.format(step=said, role=role)), "x.toml").steps[0]


def test_every_step_is_found_by_being_there():
    assert set(all_steps()) == {"convert", "export", "imatrix", "optimize", "quantize"}


@pytest.mark.parametrize(
    ("said", "wrong"),
    [
        ('do = "quantize", type = "int9"', "unknown type 'int9' (of ONNX files dynamic-int8, "),
        ('do = "quantize"', "'type' is missing"),
        ('do = "quantize", type = "dynamic-int8", imatrix = true', "unknown key 'imatrix'"),
        ('do = "quantize", type = "Q4_K_M", exclude = ["a"]', "unknown key 'exclude'"),
        ('do = "quantize", type = "static-int8", options = { calibrator = "best" }', "'calibrator' of static-int8"),
        ('do = "quantize", type = "static-int8", exclude = ["a"], exclude_until_accepted = 2', "do not go together"),
        ('do = "quantize", type = "Q4_K_M", overrides = { attn_v = "Q9" }', "there is no type 'Q9' of tensors"),
        ('do = "convert", precision = "f8"', "there is no precision 'f8'"),
        ('do = "imatrix", chunks = 0', "'chunks' must be above zero"),
        ('do = "export", part = "vision"', "unknown key 'part'"),
    ],
)
def test_what_a_step_may_not_say(said, wrong):
    with pytest.raises(RecipeInvalid) as caught:
        step(said)
    assert wrong in caught.value.message


def test_what_steps_need():
    assert step('do = "quantize", type = "static-int8"').calibrates
    assert not step('do = "quantize", type = "static-int8", options = { ranges = {} }').calibrates
    assert not step('do = "quantize", type = "int4-weights"').calibrates
    searched = step('do = "quantize", type = "int4-weights", exclude_until_accepted = 2')
    assert searched.calibrates
    assert searched.searches
    widened = step('do = "quantize", type = "F16", requantize = true')
    assert widened.output_bytes(100) == 400
    assert step('do = "convert", precision = "f32"').output_bytes(100) == 200


@pytest.fixture
def chain(tmp_path) -> Form:
    """A small ONNX model."""
    path = small_onnx.written(small_onnx.chain(0, ["conv", "relu", "conv"], pictures=True), tmp_path / "chain.onnx")
    return Form("chain", "classifier", {"model": path}, {"model": sha256_of(path)})


@pytest.fixture
def fed(monkeypatch) -> Calibration:
    """What every model is given, whatever the sense."""
    given = Calibration(tuple(small_onnx.feeds(0, 4, pictures=True)))
    monkeypatch.setattr(calibration, "record", lambda *args, **options: given)
    return given


def work(form: Form, folder: Path, **given: Any) -> Work:
    (folder / "made").mkdir(parents=True)
    (folder / "kept").mkdir()
    accepts: Callable[[Path], bool] = given.pop("accepts", lambda path: True)
    return Work(form, "model", folder / "made", folder / "kept", {"path": "photos"}, accepts, 1, ignore)


def test_a_graph_is_optimized(chain, tmp_path):
    made = step('do = "optimize"').make(work(chain, tmp_path))
    assert made.files["model"].stat().st_size > 0


def test_a_search_excludes_until_it_is_accepted(chain, fed, tmp_path):
    tried: list[int] = []

    def accepts(path: Path) -> bool:
        tried.append(path.stat().st_size)
        return len(tried) > 1

    said = 'do = "quantize", type = "static-int8", exclude_until_accepted = 1'
    made = step(said).make(work(chain, tmp_path, accepts=accepts))
    assert len(made.excluded) == 1
    assert made.note == "2 forms tried"
    assert [layer.file for layer in made.layers] == ["model", "model"]


def test_a_search_that_finds_nothing_gives_what_it_left_most_of_as_it_is(chain, fed, tmp_path):
    said = 'do = "quantize", type = "static-int8", exclude_until_accepted = 1'
    made = step(said).make(work(chain, tmp_path, accepts=lambda path: False))
    assert made.files["model"].is_file()
    assert made.note.endswith("none accepted")
    assert len(made.excluded) == 1


def test_nodes_are_ranked_once(chain, fed, tmp_path):
    space = Workspace(tmp_path / "out")
    with space.held():
        ranking = Ranking("static-int8", space, {"path": "photos"}, "", 1, ignore)
        layers = ranking.of(chain)
        assert [layer.file for layer in layers] == ["model", "model"]
        assert layers[0].loss >= layers[1].loss
        (chain.files["model"]).unlink()  # what is known is not measured again
        assert ranking.of(chain) == layers


def test_what_is_there_already_is_not_converted(chain, tmp_path):
    for name in ("convert", "export"):
        assert step(f'do = "{name}"').make(work(chain, tmp_path / name)) == Made()


def test_a_step_without_what_it_works_on(chain, tmp_path):
    with pytest.raises(RecipeInvalid, match="imatrix finds no GGUF model"):
        step('do = "imatrix"').make(work(chain, tmp_path))
    gguf = replace(chain, files={"model": tiny_llama.write(tmp_path / "tiny.gguf")})
    with pytest.raises(RecipeInvalid, match="Q4_K_M wants an importance matrix, and no step has computed one"):
        step('do = "quantize", type = "Q4_K_M", imatrix = true').make(replace(work(chain, tmp_path / "b"), form=gguf))


LANGUAGE = """
name = "tiny"
extends = "language"
source = { path = "tiny.gguf" }
calibration = { path = "calibration.txt" }
speed = false

[data]
text = { path = "text.txt", chunks = 3, context = 64 }

[[prepare]]
do = "convert"

[[prepare]]
do = "imatrix"
chunks = 2
context = 64

[[metrics]]
metric = "token-agreement"
data = "text"
at_least = 0.9

[[metrics]]
metric = "perplexity"
data = "text"

[[variants]]
name = "q2-k"
steps = [{ do = "quantize", type = "Q2_K", imatrix = true }]

[[variants]]
name = "q4-k-m"
steps = [{ do = "quantize", type = "Q4_K_M", imatrix = true, overrides = { attn_v = "Q8_0" } }]

[[variants]]
name = "q8-0"
steps = [{ do = "quantize", type = "Q8_0" }]
"""


@pytest.fixture
def language(tmp_path) -> Path:
    """A recipe for a language model of random weights."""
    tiny_llama.write(tmp_path / "tiny.gguf")
    (tmp_path / "calibration.txt").write_text(tiny_llama.prose(60))
    (tmp_path / "text.txt").write_text(tiny_llama.prose(90)[200:])
    (tmp_path / "recipe.toml").write_text(LANGUAGE)
    return tmp_path


def run(folder: Path, output: str, **options: Any) -> Record:
    recipe: Recipe = loading.load(str(folder / "recipe.toml"))
    return engine.run(recipe, folder / output, threads=1, watch=ignore, **options)


def test_a_language_model_twice_gives_the_same_tensors(language):
    found = run(language, "one")
    accepted = {variant.name: variant.accepted for variant in found.variants}
    assert (accepted["q2-k"], accepted["q8-0"]) == (False, True)
    assert found.chosen in {"q4-k-m", "q8-0"}
    assert found.reference.metrics["token-agreement"] == 1
    assert found.variants[0].metrics["perplexity"] > 1
    run(language, "two", locked=language / "one" / lock.FILE)
    assert (language / "one" / lock.FILE).read_text() == (language / "two" / lock.FILE).read_text()


def test_weights_that_are_not_converted_yet(language):
    weights = language / "weights"
    weights.mkdir()
    (weights / "config.json").write_text("{}")
    (weights / "model.safetensors").write_bytes(bytes(8))
    said = LANGUAGE.replace('"tiny.gguf"', '"weights"').replace('do = "convert"', 'do = "optimize"')
    (language / "recipe.toml").write_text(said)
    with pytest.raises(RecipeInvalid, match="prepare: optimize finds weights that are not converted yet") as caught:
        run(language, "out")
    assert 'prepare = [{ do = "convert" }]' in caught.value.hint
