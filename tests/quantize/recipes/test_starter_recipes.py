"""The recipes behind the starter profile's models say what the catalog's entries are made with."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

import pytest

from edge_assistant_models import entries
from edge_assistant_quantize.importers import quantizations
from edge_assistant_quantize.recipes import loading

FOLDER = Path(str(resources.files("edge_assistant_quantize.recipes"))) / "starter"
RECIPES = {
    "whisper-base": ("int8-int4", "whisper-base-int8-int4"),
    "minilm": ("int8-int4", "minilm-l6-int8-int4"),
    "efficientnet-lite0": ("int8-widened", "efficientnet-lite0-int8"),
    "nanodet": ("static-int8", "nanodet-int8"),
}


def test_there_is_a_recipe_for_each():
    assert {path.stem for path in FOLDER.glob("*.toml")} == set(RECIPES)


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_makes_what_the_entry_is_made_with(name):
    variant, model = RECIPES[name]
    recipe = loading.load(str(FOLDER / f"{name}.toml"))
    entry = entries.load()[model]
    assert recipe.source is not None
    source = entries.load()[recipe.source.model]
    assert entry.importer is not None
    assert source.importer is not None
    assert entry.importer.name == source.importer.name
    assert entry.fetched == source.fetched
    said = quantizations.load(str(entry.importer.quantization))
    steps = next(each.steps for each in recipe.variants if each.name == variant)
    assert [step.method for step in steps] == [each.method for each in said.values()]
    if name != "nanodet":  # whose ranges the recipe measures
        assert [dict(step.options) for step in steps] == [dict(each.options) for each in said.values()]
