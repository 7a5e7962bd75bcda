"""What is told of another, or of another time, leaves alone what is told now of the one at hand, in any order."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from fakes import source
from told_sentences import rendered

from edge_assistant.reasoning.told.told import told_claims

_KEPT = re.compile(r"I\b|[A-Z]{2}|[A-Z]\w+ [A-Z]")  # begins with what is no ordinary word
_TOLD = re.compile(r"(?P<attribute>[^=\[]+?)(?: \[(?P<subject>.+)\])? = (?P<value>.+)")


def rows() -> Iterator[tuple[str, str, str, frozenset[int]]]:
    """Each row of told_apart.txt: what it tells, what is right, what is of another, in which forms nothing is told."""
    for line in Path(__file__).with_name("told_apart.txt").read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            told, right, other, *silent = (part.strip() for part in line.split(" | "))
            yield told, right, other, frozenset(int(form) for form in " ".join(silent).split())


def forms(right: str, other: str) -> dict[int, str]:
    """Two sentences, one sentence, and as a recogniser writes that knows no marks; each in both orders."""
    r, o = _lower(right), _lower(other)
    return {
        1: f"{_upper(right)}. {_upper(other)}.",
        2: f"{_upper(other)}. {_upper(right)}.",
        3: f"{_upper(right)}, {o}.",
        4: f"{_upper(other)}, {r}.",
        5: f"{_upper(right)} but {o}.",
        6: f"{r} {o}".replace(", ", " "),
        7: f"{o} {r}".replace(", ", " "),
    }


def _upper(text: str) -> str:
    return text[0].upper() + text[1:]


def _lower(text: str) -> str:
    return text if _KEPT.match(text) else text[0].lower() + text[1:]


def values(text: str, told: str) -> set[str]:
    """The values that are told so now of an attribute and subject."""
    match = _TOLD.fullmatch(told)
    assert match is not None
    found = [c for c in told_claims(source([text])) if c.present]
    found = [c for c in found if (c.attribute, c.subject) == (match["attribute"], match["subject"])]
    return {rendered(claim).partition(" = ")[2].partition(" | ")[0] for claim in found}


ROWS = list(rows())


@pytest.mark.parametrize(("told", "right", "other", "silent"), ROWS, ids=[f"{row[1]}, {row[2]}" for row in ROWS])
def test_only_what_is_right_is_told(told: str, right: str, other: str, silent: frozenset[int]) -> None:
    value = told.partition(" = ")[2]
    assert values(right + ".", told) == {value}
    got = {form: values(text, told) for form, text in forms(right, other).items()}
    assert got == {form: set() if form in silent else {value} for form in got}


@pytest.mark.parametrize(
    ("text", "claims"),
    [
        ("the voltage was 230 volts before the refit now it is 400 volts", ["230 V @ before the refit", "400 V"]),
        ("The voltage was 230 V before the refit, now 400 V.", ["230 V @ before the refit", "400 V"]),
        ("Previously 230 V, currently 400 V.", ["230 V @ previously", "400 V"]),
        ("It had 230 V back in March, these days it has 400 V.", ["230 V @ back in march", "400 V"]),
        ("It used to be 230 V and is now 400 V.", ["230 V @ used to", "400 V"]),
        ("The voltage was 230 V until last week it is now 400 V", ["230 V @ until last week", "400 V"]),
        ("Normally the voltage is 230 V.", ["230 V @ normally"]),
        ("The pump in hall 2 runs on 400 V.", ["400 V"]),
        ("The new pump has 400 V.", ["400 V"]),
    ],
)
def test_then_and_now_stand_side_by_side(text: str, claims: list[str]) -> None:
    assert sorted(rendered(claim).partition(" = ")[2] for claim in told_claims(source([text]))) == claims
