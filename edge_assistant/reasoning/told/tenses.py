"""When it was so: words that place what is told in another time than now."""

from __future__ import annotations

import re
from dataclasses import dataclass

from edge_assistant import patterns
from edge_assistant.reasoning.rules.vocabulary import Vocabulary, per_vocabulary
from edge_assistant.reasoning.told.clauses import PART, Clause, any_of, any_word, listed

_PAST = (
    r"took|ran|said|read|held|came|got|did|stood|gave|drank|lay|made|drew|sent|used|paid|bought|cost|went|saw|sat|put|spent|brought|told|left|kept|met"
    r"|(?!hundred|speed|indeed|exceed|proceed|bleed)[^\W\d_]{3,}ed"
)
PAST = re.compile(rf"\b(?:was|were|had|{_PAST})\b", re.I)  # verbs of what is over
PRESENT = re.compile(
    r"\b(?:is|are|am|has|have|weighs?|takes?|runs?|holds?|contains?|needs?|draws?|reads?|shows?|makes?|turns?|smokes?|expires?|keeps?|wants?|costs?)\b"
    r"|\w'(?:s|m|re|ve)\b",
    re.I,
)


@dataclass(frozen=True, slots=True)
class Tense:
    """Another time.

    Attributes:
        words: as they are said.
        recent: a time not long ago, in which what was bought is still what was bought.
        usual: not another time, but what is so as a rule.
    """

    words: str
    recent: bool = False
    usual: bool = False


@dataclass(slots=True)
class Times:
    """The time of a clause; words at the head of a sentence hold for all of it until "now" is said."""

    _sentence: int = -1
    _held: Tense | None = None

    def of(self, clause: Clause) -> Tense | None:
        """The other time that a clause tells of, or None."""
        if clause.sentence != self._sentence or clause.text.startswith(PART):
            self._sentence, self._held = clause.sentence, None
        own = _other_time(clause.text)
        if listed("now").search(clause.text):
            self._held = None
            return None
        if own is None:
            if self._held and _is_present(clause.text):
                self._held = None
            return self._held
        tense, at = own
        if _JOINS.fullmatch(clause.text[:at]):
            self._held = tense
        return tense


_JOINS = re.compile(
    rf"[\s,{PART}]*(?:(?:and|but|though|although|while|whereas)\s+)?"
)  # before the first word of a clause


def _is_present(text: str) -> bool:
    """Whether the verb of a clause is one of the present: "last year it was 58, she weighs 74"."""
    verb, over = PRESENT.search(text), PAST.search(text)
    return verb is not None and (over is None or verb.start() < over.start())


def _other_time(text: str) -> tuple[Tense, int] | None:
    for kind in ("ended", "past", "before", "then", "recent", "dated", "coming", "future", "expected", "usual"):
        match = times()[kind].search(text)
        if match:
            said = _words_of(match)
            return Tense(" ".join(said.split()), kind in _NEAR, kind == "usual"), match.start()
    return None


def _words_of(match: re.Match[str]) -> str:
    """The words that say when, without those around them by which they were found."""
    return next((said for said in match.groupdict().values() if said), match[0])


_NEAR = ("recent", "dated")  # times in which what was bought then is still what was bought


@per_vocabulary
def times(vocabulary: Vocabulary) -> dict[str, re.Pattern[str]]:
    """The patterns of words for another time, by kind."""
    words = vocabulary.telling["words"]
    ended = any_word(words["ended"])
    months = "|".join(sorted(vocabulary.months, key=len, reverse=True))
    turning, occasion = any_word(words["turning_points"]), any_word(words["occasions_past"])
    was = rf"(?:was|were|had|{_PAST})\b"
    before = (
        r"(?:before|prior\s+to|ahead\s+of|until|till|up\s+(?:to|until))\s+"
        rf"(?:(?:the|her|his|my|our|their|its|this|that)\s+)?(?:\w+\s+)?{turning}"
    )
    then = rf"(?:at|on|during|over|around)\s+{occasion}"
    return {
        "past": any_of(words["past"]),
        "before": patterns.compile(rf"\b{before}(?=[^.;]*?\b{was})|\b{was}[^.;]*?(?P<behind>\b{before})", re.I),
        "then": patterns.compile(rf"\b{then}(?=[^.;]*?\b{was})|\b{was}[^.;]*?(?P<behind>\b{then})", re.I),
        "expected": any_of(words["expected"]),
        "usual": any_of(words["usual"]),
        "recent": any_of(words["recent"]),
        "ended": patterns.compile(
            rf"{ended}\s+(?:last\s+\w+|(?:19|20)\d\d|(?:{months})\b|\w+\s+ago|recently|then|yesterday)", re.I
        ),
        "dated": patterns.compile(  # "in January it was still"
            rf"(?P<time>\b(?:back\s+)?in\s+(?:the\s+)?(?:{months}|spring|summer|autumn|winter|fall)\b),?\s+(?:[^\W\d_]+\s+){{1,3}}?(?:was|were|had|{_PAST})\b"
            rf"|\b(?:was|were|had)\b[^.;]{{0,60}}?(?P<then>\b(?:back\s+)?in\s+(?:{months})\b)(?!\s+(?:\d|the\b))",
            re.I,
        ),
        "coming": any_of(words["coming"]),
        "future": patterns.compile(rf"(?!will (?:find|see|notice)\b){any_word(words['future'])}", re.I),  # is there now
    }
