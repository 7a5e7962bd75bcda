"""Tick boxes: one that answers yes or no, one of several options, a list of what applies."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from edge_assistant.evidence import Evidence, Field, Line, TickBox
from edge_assistant.reasoning.attributes import labelled
from edge_assistant.reasoning.claims import Claim
from edge_assistant.reasoning.rules.vocabulary import Attribute, vocabulary
from edge_assistant.reasoning.values.candidates import as_words
from edge_assistant.reasoning.values.values import Items, Nothing, Truth, Value
from edge_assistant.reasoning.written.typed import is_nothing, typed

_MAX_TITLE_WORDS = 8  # of a line over boxes that says what they are about


@dataclass(frozen=True, slots=True)
class _Box:
    topic: str
    option: str
    ticked: bool
    id: str
    confidence: float


def tick_claims(evidence: Sequence[Evidence], signal: str) -> list[Claim]:
    """What ticked boxes say; a group in which none is ticked was left blank and says nothing."""
    return [
        claim for box in _boxes(evidence) if box.ticked and (box.option or box.topic) for claim in _claims(box, signal)
    ]


def _boxes(evidence: Sequence[Evidence]) -> Iterator[_Box]:
    """The boxes, each with its topic: the words before it, or the title over a run of boxes without one."""
    title = ""
    for item in evidence:
        match item.detail:
            case TickBox(label=label, ticked=ticked):
                topic, _, option = (part.strip() for part in label.rpartition(":"))
                confidence = 1.0 if item.confidence is None else item.confidence
                yield _Box(topic or title, option, ticked, item.id, confidence)
            case Field(label=label, value=""):
                title = label
            case Line(cells=(words,)) if len(words.split()) <= _MAX_TITLE_WORDS:
                title = words
            case _:
                title = ""


def _claims(box: _Box, signal: str) -> Iterator[Claim]:
    option = _attribute(box.option)
    if option is not None and option.value == "truth":
        yield Claim(signal, Truth(True), box.option, (box.id,), box.confidence, attribute=option.name)
    topic = _attribute(box.topic) if box.topic else None
    if topic is None:
        if option is None or box.topic:
            name = " ".join((box.topic or box.option).lower().split())
            value = _answer(box.option) if box.topic else Truth(True)
            yield Claim(signal, value, box.option or box.topic, (box.id,), box.confidence, attribute=name)
        return
    for found in typed(topic, box.option or "yes")[:1]:
        yield Claim(signal, found.value, box.option or box.topic, (box.id,), box.confidence, attribute=topic.name)


def _answer(option: str) -> Value:
    """What an option of a question without a type says."""
    words = vocabulary().written
    first = option.lower().strip(" .")
    if first in ("yes", "y"):
        return Truth(True)
    if first in ("no", "n"):
        return Truth(False)
    if is_nothing(option):
        return Nothing()
    return Items((option.lower(),)) if first not in words["affirmed"] else as_words(option)


def _attribute(text: str) -> Attribute | None:
    """The one attribute that a text names."""
    found = {mention.attribute.name: mention.attribute for mention in labelled(text)}
    truths = [attribute for attribute in found.values() if attribute.value == "truth"]
    return next(iter(truths or found.values()), None)
