"""The model that a recipe starts from: what `source` and `reference` name."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from edge_assistant.core.signals import printable
from edge_assistant_quantize import candidate, provenance
from edge_assistant_quantize.errors import InputMissing, RecipeInvalid
from edge_assistant_quantize.recipes.recipe import ModelSource, Recipe
from edge_assistant_quantize.recipes.step import IMATRIX, WEIGHTS, Form

_CONFIG = "config.json"  # marks a folder as one of Hugging Face


def form(recipe: Recipe, source: ModelSource) -> Form:
    """The model that a source names, with its checksums.

    Raises:
        InputMissing: there is none.
        RecipeInvalid: it is a model of another role.
        WeightsRefused: an .onnx file keeps weights in other files, which no sum of the record would cover.
        ModelError: the catalog has no such model, or it is not installed or damaged.
    """
    path = Path(source.path)
    if source.path and not path.exists():
        raise InputMissing(f"there is no {printable(path.name)}", "check [source] of the recipe")
    if source.path and not (path / candidate.FILE).exists() and (path / _CONFIG).is_file():
        sums = {WEIGHTS: provenance.sum_of_path(path)}
        return Form(recipe.name, recipe.role, options=source.options, beside={WEIGHTS: path}, beside_sums=sums)
    found = candidate.find(source.path or source.model, recipe.role)
    if found.role != recipe.role:
        raise RecipeInvalid(
            f"{recipe.name} is for a model of role '{recipe.role}', and {found.name} is one of role '{found.role}'",
            "name another source, or correct 'role'",
        )
    beside = {IMATRIX: Path(source.imatrix)} if source.imatrix else {}
    sums = {key: provenance.sum_of_path(path) for key, path in beside.items()}
    options = {**found.options, **source.options}
    return replace(Form.of(found), name=recipe.name, options=options, beside=beside, beside_sums=sums)
