"""Values in words: names, numbers that are no amounts, lists, yes and no, each with its writings."""

from __future__ import annotations

from collections.abc import Sequence

from scenarios.numerals import digits
from scenarios.values import Value, either, mark


def telephone(number: str) -> Value:
    """A telephone number, given in groups such as `0161 496 0321`."""
    joined, dashed = number.replace(" ", ""), number.replace(" ", "-")
    area, rest = number.split(" ", 1)
    split = f"{area} {rest.replace(' ', '')}"
    said = (
        mark(digits(number), number),
        mark(digits(number).replace("oh", "zero"), dashed),
        mark(digits(split), joined),
    )
    writings = (number, dashed, joined, f"({area}) {rest}")
    return Value("telephone", joined, writings, said, writings[:3], (either(*writings, split, f"{area}-{rest}"),))


def identifier(text: str) -> Value:
    """A serial, lot or order number, given with dashes between its groups."""
    joined, spaced = text.replace("-", ""), text.replace("-", " ")
    said = (
        mark(digits(text), text),
        mark(digits(text).replace(",", " dash"), text),
        mark(digits(text).replace("oh", "zero"), joined),
    )
    return Value(
        "identifier", joined, (text, spaced, joined), said, (text, joined, spaced), (either(text, joined, spaced),)
    )


def person(first: str, last: str) -> Value:
    """A person's name."""
    full = f"{first} {last}"
    return Value(
        "person",
        full,
        (full, f"{last}, {first}", full.upper()),
        (mark(full, full), mark(full, full), mark(f"{first}, {first} {last}", full)),
        (full, f"{last}, {first}", f"{first} {last.upper()}"),
        (first, last),
    )


def phrase(kind: str, key: str, printed: Sequence[str], said: Sequence[str], answers: Sequence[str]) -> Value:
    """Words: a medicine, a kind of thing, yes or no; what is said is written the same."""
    return Value(kind, key, tuple(printed), tuple(mark(text, text) for text in said), tuple(said), tuple(answers))


def medicine(name: str) -> Value:
    """A medicine's name."""
    title = name.capitalize()
    return phrase("medicine", name, (title, name.upper(), name), (name, title, f"{name} tablets"), (name,))


NONE = (
    "none|no|aren't any|nothing|no known|nkda|nil|not allergic|no allergies|no allergy|isn't allergic|any allergies|"
    "without allergies|not have"
)


def listed(items: Sequence[str]) -> Value:
    """A list such as allergies; empty is none."""
    key = ", ".join(sorted(items))
    if not items:
        return Value("list", key, ("none", "None known", "NKDA", "no known allergies", "nil"), (), (), (NONE,))
    title = [items[0].capitalize(), *items[1:]]
    joined = " and ".join([", ".join(items[:-1]), items[-1]] if len(items) > 1 else items)
    backward = " and ".join([", ".join(items[:0:-1]), items[0]] if len(items) > 1 else items)
    return Value(
        "list",
        key,
        (", ".join(title), " / ".join(items), "; ".join(title), ", ".join(items).upper()),
        (mark(joined, joined), mark(backward, backward)),
        (joined, ", ".join(items), " + ".join(items)),
        tuple(items),
    )
