"""A client's form filled from the sources of an answer: the model proposes, and code keeps what the sources say.

As with a question, each source is read alone. A value counts if it stands in a line of the source, is not denied there,
and is sure enough by the calibrated confidence of a reading. What sources tell differently is not filled in.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from edge_assistant.core.answer import Answer
from edge_assistant.core.events import Reading, Traced
from edge_assistant.core.evidence import Evidence
from edge_assistant.language.chat import Message
from edge_assistant.reasoning.comprehension import prompts
from edge_assistant.reasoning.comprehension.answer_types import AnswerType, truth
from edge_assistant.reasoning.comprehension.assembly import (
    Filled,
    FormReader,
    Guess,
    Proposal,
    asked_shortly,
    proposal,
    sources_of,
    values_of,
    yes_of,
)
from edge_assistant.reasoning.comprehension.extraction import SURE
from edge_assistant.reasoning.comprehension.form_questions import is_truth, questions, row_of
from edge_assistant.reasoning.comprehension.reading import Page, SourceReading
from edge_assistant.reasoning.comprehension.standing import occurrences, told_in
from edge_assistant.reasoning.forms import (
    FormList,
    FormObject,
    FormValue,
    descriptions,
    grammar,
    outline,
    spaced,
)
from edge_assistant.reasoning.sources import Source

MOST_TOKENS = 512  # of a filled form


class Filler(FormReader):
    """Fills forms."""

    def fill(self, form: FormObject, question: str, answer: Answer) -> Filled:
        """Fill a form from the evidence of an answer, and from what was computed for it."""
        told: dict[str, list[Proposal]] = {}
        guessed: dict[str, list[Guess]] = {}
        for source, layer in sources_of(answer):
            self._watch(Reading(source.signal.id))
            for path, found in self._proposals(form, question, source, answer):
                if isinstance(found, Proposal):
                    told.setdefault(path, []).append(replace(found, claim=replace(found.claim, standing=layer)))
                else:
                    guessed.setdefault(path, []).append(found)
        return self._assembled(form, told, guessed, answer)

    def _proposals(
        self, form: FormObject, question: str, source: Source, answer: Answer
    ) -> Iterator[tuple[str, Proposal | Guess]]:
        """What a source tells of a form, by the paths of its values."""
        page = self._reader.page(f"{question} {' '.join(map(spaced, form.parts))}", source)
        if not page:
            return
        messages = _prompt(form, question, source, page)
        written = self._engine().constrained(messages, grammar(form), max_tokens=MOST_TOKENS)
        self._watch(Traced("filled", source.signal.id, (written,)))
        try:
            found = json.loads(written)
        except ValueError:
            return  # it is too long, and was broken off
        values = {path: (part, value) for path, part, value in values_of(form, found, "")}
        weighed: dict[str, tuple[FormValue | FormList, Any, SourceReading | None]] = {}
        known: dict[tuple[str, tuple[str, ...]], SourceReading | None] = {}  # the things of a list are weighed together
        for path, (question, places) in questions(values, page).items():
            part, value = values[path]
            key = question, tuple(text for text, _ in places)
            if key not in known:
                name = spaced(path[len(row_of(path)) :].rpartition(".")[2])
                plain = value if (yes := yes_of(part, value)) is None else yes
                known[key] = self._weighed(question, name, plain, places, source, page)
            weighed[path] = part, value, known[key]
        doubtful = {path for path, (_, _, reading) in weighed.items() if reading is None or reading.confidence < SURE}
        lists = {path.partition("[")[0] for path in doubtful if "[" in path}  # a list is told whole, or not at all
        for path, (part, value, reading) in weighed.items():
            if reading is not None and path not in doubtful and path.partition("[")[0] not in lists:
                found = proposal(part, value, reading.text, reading.evidence, reading.confidence)
                yield path, _resting(found, answer)
            elif isinstance(part, FormList) or is_truth(part):
                yield path, Guess(value)

    def _weighed(
        self, question: str, name: str, value: object, places: Sequence[tuple[str, Page]], source: Source, page: Page
    ) -> SourceReading | None:
        """A value with its lines and its probabilities; None where its words do not stand where they have to."""
        if isinstance(value, bool):
            reading = self._reader.read(question, source, AnswerType.TRUTH)
            if reading is None or truth(reading.text)[0] is not value:
                return None
            bare = all(line.text.rstrip().endswith(":") for line in reading.evidence)  # a label beside which nothing is
            return None if bare else reading
        lines: dict[Evidence, None] = {}
        told = []
        often = Counter(text for text, _ in places)
        for text, where in places:
            found = told_in(text, where, question, name)
            if found is None or (often[text] > 1 and often[text] > occurrences(text, page)):
                return None
            lines |= dict.fromkeys(found[0])
            told.append(found[1])
        return self._reader.weigh(", ".join(told), question, source, page, tuple(lines))


def _resting(found: Proposal, answer: Answer) -> Proposal:
    """A value; one of the answer's own words rests on what the answer does, and is no surer."""
    if found.claim.evidence[0] not in {one.id for one in answer.computed}:
        return found
    sure = max((told.confidence for verdict in answer.verdicts for told in verdict.values), default=0.0)
    claim = replace(found.claim, evidence=answer.citations, confidence=min(found.claim.confidence, sure))
    return replace(found, claim=claim)


def _prompt(form: FormObject, question: str, source: Source, page: Page) -> list[Message]:
    about = (f"Form: {json.dumps(outline(form), ensure_ascii=False)}", *descriptions(form))
    head = f"Source, {prompts.KINDS[source.signal.kind]}:"
    return prompts.with_examples("filling", head, *page.values(), "", asked_shortly(question), *about)
