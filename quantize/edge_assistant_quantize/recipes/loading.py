"""A recipe from its file or from a preset, with what it extends and what the command line adds."""

from __future__ import annotations

import os
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any

from edge_assistant_models import regular, toml
from edge_assistant_models.schema import MAX_TOML_BYTES
from edge_assistant_quantize.errors import InputMissing, RecipeInvalid
from edge_assistant_quantize.recipes import schema
from edge_assistant_quantize.recipes.recipe import Recipe
from edge_assistant_quantize.recipes.steps.step import Step

EXTENDS = "extends"
SUFFIX = ".toml"
MAX_DEPTH = 8  # recipes that extend recipes; a person follows three

_PATHS = ("source", "reference", "calibration")  # tables with a path that is relative to the recipe


def presets() -> dict[str, bytes]:
    """The recipes that come with the package, by name."""
    folder = resources.files("edge_assistant_quantize.recipes") / "presets"
    found = sorted(folder.iterdir(), key=lambda file: file.name)
    return {file.name.removesuffix(SUFFIX): file.read_bytes() for file in found if file.name.endswith(SUFFIX)}


def load(
    named: str, given: Mapping[str, Any] | None = None, *, kinds: Mapping[str, type[Step]] | None = None
) -> Recipe:
    """Read a recipe.

    Args:
        named: a file, or the name of a preset.
        given: what the command line adds, in the form of a recipe; its paths are relative to the working directory.
        kinds: the steps that there are; None for those of this package.

    Raises:
        InputMissing: there is no such file and no such preset.
        RecipeInvalid: it breaks the schema, or what it extends is missing or goes round in a circle.
    """
    own = given or {}
    values = _merged(_followed(named, Path(), MAX_DEPTH), _anchored(own, Path.cwd()))
    base = Path(named).absolute().parent if named.endswith(SUFFIX) else Path.cwd()
    text = _own_text(named) if not own else ""
    return schema.parse(values, Path(named).name, text=text or _dumped(values, base), kinds=kinds)


def _followed(named: str, folder: Path, left: int) -> dict[str, Any]:
    """A recipe with all that it extends put under it, its paths made absolute."""
    if left == 0:
        raise RecipeInvalid(f"'{named}' extends too many recipes, or itself", f"at most {MAX_DEPTH} may follow another")
    content, home = _content(named, folder)
    values = _anchored(_toml(content, Path(named).name), home)
    base = values.pop(EXTENDS, None)
    if base is None:
        return values
    if not isinstance(base, str) or not base.strip():
        raise RecipeInvalid(f"{Path(named).name}: '{EXTENDS}' must be the name of a preset or a file", _choices())
    return _merged(_followed(base, home, left - 1), values)


def _content(named: str, folder: Path) -> tuple[bytes, Path]:
    """A recipe's bytes and the folder that its paths are relative to."""
    shipped = presets()
    if named in shipped:
        return shipped[named], folder
    path = folder / named
    try:
        return regular.read(path, MAX_TOML_BYTES), path.absolute().parent
    except (OSError, ValueError):  # ValueError: a null byte in the name
        raise InputMissing(f"there is no recipe {path.name!r}", _choices()) from None


def _choices() -> str:
    return f"name a .toml file, or a preset: {', '.join(presets())}"


def _toml(content: bytes, where: str) -> dict[str, Any]:
    if len(content) > MAX_TOML_BYTES:
        raise RecipeInvalid(f"{where}: larger than {MAX_TOML_BYTES} bytes", "a recipe is a few kilobytes")
    try:
        return toml.parse(content)
    except ValueError as error:
        raise RecipeInvalid(f"{where}: not TOML ({error})", "correct the recipe") from None


def _anchored(values: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """The same with the paths of its tables absolute; what is no table is left for the schema to refuse."""
    anchored = {**values, **{key: _with_path(values[key], folder) for key in _PATHS if key in values}}
    if isinstance(data := values.get("data"), dict):
        anchored["data"] = {name: _with_path(table, folder) for name, table in data.items()}
    return anchored


def _with_path(table: object, folder: Path) -> object:
    if isinstance(table, dict) and isinstance(path := table.get("path"), str) and path:
        return {**table, "path": str(folder.absolute() / path)}
    return table


def _merged(base: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """A recipe over another: tables are merged key by key, except where a source names another one; lists replace."""
    merged = dict(base)
    for key, value in values.items():
        below = merged.get(key)
        mixes = isinstance(value, dict) and isinstance(below, dict) and key not in _PATHS
        merged[key] = _merged(below or {}, value) if mixes else value
    return merged


def _own_text(named: str) -> str:
    """The text of a recipe that extends none, as it was written; empty where it does."""
    content, _ = _content(named, Path())
    return "" if EXTENDS in toml.parse(content) else content.decode()


def _dumped(values: Mapping[str, Any], base: Path) -> str:
    """A recipe put together, as TOML whose paths are relative to a folder."""
    import tomlkit

    return tomlkit.dumps(_relative(values, base))


def _relative(values: Mapping[str, Any], base: Path) -> dict[str, Any]:
    relative = {**values, **{key: _short(values[key], base) for key in _PATHS if key in values}}
    if isinstance(data := values.get("data"), dict):
        relative["data"] = {name: _short(table, base) for name, table in data.items()}
    return relative


def _short(table: object, base: Path) -> object:
    if isinstance(table, dict) and isinstance(path := table.get("path"), str) and path:
        return {**table, "path": os.path.relpath(path, base)}
    return table
