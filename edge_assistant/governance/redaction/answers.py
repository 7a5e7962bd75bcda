"""Answers, their events and kept conversations without personal data, for whoever sees them besides the person."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from types import TracebackType

from edge_assistant.core.answer import Answer, Computation, Failure, Verdict
from edge_assistant.core.errors import EdgeAssistantError
from edge_assistant.core.events import (
    Answered,
    Compared,
    Event,
    Failed,
    Noted,
    Perceived,
    Routed,
    Said,
    Traced,
    Understood,
    Watch,
)
from edge_assistant.core.evidence import Evidence, Passage, Speech
from edge_assistant.core.signals import Origin, Signal
from edge_assistant.governance.redaction.redactor import Redactor
from edge_assistant.governance.redaction.rules import shipped
from edge_assistant.history.conversations import Saved

# Said wherever somebody gets a redacted text, as docs/redaction.md explains it.
REDACTED = (
    "Redacted: pseudonyms such as [PERSON-1] replace the names, numbers and addresses that the rules recognized. "
    "Names and other personal data can remain: check before you pass it on."
)

WHOLE = "Not redacted: names, numbers and addresses stand as they are."


class AnswerRedaction:
    """One question redacted: what is told of it while it is answered, the answer, and what goes wrong.

    It is a context; an error that leaves it is redacted too. Redact what was asked before the events come: what stands
    in it is known then.

    Attributes:
        note: what it covers and what it can miss, for whoever gets the answer.
    """

    note = REDACTED

    def __init__(self, redactor: Redactor) -> None:
        """Take the redactor of the conversation."""
        self._redactor = redactor
        self._said: list[tuple[str, str]] = []

    def __enter__(self) -> AnswerRedaction:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(error, EdgeAssistantError):
            error.message, error.hint = self.text(error.message), self.text(error.hint)
        elif error is not None:  # a fault of ours, whose words are printed too
            error.args = tuple(self.text(part) if isinstance(part, str) else part for part in error.args)
            if isinstance(error, OSError):  # says its files by other means
                del error.filename, error.filename2

    def text(self, text: str) -> str:
        """A text."""
        return self._redactor.redact(text).text

    def file(self, name: str) -> str:
        """A file's name."""
        return self._redactor.file(name)

    def watching(self, watch: Watch) -> Watch:
        """What hands events on without personal data, each as soon as it is there."""
        return lambda event: watch(self.event(event))

    def event(self, event: Event) -> Event:
        """An event."""
        match event:
            case Routed(route):
                return Routed(replace(route, why=self.text(route.why)))
            case Understood(signal, evidence):
                return Understood(signal, tuple(map(self._evidence, evidence)))
            case Perceived(signal, sense, evidence, seconds):
                return Perceived(signal, sense, tuple(map(self._evidence, evidence)), seconds)
            case Noted(signal, text):
                return Noted(signal, self.text(text))
            case Failed(failure):
                return Failed(self._failure(failure))
            case Traced(stage, signal, lines):
                return Traced(stage, signal, tuple(self._redactor.redact(line, any_case=True).text for line in lines))
            case Compared(verdict):
                return Compared(self._verdict(verdict))
            case Said(text):
                self._said.append((text, self.text(text)))
                return Said(self._said[-1][1])
            case Answered(answer):
                return Answered(self.answer(answer))
            case _:
                return event

    def answer(self, answer: Answer) -> Answer:
        """An answer. Its text is that of the sentences that were told before, where these are its own."""
        question = self.text(answer.question)
        signals = tuple(map(self.signal, answer.signals))
        verdicts = tuple(map(self._verdict, answer.verdicts))  # first, as they know names
        told = " ".join(text for text, _ in self._said) == answer.text
        return replace(
            answer,
            question=question,
            signals=signals,
            verdicts=verdicts,
            evidence=tuple(map(self._evidence, answer.evidence)),
            text=" ".join(text for _, text in self._said) if told else self.text(answer.text),
            route=replace(answer.route, why=self.text(answer.route.why)),
            failed=tuple(map(self._failure, answer.failed)),
            computed=tuple(map(self._computation, answer.computed)),
            notes=tuple(replace(note, text=self.text(note.text)) for note in answer.notes),
            instructions=tuple(replace(one, text=self.text(one.text)) for one in answer.instructions),
        )

    def signal(self, signal: Signal) -> Signal:
        """A signal without its bytes and place; its sum is keyed, as a short text could be guessed by it."""
        name = self.file(signal.name) if signal.origin is Origin.FILE else self.text(signal.name)
        return replace(signal, name=name, sha256=self._redactor.digest(signal.sha256), path=None, data=None)

    def _evidence(self, evidence: Evidence) -> Evidence:
        """A passage; of speech only that it is, and its language."""
        detail = Speech((), evidence.detail.language) if isinstance(evidence.detail, Speech) else Passage()
        return replace(evidence, text=self.text(evidence.text), detail=detail)

    def _failure(self, failure: Failure) -> Failure:
        return replace(failure, message=self.text(failure.message), hint=self.text(failure.hint))

    def _computation(self, computation: Computation) -> Computation:
        return replace(computation, formula=self.text(computation.formula), value=self.text(computation.value))

    def _verdict(self, verdict: Verdict) -> Verdict:
        """A verdict; the values of one on a name are names, whatever they look like."""
        kind = shipped().attributes.get(verdict.attribute.casefold().replace("_", " "))
        replaced = self.text if kind is None else partial(self._redactor.know, kind)
        values = tuple(replace(told, value=replaced(told.value)) for told in verdict.values)
        subject = None if verdict.subject is None else self.text(verdict.subject)
        return replace(verdict, attribute=self.text(verdict.attribute), subject=subject, values=values)


def redacted(saved: Saved, redactor: Redactor) -> Saved:
    """A kept conversation, to be handed on."""
    redaction = AnswerRedaction(redactor)
    answers = [Answer.from_json(turn.answer) for turn in saved.turns]
    for answer in answers:
        redaction.text(answer.question)
    signals = tuple(replace(kept, signal=redaction.signal(kept.signal)) for kept in saved.signals)
    turns = tuple(
        replace(turn, answer=redaction.answer(answer).to_json())
        for turn, answer in zip(saved.turns, answers, strict=True)
    )
    return replace(saved, title=redaction.text(saved.title), signals=signals, turns=turns)
