"""Claims that code makes without the language model: a count of objects, the one seen member of a category."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from edge_assistant.evidence import Evidence, Field, Scene, Thing, TickBox
from edge_assistant.reasoning.candidates import as_words, nothings, quantities
from edge_assistant.reasoning.claims import Claim
from edge_assistant.reasoning.question import Expect, Query
from edge_assistant.reasoning.sources import Source
from edge_assistant.reasoning.values import Quantity, Truth
from edge_assistant.reasoning.vocabulary import vocabulary

STEM = 5  # letters that two words must share at their start to be of one stem


def by_code(query: Query, source: Source) -> Claim | None:
    """What code can tell of a source; None where the model must read it."""
    if query.counted is not None:
        return _counted(query.counted, source) or _numbered(query.counted, source)
    if query.category is not None and query.expects is Expect.WORDS:
        return _member(query.category, source)
    return _stated(query, source) if query.expects is Expect.TRUTH else None


def _stated(query: Query, source: Source) -> Claim | None:
    """Yes or no as a form states it: a ticked box, or a field that says yes, no, none or the very thing asked about."""
    asked = as_words(query.text).tokens - vocabulary().words["generic"]
    for item in source.evidence:
        match item.detail:
            case TickBox(label=label, ticked=True):
                topic, _, said = label.rpartition(":")
                topic, said = (topic, said.strip()) if topic else (label, "yes")
            case Field(label=topic, value=said):
                pass
            case _:
                continue
        if said and _related(as_words(topic).tokens, asked):
            yes = _polarity(said, asked - as_words(topic).tokens)
            if yes is not None:
                return Claim(source.signal.id, Truth(yes), "yes" if yes else "no", (item.id,))
    return None


def _polarity(said: str, asked: frozenset[str]) -> bool | None:
    """Whether what a field says is a yes or a no to what is asked; None where it is neither."""
    if said.lower() in vocabulary().words["yes"]:
        return True
    if any(found.text.lower() == said.lower().rstrip(".") for found in nothings(said)):
        return False
    return True if asked & as_words(said).tokens else None


def _related(topic: frozenset[str], asked: frozenset[str]) -> bool:
    """Whether a label and a question share a word or its stem: "Allergies" and "allergic", "Smoker" and "smoke"."""
    return any(a == b or (len(a) >= STEM and a[:STEM] == b[:STEM]) for a in topic for b in asked)


def _counted(noun: str, source: Source) -> Claim | None:
    """The detector's count of objects of a label."""
    for scene, counts in _scenes(source):
        if noun in counts:
            number = counts[noun]
            evidence = (scene.id, *_things(source, noun))
            return Claim(source.signal.id, Quantity((Decimal(number),)), str(number), evidence)
    return None


def _numbered(noun: str, source: Source) -> Claim | None:
    """The only number without a unit in a line that names what is counted: "the giraffes, three of them"."""
    for line in source.lines:
        if not isinstance(line.detail, Scene) and noun in as_words(line.text).tokens:
            numbers = [c for c in quantities(line.text) if isinstance(c.value, Quantity) and c.value.unit is None]
            if len(numbers) == 1:
                return Claim(source.signal.id, numbers[0].value, numbers[0].text, (line.id,))
    return None


def _member(category: str, source: Source) -> Claim | None:
    """The one label of a category that was seen in a picture."""
    for scene, counts in _scenes(source):
        seen = vocabulary().categories[category] & counts.keys()
        if len(seen) == 1:
            label = next(iter(seen))
            return Claim(source.signal.id, as_words(label), label, (scene.id, *_things(source, label)))
    return None


def _scenes(source: Source) -> Iterator[tuple[Evidence, dict[str, int]]]:
    return ((item, dict(item.detail.counts)) for item in source.evidence if isinstance(item.detail, Scene))


def _things(source: Source, label: str) -> tuple[str, ...]:
    """Ids of the objects with a label."""
    return tuple(e.id for e in source.evidence if isinstance(e.detail, Thing) and e.detail.label == label)
