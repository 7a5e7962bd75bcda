"""Values that a clause tells in words that no rule knows: told of what the nearest examples are told of."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from edge_assistant.reasoning.meaning import Likely, Meaning, surely
from edge_assistant.reasoning.rules.vocabulary import vocabulary
from edge_assistant.reasoning.told.crew import person_in
from edge_assistant.reasoning.told.measures import is_bound
from edge_assistant.reasoning.told.sayings import (
    Found,
    Saying,
    codes_in,
    is_dialled,
    is_money,
    is_priced,
    is_timed,
    overlaps,
)
from edge_assistant.reasoning.values.candidates import Candidate, find
from edge_assistant.reasoning.values.values import Quantity

# Mean cosine of the three nearest examples from which on a value is told of what they are told of, and how far the
# next attribute must be behind: see tests/reasoning/test_meaning.py for how they were chosen.
TOLD_LIKENESS = 0.55
TOLD_MARGIN = 0.04
OVERRULED = 0.2  # how far an attribute must be ahead of the one that the words of a rule say
_REFINED = ("money", "date", "clock", "quantity", "identifier")  # types of which one name is easily another
_MAX_OPEN = 12  # values of one sentence that are compared; a list of more is none that a sentence tells


def likened(saying: Saying, own: Sequence[Found], meaning: Meaning) -> Iterator[Found]:
    """The values of a clause that its rules left open, with the attribute that examples give them.

    Args:
        saying: the clause.
        own: what the rules found in it.
        meaning: compares with examples.
    """
    taken = [(found.start, found.end) for found in own]
    for value, kind in itertools.islice(_open(saying, taken), _MAX_OPEN):
        likely = _told_of(saying, value, kind, meaning)
        if likely is not None and likely.attribute is not None:
            name, span = likely.attribute.name, (value.start, value.end)
            named = any(one.start < value.end and value.start < one.end for one in saying.speaking)
            subject = None if named else saying.subject(value.start)
            yield Found(name, value.value, *span, span, subject, saying.when(name), likeness=min(likely.likeness, 0.99))


def likeliest(found: Sequence[Found]) -> list[Found]:
    """Without what examples say is told of an attribute of which something more likely is told."""
    best: dict[tuple[str, str | None, str | None], float] = {}
    for f in found:
        key = (f.attribute, f.subject, f.when)
        best[key] = max(f.likeness, best.get(key, 0.0))
    return [f for f in found if f.likeness >= best[f.attribute, f.subject, f.when]]


def _told_of(saying: Saying, value: Candidate, kind: str, meaning: Meaning) -> Likely | None:
    """What a value is told of by its clause, else by its sentence: "we put him on the scales and got 76 kilos"."""
    unit = value.value.unit if isinstance(value.value, Quantity) and kind != "money" else None
    units = (unit,) if unit else ()
    ranked = meaning.told(saying.text, value.start, value.end, kind, units)
    likely = surely(ranked, TOLD_LIKENESS, TOLD_MARGIN)
    at = saying.sentence.find(saying.text)
    if likely is not None or at < 0 or len(saying.sentence) == len(saying.text):
        return likely
    ranked = meaning.told(saying.sentence, at + value.start, at + value.end, kind, units)
    return surely(ranked, TOLD_LIKENESS, TOLD_MARGIN)


def refined(saying: Saying, own: Sequence[Found], meaning: Meaning) -> list[Found]:
    """What rules found, with the attribute that examples give it where that of the rules is general or unlikely.

    "You asked when I was born, that is 3 May" is a date by rules; "my change came to 4.20" has the words of a total.
    """
    return [_refined(saying, found, meaning) for found in own]


def _refined(saying: Saying, found: Found, meaning: Meaning) -> Found:
    attribute = next((a for a in vocabulary().attributes.values() if a.name == found.attribute), None)
    if attribute is None or attribute.per or attribute.value not in _REFINED or found.statistic:
        return found
    unit = found.value.unit if isinstance(found.value, Quantity) and attribute.value != "money" else None
    ranked = meaning.told(saying.text, found.start, found.end, attribute.value, (unit,) if unit else ())
    own = next((likely.likeness for likely in ranked if likely.attribute is attribute), None)
    likely = surely(ranked, TOLD_LIKENESS, TOLD_MARGIN)
    if own is None or likely is None or likely.attribute is None or likely.attribute.per:
        return found  # what has no examples cannot be compared
    ahead = TOLD_MARGIN if attribute.general else OVERRULED
    if likely.likeness - own < ahead:
        return found
    return replace(found, attribute=likely.attribute.name, likeness=min(likely.likeness, 0.99))


def _open(saying: Saying, taken: list[tuple[int, int]]) -> Iterator[tuple[Candidate, str]]:
    """The values that nothing is known of, and of which type they are; what can be nothing else comes first."""
    text = saying.text
    finders: tuple[tuple[Iterator[Candidate], str], ...] = (
        (find("pair", text), "pair"),
        ((c for c in find("telephone", text) if is_dialled(c)), "telephone"),
        (find("date", text), "date"),
        ((c for c in find("clock", text) if is_timed(c)), "clock"),
        (codes_in(text), "identifier"),
    )
    for candidates, kind in finders:
        for candidate in candidates:
            if not overlaps(candidate.start, candidate.end, taken):
                taken.append((candidate.start, candidate.end))
                yield candidate, kind
    for candidate in saying.quantities:
        if not overlaps(candidate.start, candidate.end, taken) and not is_bound(text[: candidate.start]):
            yield candidate, _kind_of(candidate)
    for candidate in find("name", text):
        person = person_in(candidate)
        if person is not None and not overlaps(person.start, person.end, taken) and _is_name(saying, person):
            yield person, "name"


def _kind_of(candidate: Candidate) -> str:
    if is_money(candidate.value):
        return "money"
    if getattr(candidate.value, "unit", None) is not None:
        return "quantity"
    return "money" if is_priced(candidate) else "number"


def _is_name(saying: Saying, candidate: Candidate) -> bool:
    """Whether words in capitals can name somebody or something: not the one word that begins a sentence."""
    begins = not re.search(r"\w", saying.text[: candidate.start])
    return len(candidate.text.split()) > 1 or not begins
