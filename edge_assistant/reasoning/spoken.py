"""Numbers in words, with every reading that a listener would consider."""

from __future__ import annotations

import re
from decimal import Decimal

from edge_assistant.reasoning.vocabulary import Vocabulary, per_vocabulary, vocabulary


@per_vocabulary
def number_words(vocabulary: Vocabulary) -> str:
    """The number words as alternatives of a regular expression, longest first."""
    return "|".join(sorted(vocabulary.numbers, key=len, reverse=True))


def spoken_numbers(text: str) -> tuple[Decimal, ...]:
    """Every number that words can stand for, the likeliest first; none where they are no number.

    >>> spoken_numbers("two hundred and five"), spoken_numbers("thirty-eight forty")
    ((Decimal('205'),), (Decimal('38.40'), Decimal('3840')))
    >>> spoken_numbers("three point two five"), spoken_numbers("nineteen seventy one")
    ((Decimal('3.25'),), (Decimal('19.71'), Decimal('1971')))
    """
    words = [word for word in re.split(r"[ -]+", text.lower()) if word and word != "and"]
    if "point" in words:
        at = words.index("point")
        whole, digits = _groups(words[:at]), words[at + 1 :]
        values = [vocabulary().numbers.get(word, 10) for word in digits]
        if len(whole) != 1 or not values or any(value > 9 for value in values):
            return ()
        return (Decimal(f"{whole[0]}." + "".join(map(str, values))),)
    groups = _groups(words)
    if len(groups) == 1:
        return (Decimal(groups[0]),)
    if len(groups) == 2 and groups[0] < 1000 and 10 <= groups[1] < 100:
        return Decimal(f"{groups[0]}.{groups[1]}"), Decimal(groups[0] * 100 + groups[1])
    return ()


def _groups(words: list[str]) -> list[int]:
    """Split number words into the numbers that they form one after another: thirty eight forty -> 38, 40."""
    groups: list[int] = []
    number, place = 0, 10_000  # under construction: its value, and the smallest place that is filled
    for word in words:
        value = vocabulary().numbers.get(word)
        if value is None:
            return []
        joined = _join(number, place, value)
        if joined is None:
            groups.append(number)
            joined = _join(0, 10_000, value) or (value, 1)
        number, place = joined
    return [*groups, number] if words else []


def _join(number: int, place: int, value: int) -> tuple[int, int] | None:
    """Add a word's value to a number whose smallest filled place is `place`; None where a new number begins."""
    if value == 1000:
        return (max(number, 1) * 1000, 1000) if number < 1000 else None
    if value == 100:
        low = number % 1000
        if low >= 100 or (number and place >= 100 and place != 1000):
            return None
        return number - low + max(low, 1) * 100, 100
    needed = 10 if value < 10 else 100
    if place < needed:
        return None
    return number + value, 10 if value >= 20 else 1
