"""The English data of the reasoning stage, loaded once."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files


@dataclass(frozen=True, slots=True)
class English:
    """Numbers, months, ordinals, units, plurals, word lists and how questions are understood; see english.toml."""

    numbers: Mapping[str, int]
    months: Mapping[str, int]
    ordinals: Mapping[str, int]
    units: Mapping[str, str]
    singular: Mapping[str, str]
    words: Mapping[str, frozenset[str]]
    question: Mapping[str, tuple[str, ...]]
    attributes: Mapping[str, tuple[str, str]]
    measures: Mapping[str, frozenset[str]]
    categories: Mapping[str, frozenset[str]]
    statistics: Mapping[str, tuple[str, ...]]


@cache
def english() -> English:
    """Load the data that ships with the package."""
    data = tomllib.loads((files(__package__) / "english.toml").read_text(encoding="utf-8"))
    return English(
        numbers=data["numbers"],
        months=data["months"],
        ordinals=data["ordinals"],
        units=data["units"],
        singular=data["singular"],
        words={key: frozenset(values) for key, values in data["words"].items()},
        question={key: tuple(values) for key, values in data["question"].items()},
        attributes={key: (values[0], values[1]) for key, values in data["attributes"].items()},
        measures={key: frozenset(values) for key, values in data["measures"].items()},
        categories={key: frozenset(values) for key, values in data["categories"].items()},
        statistics={key: tuple(values) for key, values in data["statistics"].items()},
    )
