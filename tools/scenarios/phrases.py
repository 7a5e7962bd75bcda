"""Phrasings: how facts are told and asked for, from TOML files; four halves, as it were, that share nothing.

A domain's file has the halves `dev` and `test`:

    [dose]                                  # a fact
    nouns = ["dose", "daily dose"]          # what it is called in "Do they agree on the {noun}?"
    [dose.say]                              # sentences that tell it; {x} is the value
    dev = ["{I} take{s} {x} every morning."]
    test = ["It's {x} these days."]
    [dose.ask]                              # questions for it
    [dose.older]                            # what it was before: never the answer
    [dose.other]                            # what it is for somebody or something else: never the answer

Beside {x} there are the words of whoever speaks, see `Person`, and what a domain hands over. The halves `holdout` and
`sealed` are in files of their own, so that nobody reads them by the way: such a folder has the same facts with one list
for each of `say`, `ask` and so on, nouns of its own, and in `names.toml` its own names of people, medicines, shops and
things.
"""

from __future__ import annotations

import random
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

APART = ("holdout", "sealed")  # in folders of their own
SPLITS = ("dev", "test", *APART)
DOMAINS = ("common", "clinic", "receipts", "machines", "plates", "labels", "photos")
_FOLDER = Path(__file__).with_name("phrasing")


@dataclass(frozen=True, slots=True)
class Person:
    """Who a note is about, and whether that person speaks: the pronouns that follow from it."""

    first: str
    last: str
    female: bool
    speaks: bool

    def words(self) -> dict[str, str]:
        """Pronouns and verb endings of the note."""
        if self.speaks:
            return {
                "I": "I",
                "I'll": "I'll",
                "me": "me",
                "my": "my",
                "mine": "mine",
                "I'm": "I'm",
                "I've": "I've",
                "was": "was",
                "am": "am",
                "have": "have",
                "do": "do",
                "don't": "don't",
                "haven't": "haven't",
                "s": "",
                "es": "",
            }
        he, him, his = ("she", "her", "her") if self.female else ("he", "him", "his")
        return {
            "I": he,
            "I'll": f"{he}'ll",
            "me": him,
            "my": his,
            "mine": "hers" if self.female else "his",
            "I'm": f"{he}'s",
            "I've": f"{he}'s",
            "was": "was",
            "am": "is",
            "have": "has",
            "do": "does",
            "don't": "doesn't",
            "haven't": "hasn't",
            "s": "s",
            "es": "es",
        }

    def asked(self) -> dict[str, str]:
        """Words of a question about the person."""
        he, him, his = ("she", "her", "her") if self.female else ("he", "him", "his")
        return {
            "he": he,
            "him": him,
            "his": his,
            "name": f"{self.first} {self.last}",
            "first": self.first,
            "title": f"{'Mrs' if self.female else 'Mr'} {self.last}",
        }


class Phrases:
    """The phrasings of one domain and split; each is drawn once before any is drawn again."""

    def __init__(self, facts: Mapping[str, Mapping[str, Sequence[str]]], draw: random.Random) -> None:
        """Take what `table` gives; `draw` shuffles."""
        self.facts = facts
        self._draw = draw
        self._decks: dict[tuple[str, str], list[str]] = {}

    def has(self, fact: str, what: str) -> bool:
        """Whether there are such phrasings for a fact."""
        return what in self.facts[fact]

    def pick(self, fact: str, what: str, words: Mapping[str, str]) -> str:
        """A phrasing of a fact, filled in.

        Args:
            fact: its name in the file.
            what: `say`, `ask`, `older`, `other`, ...
            words: what stands for the names in braces.
        """
        return opened(self.raw(fact, what, words))

    def raw(self, fact: str, what: str, words: Mapping[str, str]) -> str:
        """The same as a part of a sentence: without a capital letter of its own."""
        deck = self._decks.setdefault((fact, what), [])
        if not deck:
            deck += self.facts[fact][what]
            self._draw.shuffle(deck)
        return deck.pop().format_map(words)

    def noun(self, fact: str) -> str:
        """What a fact is called."""
        return self._draw.choice(self.facts[fact]["nouns"])


def opened(sentence: str) -> str:
    """A sentence that begins with a capital letter, marked up or not.

    >>> opened("<ten milligrams|10 mg>, I said."), opened("it is so.")
    ('<Ten milligrams|10 mg>, I said.', 'It is so.')
    """
    if sentence.startswith("<"):
        spoken, _, rest = sentence[1:].partition("|")
        return f"<{spoken[:1].upper()}{spoken[1:]}|{rest[:1].upper()}{rest[1:]}"
    return sentence[:1].upper() + sentence[1:]


def load(domain: str, split: str, draw: random.Random) -> Phrases:
    """The phrasings of a domain; for what is raised see `table`."""
    return Phrases(table(domain, split), draw)


def table(domain: str, split: str) -> dict[str, dict[str, list[str]]]:
    """Fact -> `nouns`, `say`, `ask` and so on -> the phrasings of one half.

    Raises:
        ValueError: there is no such split.
    """
    if split not in SPLITS:
        raise ValueError(f"the split is {split!r}, not one of {SPLITS}")
    if split in APART:
        return _read(f"{split}/{domain}.toml")
    return {
        fact: {what: halves if what == "nouns" else halves[split] for what, halves in entry.items()}
        for fact, entry in _read(f"{domain}.toml").items()
    }


def own_names(domain: str, split: str) -> dict[str, Any]:
    """The names that a half has to itself; empty for `dev` and `test`, which share out what stands in the code."""
    return _read(f"{split}/names.toml").get(domain, {}) if split in APART else {}


def _read(file: str) -> dict[str, Any]:
    return tomllib.loads((_FOLDER / file).read_text("utf-8"))
