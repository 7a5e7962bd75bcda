"""Lines made from templates: forms, notes, transcripts and logs, with the places of the personal data in them.

`templates.toml` is what the rules were made by; `held_out.toml` was written once they were done. German rules, which
came later, were narrowed where they took numbers of either for something else.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from random import Random

from evals.personal import plain, values

SETS = ("templates", "held_out")
_SHARE = 0.4  # of the lines that have no personal data
_FIELD = re.compile(r"\{([a-z_]+)\}")


@dataclass(frozen=True, slots=True)
class Span:
    """Personal data in a line: of what kind, the first character and the one after the last."""

    kind: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Line:
    """A line."""

    text: str  # it
    source: str  # what sort of text it is from: `forms`, `notes`, `transcripts`, `logs`, or `plain`, which has none
    spans: tuple[Span, ...]  # the personal data in it, in order


def lines(count: int, seed: int, name: str = SETS[0]) -> list[Line]:
    """Lines of a set of templates; the same for the same seed."""
    random = Random(seed)  # noqa: S311 - a generator of examples
    found = _templates(name)
    sources = [source for source in found if source != "plain"]
    return [_line(random, "plain" if random.random() < _SHARE else random.choice(sources), found) for _ in range(count)]


def _line(random: Random, source: str, templates: dict[str, Sequence[str]]) -> Line:
    template = random.choice(templates[source])
    text, spans, place = "", [], 0
    for field in _FIELD.finditer(template):
        text += template[place : field.start()]
        place = field.end()
        if field[1] in plain.MAKERS:
            text += plain.MAKERS[field[1]](random)
            continue
        kind, make = values.MAKERS[field[1]]
        value = make(random)
        spans.append(Span(kind, len(text), len(text) + len(value)))
        text += value
    return Line(text + template[place:], source, tuple(spans))


@cache
def _templates(name: str) -> dict[str, Sequence[str]]:
    return tomllib.loads((Path(__file__).parent / f"{name}.toml").read_text("utf-8"))
