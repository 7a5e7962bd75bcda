"""Recipes from files and presets: what they extend, paths, the command line, and files that are none."""

from __future__ import annotations

import json
import tomllib
from importlib import resources
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_assistant_models import entries
from edge_assistant_models.entries import ROLES
from edge_assistant_quantize.acceptance import gate
from edge_assistant_quantize.datasets import data
from edge_assistant_quantize.errors import InputMissing, RecipeInvalid
from edge_assistant_quantize.importers import quantizations
from edge_assistant_quantize.metrics.metric import metric
from edge_assistant_quantize.recipes import loading
from edge_assistant_quantize.recipes import recipe as recipes

GOOD = """
name = "small"
role = "detector"
source = { path = "model" }
calibration = { path = "photos" }
data.photos = { path = "photos", limit = 3 }
metrics = [{ metric = "presence", data = "photos" }]
variants = [{ name = "tiny", steps = [{ do = "quantize", type = "fp16" }] }]
"""


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return str(path)


def test_paths_stay_with_the_file_that_names_them(tmp_path, monkeypatch):
    path = write(tmp_path / "base" / "small.toml", GOOD)
    recipe = loading.load(path)
    assert tomllib.loads(recipe.text) == tomllib.loads(GOOD)
    assert recipe.calibration == {"path": str(tmp_path / "base" / "photos")}
    monkeypatch.chdir(tmp_path)
    recipe = loading.load(path, {"source": {"path": "other"}, "data": {"photos": {"path": "here"}}})
    assert recipe.source.path == str(tmp_path / "other")
    assert recipe.data["photos"] == {"path": str(tmp_path / "here"), "limit": 3}
    assert str(tmp_path) not in recipe.text
    again = loading.load(write(tmp_path / "base" / "again.toml", recipe.text))
    assert Path(again.source.path).resolve() == tmp_path / "other"
    assert (again.calibration, again.steps) == (recipe.calibration, recipe.steps)


def test_a_recipe_extends_a_preset(tmp_path):
    own = 'extends = "detector"\nname = "ours"\nsource = { model = "nanodet" }\ndata.photos.path = "mine"\n'
    recipe, preset = loading.load(write(tmp_path / "own.toml", own)), loading.load("detector")
    assert (recipe.name, recipe.source.model, recipe.metrics) == ("ours", "nanodet", preset.metrics)
    assert recipe.data["photos"] == {"path": str(tmp_path / "mine")}


@pytest.mark.parametrize(
    ("preset", "name", "given", "wanted"),
    [
        ("embedder", "texts", {"path": "/mine"}, {"path": "/mine"}),
        ("embedder", "texts", {"limit": 5}, {"examples": True, "limit": 5}),
        ("writing", "pages", {"path": "/mine"}, {"path": "/mine"}),
        ("writing", "pages", {"count": 3}, {"count": 3, "seed": 1000}),
        ("writing", "pages", {"seed": 5}, {"count": 40, "seed": 5}),
        ("language", "scenarios", {"path": "/mine"}, {"gold": True, "path": "/mine"}),
    ],
)
def test_data_that_is_given_replaces_where_the_items_come_from_and_nothing_else(tmp_path, preset, name, given, wanted):
    assert loading.load(preset, {"data": {name: given}}).data[name] == wanted
    table = ", ".join(f"{key} = {json.dumps(value)}" for key, value in given.items())
    own = write(tmp_path / "own.toml", f'extends = "{preset}"\n[data]\n{name} = {{ {table} }}\n')
    assert loading.load(own).data[name] == wanted


def test_texts_of_a_file_are_measured_and_not_the_examples(tmp_path):
    (tmp_path / "mine.txt").write_text("one text\nanother\n")
    recipe = loading.load("embedder", {"data": {"texts": {"path": str(tmp_path / "mine.txt")}}})
    assert list(data.items("embedder", recipe.data["texts"]).values()) == ["one text", "another"]


def test_a_data_set_of_two_sources_is_refused(tmp_path):
    path = write(tmp_path / "two.toml", GOOD.replace("limit = 3", "count = 3"))
    with pytest.raises(RecipeInvalid, match="'photos' of 'data' takes its items from one of count and path"):
        recipes.check(loading.load(path))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ('extends = "loop.toml"\n', "'extends' must be the name of a preset"),
        ("extends = [3]\n", "'extends' must be the name of a preset"),
        ("a = " + "[" * 3000, "not TOML"),
        (".".join(["a"] * 3000) + " = 1", "not TOML"),
        ("x = '" + "x" * (1 << 20) + "'", "larger than"),
    ],
)
def test_a_file_that_is_no_recipe(tmp_path, content, said):
    with pytest.raises(RecipeInvalid, match=said):
        loading.load(write(tmp_path / "loop.toml", content))
    for named in ("nothing.toml", "nothing", "nul\0.toml"):
        with pytest.raises(InputMissing, match="there is no recipe"):
            loading.load(named)


@given(st.binary(max_size=60) | st.text(max_size=60).map(str.encode))
def test_whatever_a_file_holds(tmp_path_factory, content):
    path = tmp_path_factory.getbasetemp() / "whatever.toml"
    path.write_bytes(content)
    with pytest.raises(RecipeInvalid):
        loading.load(str(path))


def test_every_preset_is_complete_and_there_is_one_for_each_sense():
    recipes = [loading.load(name) for name in loading.presets()]
    roles = {recipe.role for recipe in recipes}
    assert {"speech", "writing", "detector", "classifier", "embedder", "language"} <= roles <= set(ROLES)
    for recipe in recipes:
        assert recipe.source is None
        assert recipe.description
        assert recipe.criteria
        for criterion in recipe.criteria:
            gate.check(criterion)
        assert all(recipe.role in metric(each.metric).roles for each in recipe.metrics)


STARTER = Path(str(resources.files("edge_assistant_quantize.recipes"))) / "starter"
MADE = {
    "whisper-base": ("int8-int4", "whisper-base-int8-int4"),
    "minilm": ("int8-int4", "minilm-l6-int8-int4"),
    "efficientnet-lite0": ("int8-widened", "efficientnet-lite0-int8"),
    "nanodet": ("static-int8", "nanodet-int8"),
}


@pytest.mark.parametrize("name", [path.stem for path in STARTER.glob("*.toml")])
def test_a_starter_recipe_makes_what_the_catalog_entry_is_made_with(name):
    variant, model = MADE[name]
    recipe = loading.load(str(STARTER / f"{name}.toml"))
    entry, source = entries.load()[model], entries.load()[recipe.source.model]
    assert (entry.importer.name, entry.fetched) == (source.importer.name, source.fetched)
    said = [*quantizations.load(str(entry.importer.quantization)).values()]
    steps = next(each.steps for each in recipe.variants if each.name == variant)
    assert [type(step.method()) for step in steps] == [type(each) for each in said]
    if name != "nanodet":  # whose ranges the recipe measures
        assert [step.method() for step in steps] == said
