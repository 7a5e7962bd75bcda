"""A recipe from its file or a preset, with the preset that it extends and what the command line adds."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from importlib import resources
from pathlib import Path
from typing import Any

from edge_assistant_models import regular, toml
from edge_assistant_models.schema import MAX_TOML_BYTES
from edge_assistant_quantize.errors import InputMissing, RecipeInvalid
from edge_assistant_quantize.recipes import recipe
from edge_assistant_quantize.recipes.recipe import ITEMS, Recipe

SUFFIX = ".toml"

_PATHS = ("source", "calibration")  # tables with paths that are relative to the recipe


def presets() -> dict[str, bytes]:
    """The recipes of the package, by name."""
    folder = resources.files("edge_assistant_quantize.recipes") / "presets"
    found = sorted(folder.iterdir(), key=lambda file: file.name)
    return {file.name.removesuffix(SUFFIX): file.read_bytes() for file in found if file.name.endswith(SUFFIX)}


def load(named: str, given: Mapping[str, Any] | None = None) -> Recipe:
    """Read a recipe.

    Args:
        named: a file, or the name of a preset.
        given: what the command line adds, in the form of a recipe; its paths are relative to the working directory.

    Raises:
        InputMissing: there is no such file and no such preset.
        RecipeInvalid: a key is wrong, or `extends` names no preset.
    """
    shipped = presets()
    content, home = (shipped[named], Path.cwd()) if named in shipped else _content(Path(named))
    try:
        values = _with_paths(toml.parse(content), str(home), os.path.join)
    except ValueError as error:
        raise RecipeInvalid(f"{Path(named).name}: not TOML ({error})", "correct the recipe") from None
    base = values.pop("extends", None)
    if base is not None:
        if base not in [*shipped]:
            raise RecipeInvalid(f"{Path(named).name}: 'extends' must be the name of a preset", _choices())
        values = _merged(toml.parse(shipped[base]), values)
    values = _merged(values, _with_paths(given or {}, str(Path.cwd()), os.path.join))
    return recipe.parse(values, Path(named).name, text_of(values, home))


def text_of(values: Mapping[str, Any], folder: Path) -> str:
    """The TOML file of a recipe whose paths are absolute, to lie in a folder."""
    import tomlkit

    text = tomlkit.dumps(_with_paths(values, str(folder), lambda folder, path: os.path.relpath(path, folder)))
    return text.encode(errors="replace").decode()  # names need not be UTF-8


def _content(path: Path) -> tuple[bytes, Path]:
    """A recipe's bytes and the folder that its paths are relative to."""
    try:
        content = regular.read(path, MAX_TOML_BYTES)
    except (OSError, ValueError):  # ValueError: a null byte in the name
        raise InputMissing(f"there is no recipe {path.name!r}", _choices()) from None
    if len(content) > MAX_TOML_BYTES:
        raise RecipeInvalid(f"{path.name}: larger than {MAX_TOML_BYTES} bytes", "a recipe is a few kilobytes")
    return content, path.absolute().parent


def _choices() -> str:
    return f"name a .toml file, or a preset: {', '.join(presets())}"


def _with_paths(values: Mapping[str, Any], folder: str, change: Callable[[str, str], str]) -> dict[str, Any]:
    """A recipe with the path of each table changed by `change(folder, path)`; wrong types are left to the decoder."""

    def changed(table: object) -> object:
        if not isinstance(table, dict):
            return table
        paths = {key: path for key in ("path", "imatrix") if isinstance(path := table.get(key), str) and path}
        return {**table, **{key: change(folder, path) for key, path in paths.items()}}

    found = {**values, **{key: changed(values[key]) for key in _PATHS if key in values}}
    if isinstance(data := values.get("data"), dict):
        found["data"] = {name: changed(table) for name, table in data.items()}
    return found


def _merged(base: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """A recipe over another: tables are merged key by key, except those with a path; lists replace."""
    merged = dict(base)
    for key, value in values.items():
        below = merged.get(key)
        if not (isinstance(value, dict) and isinstance(below, dict)) or key in _PATHS:
            merged[key] = value
        elif key == "data":
            merged[key] = {**below, **{name: _data_set(below.get(name), table) for name, table in value.items()}}
        else:
            merged[key] = {**below, **value}
    return merged


def _data_set(base: object, table: object) -> object:
    """A data set over another: if it takes its items from elsewhere, that of the other and its seed do not count."""
    if not (isinstance(base, dict) and isinstance(table, dict)):
        return table
    replaced = ITEMS | {"seed"} if ITEMS & table.keys() - base.keys() else frozenset()
    return {**{key: value for key, value in base.items() if key not in replaced}, **table}
