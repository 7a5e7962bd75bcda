"""Facts of a thing, and how a note tells them: straight, corrected, rounded, beside another thing's."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from scenarios.desk import Desk, Told, approximation, as_rounded, typed
from scenarios.talk import Note
from scenarios.values import Value


@dataclass(frozen=True, slots=True)
class Fact:
    """Something that a plate or label tells.

    Attributes:
        labels: what stands before it.
        value: draws one.
        far: whether two are clearly not the same.
        word: its unit where a rounding may be told; else empty.
    """

    labels: tuple[str, ...]
    value: Callable[[Desk], Value]
    far: Callable[[Value, Value], bool]
    word: str = ""


def unlike(a: Value, b: Value) -> bool:
    """Not equal."""
    return a.key != b.key


def apart(share: float) -> Callable[[Value, Value], bool]:
    """Numbers that differ by more than a share of the smaller one."""

    def far(a: Value, b: Value) -> bool:
        low, high = sorted((number(a), number(b)))
        return high > low * (1 + share)

    return far


def number(value: Value) -> float:
    """The number that a value is compared by."""
    assert isinstance(value.key, int | float)
    return float(value.key)


def another(desk: Desk, fact: Fact, *values: Value) -> Value:
    """A value that is clearly none of some."""
    while True:
        found = fact.value(desk)
        if all(fact.far(found, value) for value in values):
            return found


def tell(
    desk: Desk,
    note: Note,
    facts: Mapping[str, Fact],
    name: str,
    value: Value,
    against: Value | None = None,
) -> Told:
    """Put a value into a note, often with something beside it that must not be taken for it.

    Args:
        desk: the domain's.
        note: the note.
        facts: of the thing.
        name: of the fact.
        value: what the note says.
        against: what the picture says where that is another value.
    """
    fact, signal, chance = facts[name], "text:1" if note.typed else "audio:1", desk.draw.random()
    if chance < 0.25 and fact.word and (against is None or abs(number(value) / number(against) - 1) > 0.25):
        about = approximation(number(value), fact.word)
        if about:
            words = note.tell(name, value, about=typed(about) if note.typed else about)
            return Told(signal, as_rounded(value, about), words)
    if chance < 0.4 and not note.typed:
        return Told(signal, value, note.tell(name, value, wrong=another(desk, fact, value)))
    if chance < 0.5:
        return Told(signal, value, note.tell(name, value, negated=another(desk, fact, value)))
    words = note.tell(name, value)
    for what in ("older", "other"):
        if desk.phrases.has(name, what) and desk.chance(0.35):
            note.aside(name, what, another(desk, fact, value))
            break
    return Told(signal, value, words)
