"""When a medicine is taken, as sentences and lists tell it: "ramipril in the morning", "aspirin 75 mg at night"."""

from __future__ import annotations

import re
from collections.abc import Iterator

from edge_assistant import patterns
from edge_assistant.reasoning.rules.vocabulary import Vocabulary, per_vocabulary, vocabulary
from edge_assistant.reasoning.told.clauses import any_word, listed
from edge_assistant.reasoning.told.lists import ALLERGY, doses_in, drugs_of
from edge_assistant.reasoning.told.sayings import Found, Saying
from edge_assistant.reasoning.values.candidates import Candidate
from edge_assistant.reasoning.values.values import Words

INTAKE = "intake time"
_OTHER = ("at", "several")  # lists of told.toml that are no part of the day


def intakes(saying: Saying) -> Iterator[Found]:
    """The time of day of each medicine that a clause names: the one told behind it, else the one before the first."""
    if any(m.attribute.name == ALLERGY for m in saying.mentions) or listed("negations").search(saying.text):
        return
    drugs = drugs_of(saying.text, doses_in(saying), listed("takes").search(saying.text))
    times = list(intake_times(saying.text)) if drugs else []
    for i, drug in enumerate(drugs):
        end = drugs[i + 1].start if i + 1 < len(drugs) else len(saying.text)
        behind = (time for time in times if drug.end <= time.start < end)
        time = next(behind, None) or next((t for t in times if t.end <= drugs[0].start), None)
        if time is not None and saying.subject(drug.start) is None:
            span = (min(drug.start, time.start), max(drug.end, time.end))
            when = saying.when(INTAKE)
            yield Found(INTAKE, time.value, time.start, time.end, span, drug.name.lower(), when)


def intake_times(text: str) -> Iterator[Candidate]:
    """Find the parts of a day that come again, with what makes them so: "in the morning", "at bedtime", "mornings"."""
    for match in _time().finditer(text):
        group = "part" if match["part"] else "parts"
        yield Candidate(match[group], intake(match[group]), *match.span(group))


def intake(text: str) -> Words:
    """A time of day as it is compared: bedtime and night are one, and so are noon, midday and lunch.

    >>> sorted(intake("at bedtime").tokens)
    ['bed', 'bedtime', 'night']
    """
    words = {word.removesuffix("s") for word in re.findall(r"[^\W\d_]+", text.lower())}
    groups = (set(group) for name, group in vocabulary().telling["intakes"].items() if name not in _OTHER)
    return Words(frozenset(word for group in groups if words & group for word in group))


@per_vocabulary
def _time(vocabulary: Vocabulary) -> re.Pattern[str]:
    """A part of the day that comes again: "this morning" does not."""
    groups = vocabulary.telling["intakes"]
    part = any_word(word for name, words in groups.items() if name not in _OTHER for word in words)
    at, several = any_word(groups["at"]), rf"(?<![\w'])(?:{'|'.join(groups['several'])})(?!\w)"
    return patterns.compile(rf"(?:{at}\s+(?:(?:the|her|his|my)\s+)?(?P<part>{part})|(?P<parts>{several}))", re.I)
