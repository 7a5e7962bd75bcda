"""Numbers in words, with every reading that a listener would consider."""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal

from edge_assistant.reasoning.rules.vocabulary import Vocabulary, per_vocabulary, vocabulary

THOUSAND = 1000
_EMPTY = 10**15  # the smallest place that is filled in a number that has not begun


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
    >>> spoken_numbers("two and a half thousand"), spoken_numbers("a dozen"), spoken_numbers("four oh five")
    ((Decimal('2500'),), (Decimal('12'),), (Decimal('4.05'), Decimal('405')))
    """
    words = [word for word in re.split(r"[ -]+", text.lower()) if word]
    factor, words = _factor(words)
    numbers = _unscaled_numbers(words)
    return tuple(without_zeros(factor * number) for number in numbers) if factor > 1 else numbers


def spoken_digits(text: str) -> str | None:
    """Words and digits read out one after another as a string of digits; None where there are others among them.

    >>> spoken_digits("oh seven seven double four"), spoken_digits("forty seven 12"), spoken_digits("four and five")
    ('07744', '4712', None)
    """
    known = vocabulary()
    digits, words, repeat = "", list[str](), 1
    for word in [*re.split(r"[ -]+", text.lower().strip()), ""]:
        if word in known.numbers and repeat == 1 and not (word in known.words["zero"] and not words):
            words.append(word)
            continue
        digits += "".join(str(group) for group in _groups(words))
        words = []
        if word in known.repeats:
            repeat = known.repeats[word]
            continue
        if word:
            digit = "0" if word in known.words["zero"] else str(known.numbers.get(word, word))
            if not re.fullmatch(r"[0-9]+", digit):
                return None
            digits += digit * repeat
            repeat = 1
    return digits if repeat == 1 and digits else None


def _factor(words: list[str]) -> tuple[int, list[str]]:
    """Take what multiplies a broken number off its end: "two and a half thousand", "half a dozen", "a dozen"."""
    known = vocabulary()
    last = words[-1] if words else ""
    if last in known.words["dozen"]:
        factor = 12
    elif known.numbers.get(last, 0) >= THOUSAND and any(
        w in known.fractions or w in known.words["point"] for w in words
    ):
        factor = known.numbers[last]
    else:
        return 1, words
    front = words[:-1]
    if front and front[-1] in known.words["article"]:
        front = front[:-1]
    return factor, front or ["one"]


def _unscaled_numbers(words: list[str]) -> tuple[Decimal, ...]:
    known = vocabulary()
    if words and words[-1] in known.fractions:
        return _fraction(words)
    if len(words) > 1 and words[0] in known.words["article"] and known.numbers.get(words[1], 0) >= 100:
        words = ["one", *words[1:]]
    words = [word for word in words if word != "and"]
    points = [at for at, word in enumerate(words) if word in known.words["point"]]
    if points:
        return _decimal(words[: points[0]], words[points[0] + 1 :])
    if len(words) > 2 and words[-2] in known.words["zero"] and 0 < known.numbers.get(words[-1], 0) < 10:
        front, digit = _groups(words[:-2]), known.numbers[words[-1]]
        return _price_readings(front[0], digit) if len(front) == 1 and front[0] < THOUSAND else ()
    groups = _groups(words)
    if len(groups) == 1:
        return (Decimal(groups[0]),)
    if len(groups) == 2 and groups[0] < THOUSAND and 10 <= groups[1] < 100:
        return _price_readings(*groups)
    return ()


def without_zeros(number: Decimal) -> Decimal:
    """A number without the zeros behind its point that multiplying left there."""
    return number.to_integral_value() if number == number.to_integral_value() else number


def _price_readings(whole: int, hundredths: int) -> tuple[Decimal, ...]:
    return Decimal(f"{whole}.{hundredths:02d}"), Decimal(whole * 100 + hundredths)


def _fraction(words: list[str]) -> tuple[Decimal, ...]:
    """Half, a quarter, three quarters, one and a half."""
    known = vocabulary()
    part, before = known.fractions[words[-1]], words[:-1]
    count = known.numbers.get(before[-1], 10) if before else 10
    if before and before[-1] in known.words["article"]:
        before = before[:-1]
    elif count < 10 and (len(before) == 1 or before[-2] == "and"):
        part, before = part * count, before[:-1]
    if not before:
        return (part,)
    whole = _groups([word for word in before[:-1] if word != "and"])
    return (whole[0] + part,) if before[-1] == "and" and len(whole) == 1 else ()


def _decimal(before: Sequence[str], behind: Sequence[str]) -> tuple[Decimal, ...]:
    """A number with a spoken point; its digits one by one, or "point twenty five"."""
    zero = vocabulary().words["zero"]
    whole = [0] if not before or (len(before) == 1 and before[0] in zero) else _groups(before)
    digits = spoken_digits(" ".join(behind)) if behind else None
    if len(whole) != 1 or digits is None or any(vocabulary().numbers.get(word, 0) >= 100 for word in behind):
        return ()
    return (Decimal(f"{whole[0]}.{digits}"),)


def _groups(words: Sequence[str]) -> list[int]:
    """Split number words into the numbers that they form one after another: thirty eight forty -> 38, 40."""
    groups: list[int] = []
    number, place = 0, _EMPTY  # under construction: its value, and the smallest place that is filled
    for word in words:
        value = vocabulary().numbers.get(word)
        if value is None:
            return []
        joined = _join(number, place, value)
        if joined is None:
            groups.append(number)
            joined = _join(0, _EMPTY, value) or (value, 1)
        number, place = joined
    return [*groups, number] if words else []


def _join(number: int, place: int, value: int) -> tuple[int, int] | None:
    """Add a word's value to a number whose smallest filled place is `place`; None where a new number begins."""
    if value >= THOUSAND:
        low = number % THOUSAND
        high = number - low
        if high and (high % (value * THOUSAND) or not low):
            return None
        return (high + max(low, 1) * value, value) if low or not number else None
    if value == 100:
        low = number % THOUSAND
        if low >= 100 or (number and 100 <= place < THOUSAND):
            return None
        return number - low + max(low, 1) * 100, 100
    needed = 10 if value < 10 else 100
    if place < needed:
        return None
    return number + value, 10 if value >= 20 else 1
