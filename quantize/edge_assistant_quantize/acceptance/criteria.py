"""What a candidate must hold to be accepted, as recipes and command lines say it.

docs/quantize-acceptance.md says where each key holds. A point never decides (non-inferiority by the confidence
interval: ICH E9, 1998, section 3.3.2).
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from edge_assistant.core.signals import printable
from edge_assistant_quantize.errors import RecipeInvalid
from edge_assistant_quantize.record import Bound, Criterion

_HINT = "give one of at_most_worse, within_interval, at_least and at_most"


def of(metric: str, said: Mapping[str, object]) -> Criterion | None:
    """The criterion of keys and values; None where there are none, so that a metric is only measured.

    Raises:
        RecipeInvalid: there are several, or a value is of the wrong kind.
    """
    if not said:
        return None
    keys = [key for key in said if key in set(Bound)]
    unknown = [key for key in said if key not in set(Bound)]
    if len(keys) != 1 or unknown:
        what = f"unknown key '{printable(unknown[0])}'" if unknown else f"{len(keys)} criteria"
        raise RecipeInvalid(f"{metric}: {what}", _HINT)
    bound, limit = Bound(keys[0]), said[keys[0]]
    if bound is Bound.WITHIN_INTERVAL:
        if limit is not True:
            raise RecipeInvalid(f"{metric}: 'within_interval' can only be true", "leave it out")
        return Criterion(metric, bound)
    if isinstance(limit, bool) or not isinstance(limit, int | float) or not math.isfinite(limit):
        raise RecipeInvalid(f"{metric}: '{bound}' must be a number", _HINT)
    if bound is Bound.AT_MOST_WORSE and limit < 0:
        raise RecipeInvalid(f"{metric}: '{bound}' must not be below zero", _HINT)
    return Criterion(metric, bound, float(limit))


def from_words(words: str) -> tuple[str, Criterion | None]:
    """A metric's name and its criterion as a command line has them.

    >>> from_words("wer at_most_worse=0.005")[1].text
    'at most 0.005 worse'
    >>> from_words("presence within_interval")[1].text
    "at most the metric's margin worse"

    Raises:
        RecipeInvalid: the criterion cannot be understood.
    """
    metric, *rest = words.split() or [""]
    return metric, of(metric, dict(_pair(word) for word in rest))


def _pair(word: str) -> tuple[str, object]:
    key, equals, value = word.partition("=")
    if not equals or value == "true":
        return key, True
    try:
        return key, float(value)
    except ValueError:
        return key, value
