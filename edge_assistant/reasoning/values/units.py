"""Conversion between units, over the table in units.toml.

The sizes are pint's, and a test takes each of them from pint's registry. Pint itself is not opened here: its import and
its registry take 300 ms, as long as it takes to read a page of writing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction

from edge_assistant.reasoning.rules.vocabulary import Scale, Vocabulary, per_vocabulary, vocabulary

TEMPERATURE = "temperature"


def meanings(a: str, b: str) -> tuple[tuple[str, str], ...]:
    """The pairs of units that two units can be, where one converts to the other; none where they cannot be compared.

    >>> meanings("g", "mg"), meanings("deg", "degF"), meanings("g", "V")
    ((('g', 'mg'),), (('degC', 'degF'), ('degF', 'degF')), ())
    """
    if a == b:
        return ((a, b),)
    pairs = ((x, y) for x in _meanings_of(a) for y in _meanings_of(b))
    return tuple(
        pair
        for pair in pairs
        if pair[0] == pair[1] or _scale(pair[0]).dimension == _scale(pair[1]).dimension is not None
    )


def convert(number: Fraction, unit: str, into: str) -> Fraction:
    """A number of one unit in another of the same dimension."""
    if unit == into:
        return number
    one, other = _scale(unit), _scale(into)
    return (number * one.size + one.zero - other.zero) / other.size


def unit_at(text: str, at: int) -> tuple[str, int] | None:
    """The longest writing of a unit or a coin at a place of a text, and where it ends; None where no unit stands there.

    A single letter is one in its own case only: 12 A is a current, 3 a day is not.
    """
    for written in _writings().get(text[at : at + 1].lower(), ()):
        end = at + len(written)
        said = text[at:end]
        alike = said == written if len(written) == 1 else said.lower() == written.lower()
        if alike and not (text[end : end + 1].isalpha() and written[-1].isalnum()):
            return said, end
    return None


def unit_of(written: str) -> str | None:
    """The unit that a writing stands for; MW is not mW, but elsewhere case does not matter."""
    known = vocabulary().units
    return known.get(written) or known.get(written.lower()) or _in_lower_case().get(written.lower())


@per_vocabulary
def _in_lower_case(vocabulary: Vocabulary) -> Mapping[str, str]:
    return {written.lower(): unit for written, unit in vocabulary.units.items()}


@per_vocabulary
def _writings(vocabulary: Vocabulary) -> Mapping[str, Sequence[str]]:
    """The writings of all units and coins by their first character, the longest first."""
    writings: dict[str, list[str]] = {}
    for written in sorted({*vocabulary.units, *vocabulary.hundredths}, key=lambda w: (-len(w), w)):
        writings.setdefault(written[0].lower(), []).append(written)
    return writings


def is_exact(unit: str, other: str) -> bool:
    """Whether one converts to the other by a power of ten, so that nobody rounds: grams and milligrams."""
    one, two = _scale(unit), _scale(other)
    ratio = one.size / two.size
    return one.zero == two.zero and str(max(ratio, 1 / ratio)).strip("0") == "1"


def is_temperature(unit: str | None) -> bool:
    """Whether a unit is one of temperature, "degrees" included."""
    return unit is not None and any(_scale(meant).dimension == TEMPERATURE for meant in _meanings_of(unit))


def is_currency(unit: str | None) -> bool:
    """Whether a unit is a currency: three capital letters of ISO 4217."""
    return unit is not None and len(unit) == 3 and unit.isalpha() and unit.isupper() and _scale(unit).dimension is None


def _meanings_of(unit: str) -> tuple[str, ...]:
    return unit, *sorted(vocabulary().also.get(unit, ()))


def _scale(unit: str) -> Scale:
    return vocabulary().scales.get(unit, _UNKNOWN)


_UNKNOWN = Scale(None)
