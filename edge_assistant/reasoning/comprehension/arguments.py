"""The arguments of a call: from what was asked and, where that only describes them, from the sources beside it.

The model reads the question and all sources together and writes the arguments. Code keeps those whose words stand in
the question or in a line, with their units and not denied, and of which the model is sure when it sees them there.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from edge_assistant.core.answer import Answer
from edge_assistant.core.events import Traced
from edge_assistant.core.evidence import Evidence
from edge_assistant.reasoning.claims import Standing
from edge_assistant.reasoning.comprehension import prompts
from edge_assistant.reasoning.comprehension.assembly import (
    Filled,
    FormReader,
    asked_shortly,
    proposal,
    sources_of,
    values_of,
    yes_of,
)
from edge_assistant.reasoning.comprehension.extraction import MOST_WHOLE
from edge_assistant.reasoning.comprehension.form_questions import all_said
from edge_assistant.reasoning.comprehension.meant import TOLD, sureness, tokens
from edge_assistant.reasoning.comprehension.reading import Page, probability_against
from edge_assistant.reasoning.comprehension.standing import as_text, told_in
from edge_assistant.reasoning.forms import FormList, FormObject, FormValue, descriptions, grammar, outline, spaced
from edge_assistant.reasoning.functions import ClientFunction
from edge_assistant.reasoning.sources import BUDGET

_ROUND = str.maketrans("[]", "()")
_MOST_TOKENS = 256  # of the arguments


@dataclass(frozen=True, slots=True)
class _Told:
    """An argument with the lines in which it stands, and its words there.

    Attributes:
        rows: of the lines that are no question, those in which it stands.
        sure: see `meant.sureness`.
    """

    part: FormValue | FormList
    value: Any
    lines: tuple[Evidence, ...]
    words: str
    rows: tuple[str, ...] = ()
    sure: float | None = None


class ArgumentReader(FormReader):
    """Reads arguments."""

    def read(self, function: ClientFunction, question: Evidence, answer: Answer) -> Filled:
        """The arguments of a function that does what is asked; it has a form.

        Args:
            function: that is to be called.
            question: what was asked, as a line of evidence that the answer has beside those of its sources.
            answer: to the question.
        """
        form = function.form
        assert form is not None
        pages = self._pages(function, question, answer)
        asked = asked_shortly(question.text)
        named = f"Function: {function.name}: {function.told}"
        before = [line for name, page in pages for line in (f"{name}:", *page.values(), "")]
        about = (named, f"Arguments: {json.dumps(outline(form), ensure_ascii=False)}", *descriptions(form))
        messages = prompts.with_examples("arguments", *before, *about, "", asked)
        text = self._engine().constrained(messages, grammar(form), max_tokens=_MOST_TOKENS)
        self._watch(Traced("arguments", None, (text,)))
        try:
            written = json.loads(text)
        except ValueError:
            return Filled("", "The arguments are too long.", ())  # what was written was broken off
        places: list[Page] = [{question: question.text}, *(page for _, page in pages)]
        found = {path: _told(part, value, path, places) for path, part, value in values_of(form, written, "")}
        told = {path: one for path, one in found.items() if one is not None}
        seen = dict.fromkeys(row for one in told.values() for row in one.rows)
        meant = dict(line.split(": ", 1) for line in descriptions(form))
        proposals = {}
        for path, one in told.items():
            sure = one.sure
            if sure is None:
                name = f"{path} ({meant[path]})" if path in meant else path
                rows = (f"Line: {row}" for row in seen)
                messages = prompts.with_examples("confirming", *rows, asked, named, f"{name}: {one.words}")
                sure = probability_against(self._engine(), messages, "yes", "no")
            proposals[path] = [proposal(one.part, one.value, one.words, one.lines, sure)]
        wanted = {name: value for name, value in written.items() if value is not False or name in form.required}
        return self._assembled(_with_needed(form, wanted), proposals, {}, answer)

    def _pages(self, function: ClientFunction, question: Evidence, answer: Answer) -> list[tuple[str, Page]]:
        """What matters of each source, beside its name, without instructions and without the question."""
        layers = ((one, layer) for one, layer in sources_of(answer) if one.signal.id != question.signal)
        sources = [one for one, layer in layers if layer is Standing.PLAIN]
        budget = BUDGET * MOST_WHOLE // max(len(sources), MOST_WHOLE)
        about = f"{question.text} {function.told}"
        return [
            (prompts.NAMES.get(one.signal.kind, "Readings"), _in_rows(self._reader.page(about, one, budget)))
            for one in sources
        ]


def _in_rows(page: Page) -> Page:
    """A page with the rows of its passages as they were written, a list is no sentence; nothing is like a citation."""
    return {line: line.text.translate(_ROUND) if "\n" in line.text else shown for line, shown in page.items()}


def _with_needed(form: FormObject, written: Mapping[str, Any]) -> FormObject:
    """A form that needs all that was written, also what is optional or may be null: without it, it is another call."""
    needed = {name: value for name, value in written.items() if value is not None}
    parts = dict(form.parts)
    for name, value in needed.items():
        part = replace(parts[name], nullable=False)
        parts[name] = _with_needed(part, value) if isinstance(part, FormObject) else part
    return replace(form, parts=parts, required=form.required | {*needed})


def _told(part: FormValue | FormList, value: Any, path: str, places: Sequence[Page]) -> _Told | None:  # noqa: ANN401
    """An argument where its words stand, first in the question; None if they stand nowhere. A yes rests on that."""
    [question, *sources] = places
    [asked] = question
    if yes_of(part, value) is not None:
        return _Told(part, value, (asked,), as_text(value).lower())
    if isinstance(part, FormValue) and part.options and tokens(as_text(value)) <= tokens(asked.text):
        return _Told(part, value, (asked,), as_text(value), sure=TOLD)
    name = spaced(path.rpartition(".")[2])
    shown = {line: said.split("\n") for page in sources for line, said in page.items()}
    by_source = [[row for line in page for row in shown[line]] for page in sources]
    lines: dict[Evidence, None] = {}
    words, rows = list[str](), list[str]()
    sure: list[float | None] = []
    for text in all_said(value):
        told = next((told for page in places if (told := told_in(text, page, asked.text, name))), None)
        if told is None:
            return None
        lines |= dict.fromkeys(told[0])
        words.append(told[1])
        if asked in told[0]:
            sure.append(TOLD)
            continue
        within = [row for line in told[0] for row in shown[line]]
        own = [row for row in within if told_in(text, {told[0][0]: row}, "", name)] or within
        rows += own
        beside = [row for rows in by_source if own[0] in rows for row in rows if row not in own]
        apart = [row for rows in by_source if own[0] not in rows for row in rows]
        sure.append(sureness(text, own, beside, apart, asked.text))
    known = [one for one in sure if one is not None]
    least = min(known) if 0.0 in known or len(known) == len(sure) else None
    return _Told(part, value, tuple(lines), ", ".join(words), tuple(rows), least) if lines else None
