"""Letters that the recogniser took for digits: in a number it is asked whether the digit was probable, too."""

from __future__ import annotations

import re
from collections.abc import Callable

_DIGITS = {**dict.fromkeys("OoCDQ", "0"), **dict.fromkeys("Il", "1")}
_PROBABLE = 0.05  # of the digit, where the letter is the recogniser's first choice; in clear print it is below 0.01
_AT_END = 0.1  # the same where the letter ends the number, and may be its unit: 38C
_PART = re.compile(r"[^\W_]+")


def as_digits(text: str, probability: Callable[[int, str], float]) -> str:
    """The text with digits for letters where all else in a number is digits and the digit is probable.

    Args:
        text: a line.
        probability: of a character other than the one read, at an index of the text.

    >>> as_digits("Tel (C115) 2O4-C", lambda index, digit: 0.3)
    'Tel (0115) 204-C'
    """
    found = list(text)
    for part in _PART.finditer(text):
        letters = [i for i in range(part.start(), part.end()) if not text[i].isdigit()]
        alike = all(text[i] in _DIGITS for i in letters)
        if not letters or not alike or len(letters) == part.end() - part.start():
            continue
        for i in letters:
            least = _AT_END if i == part.end() - 1 else _PROBABLE
            if probability(i, _DIGITS[text[i]]) >= least:
                found[i] = _DIGITS[text[i]]
    return "".join(found)
