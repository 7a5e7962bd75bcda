"""A model at the beginning of a recipe: what `source` and `reference` name."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from edge_assistant.core.signals import printable
from edge_assistant_models.portfolio import Portfolio
from edge_assistant_quantize import candidate
from edge_assistant_quantize.candidate import Candidate
from edge_assistant_quantize.errors import InputMissing, ModelCorrupt, RecipeInvalid
from edge_assistant_quantize.recipes import sums
from edge_assistant_quantize.recipes.recipe import Recipe, Source
from edge_assistant_quantize.recipes.steps.step import Form

_CONFIG = "config.json"  # makes a folder one of Hugging Face


def of_source(recipe: Recipe, source: Source, portfolio: Portfolio | None = None) -> Form:
    """What a source names, with its sums.

    Raises:
        InputMissing: there is nothing.
        RecipeInvalid: it is a model of another role.
        ModelCorrupt: a file has not the sum that the recipe gives.
        ModelError: the catalog has no such model, or it is not installed or damaged.
    """
    if source.path is not None and _is_weights(source, source.path):
        return _of_weights(recipe, source, source.path)
    found = _candidate(recipe, source, portfolio)
    if found.role != recipe.role:
        raise RecipeInvalid(
            f"{recipe.name} is for a model of role '{recipe.role}', and {found.name} is one of role '{found.role}'",
            "name another source, or correct 'role'",
        )
    digests = found.sums()
    _compare(source.sha256, digests, found.name)
    options = {**found.options, **source.options}
    return Form(recipe.name, recipe.role, found.paths, digests, options)


def _candidate(recipe: Recipe, source: Source, portfolio: Portfolio | None) -> Candidate:
    if source.path is None:
        return candidate.find(source.model, recipe.role, portfolio)
    if not source.path.exists():
        raise InputMissing(f"there is no {printable(source.path.name)}", "check [source] of the recipe")
    if not source.files:
        return candidate.find(str(source.path), recipe.role, portfolio)
    found = Candidate(recipe.name, recipe.role, source.path, source.files)
    missing = next((path for path in found.paths.values() if not path.is_file()), None)
    if missing is not None:
        raise InputMissing(f"there is no {missing.name} in {source.path.name}", "check [source] of the recipe")
    return found


def _is_weights(source: Source, path: Path) -> bool:
    """Whether it is a folder of Hugging Face, which has to be converted or exported first."""
    return not source.files and not (path / candidate.FILE).exists() and (path / _CONFIG).is_file()


def _of_weights(recipe: Recipe, source: Source, folder: Path) -> Form:
    names = {name: sums.of_path(folder / name) for name in source.sha256}
    _compare(source.sha256, names, folder.name)
    options = dict(source.options)
    return Form(recipe.name, recipe.role, options=options, weights=folder, weights_sum=sums.of_folder(folder))


def _compare(pinned: Mapping[str, str], there: Mapping[str, str], name: str) -> None:
    for key, digest in pinned.items():
        if there.get(key) != digest:
            what = f"'{key}' of {name} is not the file whose sum the recipe gives"
            raise ModelCorrupt(what, "fetch it again, or correct [source.sha256]")
