"""Reading a recipe: TOML of unknown origin to a `Recipe`, or one line that says which key is wrong.

name = "nanodet-int8"
role = "detector"
source = { model = "nanodet" }            # or path = "folder", "model.onnx", "model.gguf"
calibration = { path = "photos/calibrate" }

[data]                                    # data sets by name
photos = { path = "photos/evaluate" }

[[metrics]]
metric = "presence"
data = "photos"
within_interval = true                    # or at_least = 0.97, at_most_worse = 0.005; without, it is only measured

[[variants]]                              # the smallest one that is accepted is taken
name = "static-int8"
steps = [{ do = "quantize", type = "static-int8", exclude_until_accepted = 8 }]
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from edge_assistant.core.signals import printable
from edge_assistant_models.entries import ROLES
from edge_assistant_models.errors import CatalogInvalid
from edge_assistant_models.schema import HTTP_URL, NAME, SHA256, Table
from edge_assistant_quantize.acceptance import criteria
from edge_assistant_quantize.candidate import names_by_key
from edge_assistant_quantize.errors import RecipeInvalid
from edge_assistant_quantize.onnx.quantize import METHODS
from edge_assistant_quantize.recipes.recipe import Data, Measurement, Publishing, Recipe, Source, Variant
from edge_assistant_quantize.recipes.steps.step import Step, all_steps

MAX_VARIANTS = 50  # each is made and measured, which takes minutes
MAX_STEPS = 20  # of one variant

_HINT = "correct the recipe; 'edge-quantize recipes show NAME' prints one to start from"


def parse(
    values: Mapping[str, object], where: str, *, text: str = "", kinds: Mapping[str, type[Step]] | None = None
) -> Recipe:
    """Read a recipe whose paths are absolute and that extends no other.

    Args:
        values: as TOML gives them.
        where: its file, for messages.
        text: what records hold of it.
        kinds: the steps that there are; None for those of this package.

    Raises:
        RecipeInvalid: it breaks the schema.
    """
    try:
        return _recipe(Table(values, where), text, all_steps() if kinds is None else kinds)
    except RecipeInvalid:
        raise
    except CatalogInvalid as error:
        raise RecipeInvalid(printable(error.message), _HINT) from None


def _recipe(table: Table, text: str, kinds: Mapping[str, type[Step]]) -> Recipe:
    recipe = Recipe(
        name=table.text("name", NAME),
        role=table.text("role"),
        description=table.optional_text("description") or "",
        source=_source(table.optional_table("source")),
        reference=_source(table.optional_table("reference")),
        prepare=_steps(table, "prepare", kinds),
        variants=tuple(_variant(each, kinds) for each in _some(table, "variants", MAX_VARIANTS)),
        data=_data(table.optional_table("data")),
        calibration=_calibration(table),
        measurements=tuple(_measurement(each) for each in _some(table, "metrics", MAX_VARIANTS)),
        speed=table.flag("speed", default=True),
        layers=_method(table),
        publish=_publishing(table.optional_table("publish")),
        text=text,
    )
    table.end()
    if recipe.role not in ROLES:
        raise table.invalid(f"unknown role '{recipe.role}' (there are {', '.join(ROLES)})")
    if len({variant.name for variant in recipe.variants}) != len(recipe.variants):
        raise table.invalid("two variants have the same name")
    return recipe


def _some(table: Table, key: str, most: int) -> tuple[Table, ...]:
    """A list of at least one table and not too many."""
    found = table.tables(key)
    if len(found) > most:
        raise table.invalid(f"'{key}' has more than {most} tables")
    return found


def _source(table: Table | None) -> Source | None:
    if table is None:
        return None
    model, path = table.optional_text("model", NAME), table.optional_text("path")
    if (model is None) == (path is None):
        raise table.invalid("it needs one of 'model', a name of the catalog, and 'path'")
    files, sums = table.optional_table("files"), table.optional_table("sha256")
    source = Source(
        model or "",
        Path(path) if path else None,
        {} if files is None else names_by_key(files),
        table.free("options"),
        {} if sums is None else {key: sums.text(key, SHA256) for key in sums.remaining()},
    )
    table.end()
    return source


def _variant(table: Table, kinds: Mapping[str, type[Step]]) -> Variant:
    variant = Variant(table.text("name", NAME), _steps(table, "steps", kinds))
    table.end()
    if not variant.steps:
        raise table.invalid(f"the variant '{variant.name}' has no steps")
    return variant


def _steps(table: Table, key: str, kinds: Mapping[str, type[Step]]) -> tuple[Step, ...]:
    """A list of steps; none where the key is absent."""
    if key not in table.remaining():
        return ()
    return tuple(_step(each, kinds) for each in _some(table, key, MAX_STEPS))


def _step(table: Table, kinds: Mapping[str, type[Step]]) -> Step:
    name = table.text("do")
    if name not in kinds:
        raise table.invalid(f"unknown step '{name}' (there are {', '.join(kinds)})")
    step = kinds[name].parse(table)
    table.end()
    return step


def _data(table: Table | None) -> dict[str, Data]:
    """Data sets by name."""
    if table is None:
        return {}
    found = {key: table.free(key) for key in table.remaining()}
    if not all(found.values()):
        empty = next(key for key, values in found.items() if not values)
        raise table.invalid(f"'{empty}' is empty; it needs a 'path'")
    return dict(found)


def _calibration(table: Table) -> Data | None:
    if "calibration" not in table.remaining():
        return None
    values = table.free("calibration")
    if not isinstance(values.get("path"), str):
        raise table.invalid("'calibration' needs a 'path'")
    return values


def _measurement(table: Table) -> Measurement:
    metric, data = table.text("metric", NAME), table.text("data", NAME)
    measurement = Measurement(metric, data, criteria.parse(metric, table))
    table.end()
    return measurement


def _method(table: Table) -> str:
    """The method by which `layers` asks which nodes hurt; empty where it does not."""
    method = table.optional_text("layers") or ""
    if method and method not in METHODS:
        raise table.invalid(f"'layers' is no method for ONNX files ({', '.join(METHODS)})")
    return method


def _publishing(table: Table | None) -> Publishing:
    if table is None:
        return Publishing()
    publishing = Publishing(
        table.optional_text("name", NAME) or "",
        table.optional_text("description") or "",
        table.optional_text("licence") or "",
        table.optional_text("licence_url", HTTP_URL) or "",
        table.optional_text("home", HTTP_URL) or "",
        table.texts("profiles", NAME, required=False),
        table.optional_positive("memory_mib"),
    )
    table.end()
    return publishing
