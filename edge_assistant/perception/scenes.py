"""One sentence about a picture, composed from what was counted in it."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import resources
from typing import Any

FACE = "face"


def sentence(sure: Mapping[str, int], unsure: Mapping[str, int], faces: int) -> str:
    """What a picture shows, in one sentence without its full stop.

    Args:
        sure: how many there are of each label, in the order of telling.
        unsure: the same for labels of which the detector is not sure.
        faces: how many faces were seen.

    >>> sentence({"giraffe": 2, "person": 1}, {"bus": 14}, 1)
    'The picture shows two giraffes, one person and perhaps 14 buses; one face can be seen'
    """
    words = _words()
    told = [count(label, number) for label, number in sure.items()]
    guessed = [count(label, number) for label, number in unsure.items()]
    seen = count(FACE, faces)
    if not told and not guessed:
        return str(words["nothing_but_faces"].format(faces=seen) if faces else words["nothing"])
    things = _listed(told, words) if told and not guessed else _with_guesses(told, guessed, words)
    found = words["picture" if told else "picture_perhaps"].format(things=things)
    return str(words["faces_too"].format(sentence=found, faces=seen) if faces else found)


def written(things: Mapping[str, int]) -> str:
    """That a picture is a written page, with the things that the detector believes to see in it.

    >>> written({"book": 1})
    'The picture looks like a written page and perhaps shows one book'
    """
    words = _words()
    if not things:
        return str(words["written"])
    return str(words["written_perhaps"].format(things=_listed([count(*item) for item in things.items()], words)))


def kind(label: str | None, name: str) -> str:
    """That a thing, or the whole picture, looks like a certain kind.

    >>> kind("dog", "beagle")
    'The dog looks like: beagle'
    """
    words = _words()
    if label is None:
        return str(words["picture_looks_like"].format(kind=name))
    return str(words["looks_like"].format(thing=one(label), kind=name))


def perhaps(label: str) -> str:
    """That a thing may be there.

    >>> perhaps("umbrella"), perhaps("skis")
    ('perhaps an umbrella', 'perhaps a pair of skis')
    """
    words = _words()
    thing = one(label)
    return str(words["an" if thing[0] in words["vowels"] else "a"].format(thing=thing))


def count(label: str, number: int) -> str:
    """A number of things of one label, in words up to twelve.

    >>> count("sheep", 3), count("person", 1), count("wine glass", 13)
    ('three sheep', 'one person', '13 wine glasses')
    """
    words = _words()
    numbers: list[str] = words["numbers"]
    name = one(label) if number == 1 else words["plural"].get(label, f"{label}s")
    return f"{numbers[number] if number < len(numbers) else number} {name}"


def one(label: str) -> str:
    """What one thing of a label is called."""
    return str(_words()["singular"].get(label, label))


def _with_guesses(told: Sequence[str], guessed: Sequence[str], words: Mapping[str, Any]) -> str:
    if not told:
        return _listed(guessed, words)
    return str(words["comma"].join(told) + words["perhaps"] + _listed(guessed, words))


def _listed(items: Sequence[str], words: Mapping[str, Any]) -> str:
    *first, last = items
    return str(words["comma"].join(first) + words["and"] + last) if first else last


@cache
def _words() -> Mapping[str, Any]:
    text = (resources.files("edge_assistant.perception") / "scenes_english.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)
