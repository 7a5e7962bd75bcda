"""Recipes: TOML files that lead from a source to an accepted model. msgspec checks each key.

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

[[variants]]                              # the smallest accepted one is chosen
name = "static-int8"
steps = [{ do = "quantize", type = "static-int8", exclude_until_accepted = 8 }]
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from edge_assistant.core.signals import printable
from edge_assistant_models.entries import ROLES
from edge_assistant_quantize import decoding
from edge_assistant_quantize.acceptance import gate
from edge_assistant_quantize.decoding import Line, Name
from edge_assistant_quantize.errors import RecipeInvalid
from edge_assistant_quantize.metrics.metric import metric, standard
from edge_assistant_quantize.publish.description import EntryDescription
from edge_assistant_quantize.recipes import steps
from edge_assistant_quantize.recipes.step import Step, decode
from edge_assistant_quantize.record import Bound, Criterion

MAX_TABLES = 50  # variants or metrics; each takes minutes
MAX_STEPS = 20

Data = dict[str, Any]  # a table `data` as metrics and calibration take it; its `path` is absolute
Limit = Annotated[float, Meta(ge=-1e9, le=1e9)]  # a number, and no infinite one
Steps = Annotated[tuple[Step, ...], Meta(min_length=1, max_length=MAX_STEPS)]

_HINT = "correct the recipe; 'edge-quantize recipes show NAME' prints one to start from"
_CRITERIA = "give one of at_most_worse, within_interval, at_least and at_most"
ITEMS = frozenset({"path", "count", "examples"})  # keys that say where the items of a data set come from


class ModelSource(Struct, frozen=True, forbid_unknown_fields=True):
    """Where a model comes from: a name of the catalog, or a path.

    Attributes:
        model: the name, or empty.
        path: a folder or a model file, or empty.
        options: for the code that loads it; they override the source's own.
        imatrix: an importance matrix of it that is there already, for the steps that use one; or None.
    """

    model: Name = ""
    path: Line = ""
    options: dict[str, object] = {}
    imatrix: Line | None = None

    def __post_init__(self) -> None:
        if bool(self.model) == bool(self.path):
            raise ValueError("it needs one of 'model', a name of the catalog, and 'path'")


class Measurement(Struct, frozen=True, forbid_unknown_fields=True):
    """One metric over one data set, with at most one criterion; docs/quantize-acceptance.md says where each holds."""

    metric: Name
    data: Name
    at_most_worse: Annotated[float, Meta(ge=0, le=1e9)] | None = None
    within_interval: bool = False
    at_least: Limit | None = None
    at_most: Limit | None = None

    @classmethod
    def of(cls, words: str) -> Measurement:
        """Words of a command line, such as "presence within_interval"; its data has the name of the metric.

        Raises:
            RecipeInvalid: the criterion cannot be understood.

        >>> Measurement.of("wer at_most_worse=0.005").criterion.text
        'at most 0.005 worse'
        """
        name, *rest = words.split() or [""]
        pairs = [word.partition("=") for word in (f"metric={name}", f"data={name}", *rest)]
        values = {key: value if is_set else True for key, is_set, value in pairs}
        try:
            if len(values) < len(pairs):
                raise ValueError("a key is given twice")
            return decoding.convert(values, cls, strict=False)
        except ValueError as error:
            raise RecipeInvalid(f"--metric '{printable(words)}': {error}", _CRITERIA) from None

    @property
    def criterion(self) -> Criterion | None:
        """What must hold; None if it is only measured.

        Raises:
            UsageError: no metric gives this result.
        """
        worse = standard(self.metric).margin if self.within_interval else self.at_most_worse
        limits = {Bound.AT_MOST_WORSE: worse, Bound.AT_LEAST: self.at_least, Bound.AT_MOST: self.at_most}
        found = (Criterion(self.metric, bound, limit) for bound, limit in limits.items() if limit is not None)
        return next(found, None)

    def __post_init__(self) -> None:
        asked = [self.within_interval or None, self.at_most_worse, self.at_least, self.at_most]
        if len(asked) - asked.count(None) > 1:
            raise ValueError(f"several criteria ({_CRITERIA})")


class RecipeVariant(Struct, frozen=True, forbid_unknown_fields=True):
    """One form of the model, and the steps to it after those of `prepare`."""

    name: Name
    steps: Steps


class Recipe(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A recipe; `check` says whether it can be run.

    Attributes:
        name: also of the model, unless `publish` names another.
        role: of the model.
        variants: at least one.
        metrics: in order; all criteria must hold for a variant to be accepted.
        description: one line.
        source: None in a preset.
        prepare: steps done once, before the variants.
        data: data sets by name; a preset leaves them open.
        calibration: data, or None.
        speed: whether speed is measured.
        publish: for `edge-quantize publish`, which asks for what is empty.
        text: the recipe in TOML with everything that it extends, for records.
    """

    name: Name
    role: str
    variants: Annotated[tuple[RecipeVariant, ...], Meta(min_length=1, max_length=MAX_TABLES)]
    metrics: Annotated[tuple[Measurement, ...], Meta(min_length=1, max_length=MAX_TABLES)]
    description: Line = ""
    source: ModelSource | None = None
    prepare: Steps = ()
    data: dict[str, Annotated[Data, Meta(min_length=1)]] = {}
    calibration: Data | None = None
    speed: bool = True
    publish: EntryDescription = EntryDescription()
    text: str = ""

    def __post_init__(self) -> None:
        if self.role not in ROLES:
            raise ValueError(f"unknown role {self.role!r} (there are {', '.join(ROLES)})")
        if len({variant.name for variant in self.variants}) != len(self.variants):
            raise ValueError("two variants have the same name")
        if self.calibration is not None and not isinstance(self.calibration.get("path"), str):
            raise ValueError("'calibration' needs a 'path'")

    @property
    def steps(self) -> tuple[Step, ...]:
        """Every step: those of `prepare`, then those of the variants."""
        return (*self.prepare, *(each for variant in self.variants for each in variant.steps))

    @property
    def searches(self) -> bool:
        """Whether a step asks for acceptance while it works, which takes half of the items."""
        return any(step.searches for step in self.steps)

    @property
    def criteria(self) -> list[Criterion]:
        """All that must hold."""
        return [found for each in self.metrics if (found := each.criterion) is not None]


def parse(values: Mapping[str, object], where: str, text: str = "") -> Recipe:
    """Read a recipe whose paths are absolute and that extends no other.

    Args:
        values: as TOML gives them.
        where: its file, for messages.
        text: for records.

    Raises:
        RecipeInvalid: a key is missing, unknown or wrong; the message names it.
    """

    def hook(kind: type, value: Any) -> Step:  # noqa: ANN401 - of unknown origin
        return decode(value, steps.STEPS)

    try:
        if "text" in values:
            raise ValueError("unknown key `text`")
        return msgspec.structs.replace(decoding.convert(values, Recipe, hook), text=text)
    except ValueError as error:
        raise RecipeInvalid(f"{where}: {error}", _HINT) from None


def check(recipe: Recipe) -> None:
    """Check that a recipe can be run; one without steps needs no source.

    Raises:
        RecipeInvalid: it lacks a source or data, or a criterion does not fit, or results of one metric are asked apart.
        UsageError: there is no such metric or result, or a metric does not read a key of its data.
        CalibrationInvalid, InputMissing: the data is not there, of another kind, or too little to decide by.
    """
    if recipe.source is None and recipe.steps:
        hint = "name it: --source MODEL, or a [source] table with 'model' or 'path'"
        raise RecipeInvalid(f"{recipe.name}: nothing says what is to be quantized", hint)
    for name, table in recipe.data.items():
        if len(said := [key for key in sorted(ITEMS) if table.get(key)]) > 1:
            raise RecipeInvalid(f"'{name}' of 'data' takes its items from one of {' and '.join(said)}", "name one")
    for each in recipe.metrics:
        if not ITEMS & set(recipe.data.get(each.data, ())):
            what = f"{recipe.name}: '{each.metric}' is measured on '{each.data}', which is not given"
            where = f"{each.data}=PATH, or a [data.{each.data}] table" if recipe.steps else "path=PATH"
            raise RecipeInvalid(what, f"say where it is: --data {where}")
    calibrated = [each.label for each in recipe.steps if each.calibrates]
    if calibrated and recipe.calibration is None:
        hint = "say where it is: --calibration PATH, or a [calibration] table"
        raise RecipeInvalid(f"{recipe.name}: {calibrated[0]} needs calibration data, which is not given", hint)
    if recipe.searches and not recipe.criteria:
        what = f"{recipe.name}: nothing says when a search may stop, as no metric has a criterion"
        raise RecipeInvalid(what, "give one: at_least, at_most_worse or within_interval")
    data: dict[str, Data] = {}
    for each in recipe.metrics:
        by, own = metric(each.metric), recipe.data[each.data]
        by.check(recipe.role, own)
        if data.setdefault(by.name, own) != own:  # what keeps a result honest must not be measured elsewhere
            what = f"{recipe.name}: '{each.metric}' and another result of '{by.name}' are asked on two data sets"
            raise RecipeInvalid(what, "name one for both")
        if each.criterion:
            gate.check(each.criterion)
    for asked in recipe.criteria:
        by = metric(asked.metric)
        if (most := by.most(recipe.role, data[by.name])) is not None:
            gate.check_count([asked], {asked.metric: most // 2 if recipe.searches else most})
