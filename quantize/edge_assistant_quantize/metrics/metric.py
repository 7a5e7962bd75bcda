"""What every metric is, and what it gives: one model's result, item by item."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from itertools import islice
from typing import Any, Literal, TypeAlias

import msgspec
from msgspec.structs import replace

from edge_assistant.compute.runtime import Runtime
from edge_assistant.core.signals import printable
from edge_assistant_models.model import InstalledModel
from edge_assistant_quantize.datasets.data import Data, clusters, folder_of, items, number_of
from edge_assistant_quantize.errors import CalibrationInvalid, UsageError
from edge_assistant_quantize.progress import Watch
from edge_assistant_quantize.record import Measured


@dataclass(frozen=True, slots=True)
class MetricRun:
    """A model that is measured, and what that takes.

    Attributes:
        model: as a sense or engine of the product opens it.
        reference: what a `relative` metric compares with; others ignore it.
        data: the table `data` of a recipe: `path` (a folder or file), or what makes the items, such as `seed`, `count`.
        runtime: gives the threads.
        watch: receives progress.
    """

    model: InstalledModel
    reference: InstalledModel | None
    data: Data
    runtime: Runtime
    watch: Watch

    def compared(self, metric: str) -> InstalledModel:
        """The reference of a relative metric.

        Raises:
            UsageError: there is none.
        """
        if self.reference is None:
            raise UsageError(f"{metric} compares with a reference", "name one: --reference MODEL")
        return self.reference

    def over(
        self,
        role: str,
        score: Callable[[str, Any], Mapping[str, tuple[float, float]]],
        lower: Collection[str] = (),
    ) -> dict[str, Measured]:
        """Results by name over what a sense gives of the data; those without any whole are left out.

        Args:
            role: of the model, see `senses.perceive`.
            score: the part and the whole of an item by the result, from its name and what the sense gave of it.
            lower: results of which less is better.

        Raises:
            CalibrationInvalid: the first result has no whole; or see `senses.perceive`.
        """
        from edge_assistant_quantize.senses import perceive  # with NumPy, which no help needs

        counted: dict[str, dict[str, tuple[float, float]]] = {}
        for name, given in perceive(self.model, role, self.data, self.runtime, self.watch):
            for result, pair in score(name, given).items():
                counted.setdefault(result, {})[name] = pair
        first = next(iter(counted))
        same = clusters(role, self.data, counted[first])
        return {
            result: measured(result, pairs, lower_is_better=result in lower, clusters=same)
            for result, pairs in counted.items()
            if result == first or any(whole for _, whole in pairs.values())
        }


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
    return Measured(metric, items, parts, wholes, lower_is_better, clusters=clusters, details=details or {})


def figures(results: Mapping[str, Measured]) -> dict[str, float]:
    """Values and details of results by name; of a detail that several results have, the result's name stands before."""
    words = [word for each in results.values() for word in each.details]
    details = {
        f"{name} {word}" if words.count(word) > 1 else word: value
        for name, each in results.items()
        for word, value in each.details.items()
    }
    return details | {name: each.value for name, each in results.items()}


Measure: TypeAlias = Callable[[MetricRun], Iterable[Measured]]
"""Measures one model; gives one or several results over the same items, such as presence and precision.

Raises:
    CalibrationInvalid, InputMissing: the data does not fit the metric.
"""


Each: TypeAlias = Literal["item", "scenario", "chunk"]
LEAST = 20  # independent items; below, an interval is too wide to decide by, see `acceptance.intervals`
SKEWED = 120  # of what has rare large losses: one in 3 % of the items is in none of so many in 2.6 % of cases


class Standard(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
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


class Metric(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One way to measure models: a table of metrics.toml, where functions are named as `module:function`."""

    name: str = ""  # such as `objects`: the table's
    # Its results by name, such as `presence` and `precision`; recipes and command lines name these
    gives: Mapping[str, Standard]
    roles: frozenset[str]  # of the models, see `edge_assistant_models.entries.ROLES`
    description: str  # one line for people
    keys: Mapping[str, str]  # that it reads of its data, each with a line for people
    measure: Measure
    each: Each = "item"  # what a result is of, see `datasets.data.items`
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

    def most(self, role: str, data: Data) -> int | None:
        """The most independent items that data can give; None where only a model tells.

        Raises:
            CalibrationInvalid, InputError: see `datasets.data.items`.
        """
        if self.each == "scenario":  # `limit` is one of questions, of which each has one or more
            return len(list(islice(folder_of(data).glob("*/scenario.toml"), number_of(data, "limit"))))
        return len(items(role, data)) if self.each == "item" else None


@cache
def all_metrics() -> dict[str, Metric]:
    """Every metric by name, as metrics.toml has them."""
    content = (resources.files(__package__) / "metrics.toml").read_bytes()
    tables = msgspec.toml.decode(content, type=dict[str, Metric], dec_hook=_function)
    return {name: replace(table, name=name) for name, table in sorted(tables.items())}


def _function(kind: object, named: str) -> Callable[..., Any]:
    """A function of a module here, which is imported when it is called."""
    module, _, name = named.partition(":")
    return lambda *given: getattr(importlib.import_module(f"{__package__}.{module}"), name)(*given)


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
        UsageError: no metric gives it, as where a metric is named itself.
    """
    gives = metric(result).gives
    if result not in gives:
        raise UsageError(f"'{result}' is no result that could be decided by", f"name one: {' or '.join(gives)}")
    return gives[result]
