"""Every entry of every table, of the shipped vocabulary and of each domain: well formed, and found where it belongs."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from helpers.typed import FINDERS

from edge_assistant.reasoning.rules import domain
from edge_assistant.reasoning.rules.vocabulary import Vocabulary, shipped, shipped_tables, within
from edge_assistant.reasoning.values.units import is_currency, meanings
from edge_assistant.reasoning.values.values import Day, Month, Quantity
from edge_assistant.reasoning.values.words import nothings, singular

CHOSEN = {"shipped": shipped()} | {name: domain.load(name) for name in domain.names()}


@pytest.fixture(params=CHOSEN.values(), ids=CHOSEN)
def chosen(request: pytest.FixtureRequest) -> Iterator[Vocabulary]:
    """Each vocabulary, in force."""
    with within(request.param):
        yield request.param


# ---- units


def test_each_writing_of_a_unit_is_read_as_it(chosen: Vocabulary) -> None:
    for written, unit in chosen.units.items():
        kind = "money" if is_currency(unit) else "quantity"
        text = f"It is 5 {written}."
        found = [c.value.unit for c in FINDERS[kind](text) if isinstance(c.value, Quantity)]
        assert found, text
        assert found[0] is not None, text
        assert meanings(found[0], unit), f"{text} {found[0]} and not {unit}"


def test_scales_have_a_size_and_a_base(chosen: Vocabulary) -> None:
    dimensions = {scale.dimension for scale in chosen.scales.values() if scale.dimension}
    for dimension in dimensions:
        assert any(scale.size == 1 for scale in chosen.scales.values() if scale.dimension == dimension), dimension
    assert all(scale.size > 0 for scale in chosen.scales.values())


def test_what_refers_to_units_finds_them(chosen: Vocabulary) -> None:
    assert set(chosen.hundredths.values()) <= {"", *chosen.scales}
    assert chosen.also.keys() | set().union(*chosen.also.values()) <= chosen.scales.keys()


# ---- numbers, days, plurals


def test_each_month_and_ordinal_makes_a_day(chosen: Vocabulary) -> None:
    for word, month in chosen.months.items():
        assert {_month(c.value) for c in FINDERS["date"](f"3 {word.title()} 2024")} == {month}, word
    for word, day in chosen.ordinals.items():
        (found,) = FINDERS["date"](f"the {word} of March 2024")
        assert isinstance(found.value, Day)
        assert found.value.readings == ((2024, 3, day),)


def _month(value: object) -> int | None:
    match value:
        case Day(readings):
            return readings[0][1]
        case Month(_, month):
            return month
    return None


def test_each_plural_has_a_singular_that_stays(chosen: Vocabulary) -> None:
    for plural, word in chosen.singular.items():
        assert singular(plural) == word
        assert singular(word) == word, word


# ---- words and phrases


def entries(tables: dict, path: str = "") -> Iterator[tuple[str, list[str]]]:
    """Each list of texts of the tables that are words as they are found, with its path."""
    for key, value in tables.items():
        own = f"{path}.{key}" if path else key
        if isinstance(value, dict):
            yield from entries(value, own)
        elif isinstance(value, list) and all(isinstance(item, str) for item in value):
            yield own, value


def test_words_are_as_they_are_compared() -> None:
    for path, texts in entries(dict(shipped_tables())):
        if not re.match(r"(unit|tolerance|also|measuring\.periods)\b", path):
            assert texts, path
            assert [text for text in texts if not text or text != " ".join(text.lower().split())] == [], path
            assert len(set(texts)) == len(texts), path


def test_hedges_make_a_number_approximate_or_open(chosen: Vocabulary) -> None:
    for kind, words in chosen.hedges.items():
        for word in words:
            found = [
                c.value for text in (f"it is {word} 40 kg", f"it is 40 kg {word}") for c in FINDERS["quantity"](text)
            ]
            quantities = [value for value in found if isinstance(value, Quantity)]
            open_ones = [q for q in quantities if q.least is not None or q.most is not None]
            assert open_ones or any(q.approximate for q in quantities), f"{kind}: {word}"


def test_words_for_none_say_that_there_is_none(chosen: Vocabulary) -> None:
    for word in chosen.words["none"]:
        assert list(nothings(word)), word
