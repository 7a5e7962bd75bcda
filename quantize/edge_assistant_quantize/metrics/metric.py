"""What every metric is, and what it gives: one model's result, item by item."""

from __future__ import annotations

import importlib
import math
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from edge_assistant.compute.runtime import Runtime
from edge_assistant.core.signals import printable
from edge_assistant_models.model import InstalledModel
from edge_assistant_quantize.errors import CalibrationInvalid, UsageError
from edge_assistant_quantize.progress import Watch
from edge_assistant_quantize.record import Measured


def measured(
    metric: str,
    counted: Mapping[str, tuple[float, float]],
    *,
    lower_is_better: bool = False,
    details: Mapping[str, float] | None = None,
    clusters: tuple[str, ...] = (),
) -> Measured:
    """A share over items, from the part and the whole of each item by its name.

    Raises:
        CalibrationInvalid: there is no whole of which a part could be taken.
    """
    if not any(whole for _, whole in counted.values()):
        raise CalibrationInvalid(f"the data has nothing that {metric} could be measured on", "take other data")
    parts, wholes = zip(*counted.values(), strict=True)
    items = tuple(map(printable, counted))  # names need not be UTF-8
    finite = {word: value for word, value in (details or {}).items() if math.isfinite(value)}
    return Measured(metric, items, parts, wholes, lower_is_better, clusters=clusters, details=finite)


def figures(results: Mapping[str, Measured]) -> dict[str, float]:
    """Values and details of results by name; of a detail that several results have, the result's name stands before."""
    words = [word for each in results.values() for word in each.details]
    details = {
        f"{name} {word}" if words.count(word) > 1 else word: value
        for name, each in results.items()
        for word, value in each.details.items()
    }
    return details | {name: each.value for name, each in results.items()}


def compared(metric: str, reference: InstalledModel | None) -> InstalledModel:
    """The reference of a relative metric.

    Raises:
        UsageError: there is none.
    """
    if reference is None:
        raise UsageError(f"{metric} compares with a reference", "name one: --reference MODEL")
    return reference


Data: TypeAlias = Mapping[str, object]

Measure: TypeAlias = Callable[[InstalledModel, InstalledModel | None, Data, Runtime, Watch], tuple[Measured, ...]]
"""Measures one model.

Args:
    model: as a sense or engine of the product opens it.
    reference: what a `relative` metric compares with; others ignore it.
    data: the table `data` of a recipe: `path` (a folder or file), or what makes the items, such as `seed` and `count`.
    runtime: gives the threads.
    watch: receives progress.

Returns:
    One or several results over the same items, such as presence and precision.

Raises:
    CalibrationInvalid, InputMissing: the data does not fit the metric.
"""


Count: TypeAlias = Callable[[str, Mapping[str, Path], Data], int]
"""The most independent items that data can give a model of a role, before anything is measured.

Args:
    role: of the model.
    files: of the model by key; empty where there is none yet.
    data: as for `Measure`.

Raises:
    CalibrationInvalid, InputMissing: the data does not fit the metric, or could decide nothing.
"""


LIMIT = "the first N items only"
PHOTOGRAPHS = "a folder of photographs; those that its labels.json names, where it has one"
LEAST = 20  # independent items; below, an interval is too wide to decide by, see `acceptance.intervals`
SKEWED = 120  # of what has rare large losses: one in 3 % of the items is in none of so many in 2.6 % of cases


def of_sources(role: str, files: Mapping[str, Path], data: Data) -> int:
    """See `Count`: recordings, photographs, pages or texts of different content."""
    from edge_assistant_quantize.senses import sources  # with NumPy, which no help needs

    return len(set(sources(role, data).values()))


@dataclass(frozen=True, slots=True)
class Standard:
    """What a working model reaches in a result, in its own unit, and how much worse a form may be by default.

    A floor is far below any model that is worth quantizing. It tells a model from a damaged one, which a comparison
    with a damaged reference would not; candidate and reference have to reach it with the whole interval.

    Attributes:
        floor: the value that a working model reaches, from above where less is better.
        margin: how much worse is no loss; 0 for what compares with a reference by itself.
        task: whether it measures the product's task, so that models of different origin can be compared by it.
        least: independent items, below which it decides nothing, more for what is skewed; 0 where it never decides.
        beside: results of the same run whose floors must be reached, too; one that never decides may be missing.
        whole: whether an item is right or wrong as a whole, so that nothing is narrower than no loss at all.
    """

    floor: float
    margin: float = 0.0
    task: bool = False
    least: int = LEAST
    beside: tuple[str, ...] = ()
    whole: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One way to measure models."""

    name: str  # such as `objects`
    # Its results by name, such as `presence` and `precision`; recipes and command lines name these
    gives: Mapping[str, Standard]
    roles: frozenset[str]  # of the models, see `edge_assistant_models.entries.ROLES`
    description: str  # one line for people
    keys: Mapping[str, str]  # that it reads of its data, each with a line for people
    measure: Measure
    count: Count = of_sources
    # Whether it compares with a reference's outputs, so that a model measured against itself is perfect
    relative: bool = False

    def check(self, role: str, data: Data) -> None:
        """Check a role, and the keys of data, before hours of measuring.

        Raises:
            UsageError: it measures no models of this role, or reads no such key.
        """
        hint = f"see 'edge-quantize metrics {self.name}'"
        if role not in self.roles:
            raise UsageError(f"{self.name} measures {', '.join(sorted(self.roles))}, and the model is a {role}", hint)
        if unknown := sorted(data.keys() - self.keys.keys()):
            what = f"{self.name} reads no '{printable(unknown[0])}' of its data, but {', '.join(sorted(self.keys))}"
            raise UsageError(what, hint)


def all_metrics() -> dict[str, Metric]:
    """Every metric by name: those in `METRICS` of the modules of this package."""
    folder = importlib.import_module("edge_assistant_quantize.metrics")
    names = [module.name for module in pkgutil.iter_modules(folder.__path__)]
    modules = [importlib.import_module(f"{folder.__name__}.{name}") for name in sorted(names)]
    found = {metric.name: metric for module in modules for metric in getattr(module, "METRICS", ())}
    return dict(sorted(found.items()))


def metric(name: str) -> Metric:
    """A metric by its own name or by that of a result that it gives: `presence` is measured by `objects`.

    Raises:
        UsageError: there is none.
    """
    found = all_metrics()
    by_result = {given: metric for metric in found.values() for given in metric.gives}
    if name not in found and name not in by_result:
        raise UsageError(f"there is no metric '{printable(name)}'", f"choose one of {', '.join(by_result)}")
    return found.get(name) or by_result[name]


def standard(result: str) -> Standard:
    """The standard of a result.

    Raises:
        UsageError: no metric gives it.
    """
    return metric(result).gives[result]
