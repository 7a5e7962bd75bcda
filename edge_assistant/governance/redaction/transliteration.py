"""Any alphabet as ASCII, character by character."""

from __future__ import annotations

import unicodedata

_OTHER = "\x02"  # a sign that no rule speaks of
_MAX_KNOWN = 4096  # characters whose folded form is remembered
_LIKE = {"’": "'", "‘": "'", "ʼ": "'", "“": '"', "”": '"', "−": "-"}


def fold(text: str) -> str:
    """A text in ASCII: letters without accents, any alphabet's digits, one kind of dash, quote and space.

    Each character becomes one, or none where it is invisible or an accent of the one before. Letters of other alphabets
    become an x, in their case.

    >>> fold("Zoë – ٠٧")
    'Zoe - 07'
    """
    return text.translate(_FOLDS)


class _Folds(dict[int, str]):
    """ASCII for each character: one character, or none where it is invisible or an accent of the one before."""

    def __missing__(self, code: int) -> str:
        folded = _folded(chr(code))
        if len(self) < _MAX_KNOWN:
            self[code] = folded
        return folded


def _folded(character: str) -> str:
    if character.isascii() or character in _LIKE:
        return _LIKE.get(character, character)
    category = unicodedata.category(character)
    if category in {"Cf", "Mn", "Me"}:
        return ""
    if category in {"Zs", "Zl", "Zp"}:
        return " " if category == "Zs" else "\n"
    if category == "Pd":
        return "-"
    number = unicodedata.decimal(character, None)
    if number is not None:
        return str(number)
    plain = unicodedata.normalize("NFKD", character)[0]
    if plain.isascii():
        return plain
    if character.isalpha():
        return "X" if character.isupper() or not character.islower() else "x"
    return _OTHER


_FOLDS = _Folds()
