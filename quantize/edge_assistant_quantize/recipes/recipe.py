"""What a recipe says, as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from edge_assistant_quantize.errors import RecipeInvalid

if TYPE_CHECKING:
    from edge_assistant_quantize.acceptance.criteria import Criterion
    from edge_assistant_quantize.recipes.steps.step import Step

_SAYS_WHAT = {"path", "count", "examples"}  # keys by which data is found: given, rendered, or the product's own

Data = Mapping[str, object]  # a table `data` as metrics and calibration take it; its `path` is absolute


@dataclass(frozen=True, slots=True)
class Source:
    """Where a model comes from: exactly one of a name and a path.

    Attributes:
        model: a name of the catalog, or empty.
        path: a folder or a model file; None where a name is given.
        files: names by key, of a folder without `candidate.toml`.
        options: what whoever loads it is told; they add to what the source itself says.
        sha256: the sums that its files must have, by key; of a folder of weights, by name.
    """

    model: str = ""
    path: Path | None = None
    files: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, object] = field(default_factory=dict)
    sha256: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Measurement:
    """One metric over one data set, with or without something to hold.

    Attributes:
        metric: its name.
        data: the name of the data set.
        criterion: what must hold; None where it is only measured.
    """

    metric: str
    data: str
    criterion: Criterion | None = None


@dataclass(frozen=True, slots=True)
class Variant:
    """One form that is made of the source: the steps that come after those of `prepare`."""

    name: str
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Publishing:
    """What the entry of the catalog will say; what is empty is asked of whoever publishes."""

    name: str = ""
    description: str = ""
    licence: str = ""
    licence_url: str = ""
    home: str = ""
    profiles: tuple[str, ...] = ()
    memory_mib: int | None = None


@dataclass(frozen=True, slots=True)
class Recipe:
    """A recipe as it was read; `ready` says whether it can be run.

    Attributes:
        name: also of the model that it makes, where `publish` names no other.
        role: of the model.
        description: one line.
        source: None in a preset.
        reference: what the variants are compared with; None for the source as `prepare` leaves it.
        prepare: steps done once, before the variants.
        variants: at least one.
        data: data sets by name; a preset leaves them open.
        calibration: None where none is given.
        measurements: in order; a criterion of each must hold for a variant to be accepted.
        speed: whether speed is measured, too.
        layers: the type whose damage is measured node by node; empty for none.
        publish: for `edge-quantize publish`.
        text: the recipe in TOML with all that it extends, for records.
    """

    name: str
    role: str
    description: str
    source: Source | None
    reference: Source | None
    prepare: tuple[Step, ...]
    variants: tuple[Variant, ...]
    data: Mapping[str, Data]
    calibration: Data | None
    measurements: tuple[Measurement, ...]
    speed: bool
    layers: str
    publish: Publishing
    text: str = ""

    @property
    def steps(self) -> tuple[Step, ...]:
        """Every step: those of `prepare`, then those of the variants."""
        return (*self.prepare, *(step for variant in self.variants for step in variant.steps))


def ready(recipe: Recipe) -> None:
    """Say that a recipe can be run.

    Raises:
        RecipeInvalid: it has no source, or data that it names is not given.
    """
    if recipe.source is None:
        raise RecipeInvalid(
            f"{recipe.name}: nothing says what is to be quantized",
            "name it: --source MODEL, or a [source] table with 'model' or 'path'",
        )
    for measurement in recipe.measurements:
        if not _SAYS_WHAT & set(recipe.data.get(measurement.data, ())):
            raise RecipeInvalid(
                f"{recipe.name}: '{measurement.metric}' is measured on '{measurement.data}', which is not given",
                f"say where it is: --data {measurement.data}=PATH, or a [data.{measurement.data}] table",
            )
    needs = [step.label for step in recipe.steps if step.calibrates] + ["'layers'"] * bool(recipe.layers)
    if needs and recipe.calibration is None:
        raise RecipeInvalid(
            f"{recipe.name}: {needs[0]} needs calibration data, which is not given",
            "say where it is: --calibration PATH, or a [calibration] table",
        )
    if any(step.searches for step in recipe.steps) and all(each.criterion is None for each in recipe.measurements):
        raise RecipeInvalid(
            f"{recipe.name}: nothing says when a search may stop, as no metric has a criterion",
            "give one: at_least, at_most_worse or within_interval",
        )
