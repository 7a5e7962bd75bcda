"""What the values of a form answer, and the words with which each has to stand in a source."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from edge_assistant.reasoning.comprehension.answer_types import AnswerType, truth
from edge_assistant.reasoning.comprehension.reading import Page
from edge_assistant.reasoning.comprehension.standing import as_text, rows
from edge_assistant.reasoning.forms import MOMENTS, FormList, FormValue, spaced


def answer_type_of(part: FormValue | FormList) -> AnswerType:
    """The type of what a value answers."""
    if isinstance(part, FormList):
        return AnswerType.OTHER
    if part.format in MOMENTS:
        return AnswerType.TIME
    if is_truth(part):
        return AnswerType.TRUTH
    return AnswerType.OTHER if part.kind == "string" else AnswerType.NUMBER


def is_truth(part: FormValue | FormList) -> bool:
    """Whether a value is a yes or a no: a boolean, or an enum that has both."""
    if isinstance(part, FormList):
        return False
    return part.kind == "boolean" or {truth(str(one)) for one in part.options} >= {(True, ""), (False, "")}


def questions(
    values: Mapping[str, tuple[FormValue | FormList, Any]], page: Page
) -> dict[str, tuple[str, list[tuple[str, Page]]]]:
    """Of each value, by its path, what it answers, and its words with the lines in which they have to stand.

    The first values of the objects of a list say what they are: "What are the items?" - milk, bread. The others are
    asked for by them: "What is the price of milk?"
    """
    objects: dict[str, list[str]] = {}
    for path, (_, value) in values.items():
        if "[" in path:
            objects.setdefault(row_of(path), []).extend(all_said(value))
    lines = rows(objects, page)
    things: dict[str, dict[str, tuple[str, Page]]] = {}  # by list and path
    first: dict[str, str] = {}
    asked = {}
    for path, (part, value) in values.items():
        row = row_of(path)
        where = lines.get(row, page)
        said = [(text, where) for text in all_said(value)]
        of, name = row.rpartition("[")[0], path[len(row) :]
        if not row or len(said) != 1:
            asked[path] = _question(path, part), said
        elif first.setdefault(of, name) == name:
            things.setdefault(of, {})[path] = said[0]
        elif thing := things[of].get(f"{row}{first[of]}"):
            asked[path] = f"{_begun(part)} {spaced(name)} of {thing[0]}?", said
        else:
            asked[path] = _question(path, part), said
    for of, some in things.items():
        named = re.sub(r"\[\d+\]", "", of).rpartition(".")[2]
        asked |= dict.fromkeys(some, (f"What are the {spaced(named)}?", [*some.values()]))
    return asked


def row_of(path: str) -> str:
    """The object of a list that a value belongs to; "" of one in no list."""
    return path[: path.rfind("]") + 1]


def all_said(value: object) -> list[str]:
    """The words of a value, or of each thing of a list."""
    return [*map(as_text, value)] if isinstance(value, list) else [as_text(value)]


def _question(path: str, part: FormValue | FormList) -> str:
    """What a value answers: by the names on its path, the description does not count here."""
    steps = (spaced(re.sub(r"\[\d+\]", "", step)) for step in reversed(path.split(".")))
    return f"{_begun(part)} {' of the '.join(steps)}?"


def _begun(part: FormValue | FormList) -> str:
    if is_truth(part):
        return "Is it so:"
    return f"What {'are' if isinstance(part, FormList) else 'is'} the"
