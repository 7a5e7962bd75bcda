"""When it was so: words that place what is told in another time than now."""

from __future__ import annotations

import re
from dataclasses import dataclass

from edge_assistant.reasoning.rules.vocabulary import Vocabulary, per_vocabulary
from edge_assistant.reasoning.told.clauses import Clause, any_of, listed


@dataclass(frozen=True, slots=True)
class Tense:
    """Another time.

    Attributes:
        words: as they are said.
        recent: a time not long ago, in which what was bought is still what was bought.
    """

    words: str
    recent: bool = False


@dataclass(slots=True)
class Times:
    """The time of a clause; words at the head of a sentence hold for all of it until "now" is said."""

    _sentence: int = -1
    _held: Tense | None = None

    def of(self, clause: Clause) -> Tense | None:
        """The other time that a clause tells of, or None."""
        if clause.sentence != self._sentence:
            self._sentence, self._held = clause.sentence, None
        own = _other_time(clause.text)
        if listed("now").search(clause.text):
            self._held = None
            return None
        if own is None:
            return self._held
        tense, at = own
        if clause.opens and not clause.text[:at].strip(" ,"):
            self._held = tense
        return tense


def _other_time(text: str) -> tuple[Tense, int] | None:
    for kind in ("ended", "past", "recent", "dated", "coming", "future"):
        match = _times()[kind].search(text)
        if match:
            said = (match["time"] or match["then"]) if kind == "dated" else match[0]
            return Tense(" ".join(said.split()), kind in _NEAR), match.start()
    return None


_NEAR = ("recent", "dated")  # times in which what was bought then is still what was bought


@per_vocabulary
def _times(vocabulary: Vocabulary) -> dict[str, re.Pattern[str]]:
    words = vocabulary.telling["words"]
    ended = any_of(words["ended"]).pattern
    months = "|".join(sorted(vocabulary.months, key=len, reverse=True))
    return {
        "past": any_of(words["past"]),
        "recent": any_of(words["recent"]),
        "ended": re.compile(
            rf"{ended}\s+(?:last\s+\w+|(?:19|20)\d\d|(?:{months})\b|\w+\s+ago|recently|then|yesterday)", re.I
        ),
        "dated": re.compile(  # "in January it was still"
            rf"(?P<time>\b(?:back\s+)?in\s+(?:the\s+)?(?:{months}|spring|summer|autumn|winter|fall)\b),?\s+(?:[^\W\d_]+\s+){{1,3}}?(?:was|were|had\s+been)\b"
            rf"|\b(?:was|were|had\s+been)\b[^.;]{{0,60}}?(?P<then>\b(?:back\s+)?in\s+(?:{months})\b)(?!\s+(?:\d|the\b))",
            re.I,
        ),
        "coming": any_of(words["coming"]),
        "future": any_of(words["future"]),
    }
