"""What criteria can be decided, and by which data: looked at before hours of measuring."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path

from edge_assistant_quantize.acceptance import gate
from edge_assistant_quantize.errors import CalibrationInvalid, RecipeInvalid, UsageError
from edge_assistant_quantize.metrics.metric import metric, standard
from edge_assistant_quantize.record import Criterion

DataOf = Mapping[str, Mapping[str, object]]
"""The data by what is measured on it: `{"presence": {"path": "photos"}}`."""


def check(criteria: Iterable[Criterion]) -> None:
    """Say that criteria can be decided, before hours of measuring.

    Raises:
        UsageError: there is no such result, or only a metric is named.
        RecipeInvalid: it decides nothing, holds on no data, or a metric that is the comparison already is compared.
    """
    for criterion in criteria:
        found = metric(criterion.metric)
        if criterion.metric not in found.gives:
            what = f"'{criterion.metric}' is no result that could be decided by"
            raise UsageError(what, f"name what it gives: {' or '.join(found.gives)}")
        if not standard(criterion.metric).least:
            deciding = [name for name, each in found.gives.items() if each.least]
            raise RecipeInvalid(f"{criterion.metric} is measured and decides nothing", f"ask {' or '.join(deciding)}")
        if gate.needed(criterion) == math.inf:
            what = f"{criterion.metric}: '{criterion.text}' holds on no data, as an interval always has a width"
            raise RecipeInvalid(what, "allow some loss")
        if found.relative and criterion.compares:
            hint = "bound its own value: at_least, or at_most where less is better"
            raise RecipeInvalid(f"{criterion.metric} says by itself how far both agree", hint)


def check_data(
    criteria: Iterable[Criterion], role: str, files: Mapping[str, Path], data: DataOf, *, searched: bool = False
) -> None:
    """Say that data is enough to decide criteria by, before hours of measuring.

    Args:
        criteria: what must hold.
        role: of the models.
        files: of one of them by key; empty where there is none yet.
        data: by result, that of each criterion among them.
        searched: whether a search sees half of it.

    Raises:
        UsageError: see `Metric.check`.
        RecipeInvalid: what keeps a result honest would be measured on other data.
        CalibrationInvalid, InputMissing: it is not, or see `Metric.count`.
    """
    count_of = cache(lambda name, table: metric(name).count(role, files, json.loads(table)))  # it may load a model
    for each in criteria:
        by, given = metric(each.metric), data[each.metric]
        by.check(role, given)
        apart = [name for name, table in data.items() if metric(name).name == by.name and table != given]
        if beside := standard(each.metric).beside * bool(apart):
            what = f"'{each.metric}' decides by '{beside[0]}' of the same data, and '{apart[0]}' is asked on other data"
            raise RecipeInvalid(what, "name one for both")
        found, needed = count_of(by.name, json.dumps(given, sort_keys=True, default=str)), gate.needed(each)
        count = found // (2 if searched else 1)
        if count < needed:
            what = f"{count} independent items cannot show '{each.metric} {each.text}'"
            half = ", as a search looks at the other half" if searched else ""
            raise CalibrationInvalid(f"{what}, which takes at least {needed:.0f}{half}", "take more data")
