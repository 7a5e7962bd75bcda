"""Questions that mean a thing by what happened to it, and notes that say which one that is: of asked_joins.txt."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import cycle, islice
from pathlib import Path

import pytest
from joins import GOODS, ITEMS, MEDICINES, SUPPLY, values

LISTED = Path(__file__).with_name("asked_joins.txt")
TRIED = 3  # notes that each question is tried with, and questions that each note is

Things = dict[str, dict[str, str]]

MEANT: dict[str, tuple[Things, set[str]]] = {  # by the first word of a group: a page, and the values of what is meant
    "medicine": (MEDICINES, set(MEDICINES["Metformin"].values())),
    "goods": (GOODS, set(GOODS["Film reels"].values())),
    "item": (ITEMS, set(ITEMS["Green Tea"].values())),
    "supply": (SUPPLY, set(SUPPLY["400 V"].values())),
}


def _groups() -> dict[str, list[str]]:
    groups: dict[str, list[str]] = {}
    rows: list[str] = []
    for line in LISTED.read_text(encoding="utf-8").splitlines():
        if line.startswith("["):
            rows = groups.setdefault(line[1:-1], [])
        elif line and not line.startswith("#"):
            rows.append(line)
    return groups


def _pairs(kind: str) -> Iterator[tuple[str, str, str]]:
    """Each question with some notes of a kind of its group, and each note with some questions."""
    groups = _groups()
    for name in [heading.removesuffix(" asked") for heading in groups if heading.endswith(" asked")]:
        questions, notes = groups[f"{name} asked"], groups.get(f"{name} {kind}", [])
        for number, question in enumerate(questions if notes else ()):
            yield from ((name, question, note) for note in islice(cycle(notes), number, number + TRIED))
        for number, note in enumerate(notes):
            yield from ((name, question, note) for question in islice(cycle(questions), number, number + TRIED))


@pytest.mark.parametrize(("group", "question", "note"), list(dict.fromkeys(_pairs("told"))))
def test_a_note_says_which_one_is_meant(group: str, question: str, note: str) -> None:
    things, meant = MEANT[group.split()[0]]
    found = values(question, things, note)
    assert len(found) == 1
    assert found[0] in meant


@pytest.mark.parametrize(("group", "question", "note"), list(dict.fromkeys(_pairs("not"))))
def test_a_note_does_not_say_which_one_is_meant(group: str, question: str, note: str) -> None:
    assert values(question, MEANT[group.split()[0]][0], note) == []
