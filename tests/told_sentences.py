"""Sentences with the claims that they make, as a text file that people can read and write.

> I take ramipril, ten milligrams a day.
medication = ramipril
dose [ramipril] = 10 mg
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from edge_assistant.reasoning.claims import Claim
from edge_assistant.reasoning.values.values import (
    Clock,
    Day,
    Identifier,
    Items,
    Name,
    Nothing,
    Pair,
    Quantity,
    Telephone,
    Truth,
    Value,
    Words,
)


def cases(path: Path) -> Iterator[tuple[str, list[str]]]:
    """Each sentence of a file with its claims, in the order of the alphabet."""
    for block in path.read_text(encoding="utf-8").split("\n> ")[1:]:
        sentence, *lines = block.splitlines()
        yield sentence, sorted(line for line in lines if line and not line.startswith("#"))


def rendered(claim: Claim) -> str:
    """A claim as a line of the file."""
    subject = f" [{claim.subject}]" if claim.subject else ""
    value = ("not " if claim.negated else "") + written(claim.value)
    statistic = f" | {claim.statistic}" if claim.statistic else ""
    when = f" @ {claim.when.lower()}" if claim.when else ""
    return f"{claim.attribute}{subject} = {value}{statistic}{when}"


def written(value: Value) -> str:
    """A value by its likeliest reading."""
    match value:
        case Quantity(readings, unit, approximate, _, _, least, most):
            number = f"{readings[0]:f}" if least is most is None else f"{least or ''}-{most or ''}"
            return ("~" if approximate else "") + number + (f" {unit}" if unit else "")
        case Pair(first, second):
            return f"{first.readings[0]}/{second.readings[0]}"
        case Day(readings):
            year, month, day = readings[0]
            return f"{year or '-'}-{month:02}-{day:02}"
        case Clock(readings):
            return f"{readings[0] // 60:02}:{readings[0] % 60:02}"
        case Nothing():
            return "none"
        case Truth(yes):
            return "yes" if yes else "no"
        case Telephone(digits):
            return digits
        case Identifier(code):
            return code
        case Name(words):
            return " ".join(words)
        case Items(items):
            return ", ".join(items)
        case Words(tokens):
            return " ".join(sorted(tokens))
        case _:
            return str(value)
