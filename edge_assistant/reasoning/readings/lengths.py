"""Lengths of time as people say them: two and a half hours, half an hour, 90 minutes."""

from __future__ import annotations

import re

from edge_assistant.reasoning.rules.vocabulary import Vocabulary, per_vocabulary
from edge_assistant.reasoning.values.spoken import spoken_numbers


def seconds(text: str) -> tuple[float, int, int] | None:
    """The first length of time in a text, such as "two and a half hours", in seconds, with its characters."""
    match = _length_pattern().search(text)
    amount = length(match) if match else None
    return (amount, match.start(), match.end()) if match and amount is not None else None


def length(match: re.Match[str]) -> float | None:
    """Seconds of a length of time in digits or words."""
    unit = _unit_seconds().get(match["unit"].lower())
    if unit is None:
        return None
    half = 0.5 if match["half"] else 0.0
    word = (match["number"] or "").lower().strip()
    if not word or word in ("a", "an"):
        amount = 0.25 if match["quarter"] else 0.5 if match["halved"] else 1.0
    elif word[0].isdigit():
        amount = float(word.replace(",", "."))
    else:
        readings = spoken_numbers(word)
        if not readings:
            return None
        amount = float(readings[0])
    total = (amount + half) * unit
    if match["more"]:
        total += float(_amount(match["more"])) * 60
    return total


def _amount(word: str) -> float:
    readings = () if word[0].isdigit() else spoken_numbers(word)
    return float(word) if word[0].isdigit() else float(readings[0]) if readings else 0.0


def _seconds_of(vocabulary: Vocabulary) -> dict[str, float]:
    return {name: float(size) for size, names in vocabulary.measuring["lengths"].items() for name in names}


_unit_seconds = per_vocabulary(_seconds_of)


def length_text(vocabulary: Vocabulary) -> str:
    """A length of time as a regular expression with the groups number, half, halved, quarter, unit and more."""
    words = "|".join(sorted(vocabulary.numbers, key=len, reverse=True))
    units = "|".join(sorted(_seconds_of(vocabulary), key=len, reverse=True))
    number = rf"\d+(?:[.,]\d+)?|(?:{words})(?:[ -](?:{words}|and|point))*?|an?"
    return (
        rf"(?:(?P<number>{number})(?P<half>\s+and\s+a\s+half)?\s*|(?P<halved>(?:a\s+)?half(?:\s+an?|\s+of\s+an)?)\s+|(?P<quarter>(?:a\s+)?quarter\s+of\s+an)\s+|)"
        rf"(?P<unit>{units})\b(?:(?:\s+and)?\s+(?P<more>\d+|(?:{words})(?:[ -](?:{words}))?)\s+min(?:ute)?s?\b)?"
    )


@per_vocabulary
def _length_pattern(vocabulary: Vocabulary) -> re.Pattern[str]:
    text = length_text(vocabulary).replace(r"\s+|)", r"\s+)")  # an amount has to be told
    return re.compile(rf"\b{text}", re.I)
