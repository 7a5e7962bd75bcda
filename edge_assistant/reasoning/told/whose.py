"""Of whom or of what somebody speaks: "my son", "the lady in bed 4", "pump 2", "the other receipt"."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from edge_assistant import patterns
from edge_assistant.reasoning.rules.vocabulary import Vocabulary, per_vocabulary, vocabulary
from edge_assistant.reasoning.told.clauses import Clause, any_of, any_word, listed

UNSURE = "?"  # a pronoun may mean one person or another: nothing is claimed then
_NAME = r"[A-Z][\w'-]+(?:\s[A-Z][\w'-]+)?"
_IT = re.compile(r"[\s,]*(?:and\s+|but\s+)?(?:it|its|it's)\b", re.I)  # goes on with the machine that was named before
_AT = r"(?:number\s+|no\.?\s*)?(?P<{}>\d{{1,3}}[a-z]?|[A-Z]|{})(?![\w.,]*\d)\b"


@dataclass(frozen=True, slots=True)
class Speaking:
    """Somebody or something that a clause names at the characters [start, end).

    Attributes:
        subject: None for the one that the signal is about.
        pronoun: he, she or they where a pronoun can go on speaking of it; else None.
        sure: the pronoun cannot be the patient: "my son ... he", "her husband ... he".
    """

    subject: str | None
    start: int
    end: int
    pronoun: str | None = None
    sure: bool = False


@dataclass(slots=True)
class Thread:
    """Whom the sentences so far spoke of, for the pronouns that follow."""

    last: Speaking | None = None
    thing: Speaking | None = None
    sentence: int = -1
    before: tuple[Speaking, ...] = ()
    fronted: Speaking | None = None

    def speaking(self, clause: Clause, units: Sequence[tuple[int, int]] = ()) -> list[Speaking]:
        """Everybody and everything that a clause speaks of, in order; a pronoun is who it stands for.

        Args:
            clause: what is said.
            units: spans of numbers with a unit, of which none is the number of a pump.
        """
        found = sorted(_others(clause.text, units), key=lambda speaking: (speaking.start, -speaking.end))
        found = [s for i, s in enumerate(found) if not any(o.start <= s.start and s.end <= o.end for o in found[:i])]
        if self.thing and not found and _IT.match(clause.text) and not _is_back(self.thing, clause.text):
            found.append(replace(self.thing, start=0, end=0))
        pronoun = listed("carried_on").search(clause.text)
        if pronoun and self.last and not any(s.start <= pronoun.start() for s in found):
            found.insert(0, self._carried(pronoun))
        if not found and clause.sentence == self.sentence and _continues().match(clause.text):
            found = [replace(one, start=0, end=0) for one in self.before[:1]]
        if self.fronted and clause.sentence == self.sentence and not any(s.subject for s in found):
            found.insert(0, replace(self.fronted, start=-1, end=0))
        bare = next((one for one in found if one.subject and one.pronoun is None), None)
        self.fronted = bare if bare and _is_fronted(clause.text, bare) else None
        self.sentence, self.before = clause.sentence, tuple(found)
        named = [one for one in found if one.subject and not one.pronoun]
        self.thing = named[-1] if named else None
        for speaking in found:
            if speaking.pronoun or speaking.subject is None:
                self.last = speaking if speaking.pronoun else None
        return found

    def _carried(self, pronoun: re.Match[str]) -> Speaking:
        """Whom a pronoun means: "her sister ... she" may be the patient, "my sister ... she" is not."""
        assert self.last is not None
        kind = _KINDS.get(pronoun[0].lower().partition("'")[0], "they")
        start, end = pronoun.span()
        if self.last.pronoun not in (kind, "they", "?"):
            return Speaking(None, start, end)
        if self.last.sure or self.last.pronoun == "?":
            return Speaking(self.last.subject, start, end, self.last.pronoun, self.last.sure)
        return Speaking(UNSURE, start, end, self.last.pronoun)


def _is_fronted(text: str, thing: Speaking) -> bool:
    """Whether a clause only names a thing of which the rest of the sentence is told: "on the spare in the store, I"."""
    return thing.start >= 0 and not (_FRONT.sub("", text[: thing.start]) + text[thing.end :]).strip(" ,")


_FRONT = re.compile(r"[\s,]*(?:and\s+|but\s+)?(?:on|at|for|with|in|about|as\s+for|as\s+to)?\s*$", re.I)


def _is_back(thing: Speaking, text: str) -> bool:
    """Whether "it is" goes back to the thing at hand, as another that is gone was spoken of: "the last one expired"."""
    return bool(_FORMER.search(thing.subject or "") and _PRESENT.match(text))


_FORMER = re.compile(r"\b(?:last|previous|former|old|older|predecessor|before)\b", re.I)
_PRESENT = re.compile(r"[\s,]*(?:and\s+|but\s+)?(?:it's|it\s+(?:is|has|needs|can|[a-z]+s)\b(?<!was))", re.I)
_KINDS = {"he": "he", "his": "he", "him": "he", "she": "she", "her": "she", "they": "they", "their": "they"}


def subject_at(speaking: Sequence[Speaking], at: int) -> str | None:
    """Of whom a value at a place of a clause is told: whom the clause speaks of first, if before the value."""
    before = [one for one in speaking if one.start < at]
    if not before:
        return None
    if before[0].pronoun or before[0].subject is None:
        return before[0].subject
    return next((one.subject for one in reversed(before) if one.subject), None)  # "on the spare I saw 110 volts"


@per_vocabulary
def _continues(vocabulary: Vocabulary) -> re.Pattern[str]:
    """The beginning of a clause that goes on with the subject of the one before: "and takes aspirin"; or an aside."""
    verbs = any_word(vocabulary.telling["words"]["verbs"])
    return patterns.compile(
        rf"[\s,]*(?:(?:and|but)\s+{verbs}|(?:that|this|it)(?:'s|\s+(?:is|was))\b[^,]*,\s*{verbs})", re.I
    )


def _others(text: str, units: Sequence[tuple[int, int]]) -> Iterator[Speaking]:
    patterns = _subject_patterns()
    for match in patterns["at_hand"].finditer(text):
        yield Speaking(None, *match.span())
    for match in patterns["first"].finditer(text):
        yield Speaking(None, *match.span())
    for match in patterns["relation"].finditer(text):
        who = (match["who"] or match["kin"]).lower()
        whose = (match["whose"] or "").lower()
        pronoun = _pronoun_of(who)
        sure = whose in ("my", "our") or (whose, pronoun) in (("her", "he"), ("his", "she"))
        yield Speaking(who, match.start(), match.end(), pronoun, sure)
    for match in patterns["placed"].finditer(text):
        yield Speaking(_digits(match["whole"]), match.start(), match.end(), "?")
    for match in patterns["titled"].finditer(text):
        yield Speaking(match["name"], match.start("name"), match.end("name"), "?")
    named = patterns["named"].match(text)
    if named and named["name"].lower() not in _not_names():
        yield Speaking(named["name"], named.start("name"), named.end("name"), "?")
    yield from _things(text, units)


def _things(text: str, units: Sequence[tuple[int, int]]) -> Iterator[Speaking]:
    patterns = _subject_patterns()
    for match in patterns["numbered"].finditer(text):
        if not any(start <= match.start("mark") < end for start, end in units):
            yield Speaking(_digits(f"{match['noun']} {match['mark']}"), match.start(), match.end())
    for match in patterns["other"].finditer(text):
        yield Speaking(" ".join(match["what"].lower().split()), match.start(), match.end())
    for name in ("counterpart", "beside", "discarded"):
        for match in patterns[name].finditer(text):
            yield Speaking(" ".join(match["what"].lower().split()), match.start(), match.end())
    if nth := patterns["nth"].match(text):
        yield Speaking(_digits(nth["what"]), nth.start("what"), nth.end("what"))
    for match in patterns["dated"].finditer(text):
        yield Speaking(match[0].lower(), match.start(), match.end())


def apart(a: str, b: str) -> bool:
    """Whether two texts name a thing by different numbers: what is told of pump 1 is nothing of pump 2.

    >>> apart("What is the pressure of pump two?", "pump 1"), apart("the pump", "pump 1")
    (True, False)
    """
    ones, others = _numbers(a), _numbers(b)
    return any(not ones[noun] & others[noun] for noun in ones.keys() & others.keys())


def _numbers(text: str) -> dict[str, set[str]]:
    """The numbers by which a text names things, by their nouns."""
    found: dict[str, set[str]] = {}
    for match in _subject_patterns()["numbered"].finditer(text):
        found.setdefault(match["noun"].lower(), set()).add(_digits(match["mark"]))
    return found


def _pronoun_of(relation: str) -> str:
    groups = vocabulary().telling["relations"]
    return next((pronoun for pronoun, words in groups.items() if relation.lower() in words), "they")


def _digits(text: str) -> str:
    """A subject as it is compared: number words in digits, nouns in lower case."""
    numbers = vocabulary().numbers
    words = (str(numbers.get(word.lower(), word)) for word in text.split())
    return " ".join(word if len(word) == 1 else word.lower() for word in words)


@per_vocabulary
def _not_names(vocabulary: Vocabulary) -> frozenset[str]:
    """Words that begin a sentence in upper case and are no name."""
    lists = vocabulary.telling["words"]
    names = (name for attribute in vocabulary.attributes.values() for name in (*attribute.names, *attribute.labels))
    told = (word for name in ("starts", "drugs", "people", "more", "nobody") for word in lists[name])
    return frozenset((*vocabulary.words["stop"], *vocabulary.words["generic"], *names, *told))


@per_vocabulary
def _subject_patterns(vocabulary: Vocabulary) -> dict[str, re.Pattern[str]]:
    words = vocabulary.telling["words"]
    numbers = "|".join(sorted(vocabulary.numbers, key=len, reverse=True))
    kin = (word for group in vocabulary.telling["relations"].values() for word in group)
    relations = "|".join(sorted(kin, key=len, reverse=True))
    others, people, places = (any_word(words[name]) for name in ("others", "people", "places"))
    counterparts, elsewhere, here = (any_word(words[name]) for name in ("counterparts", "elsewhere", "at_this"))
    linking = any_word(words["verbs"])
    verbs, titles, numbered = (any_word(words[name]) for name in ("person_verbs", "titles", "numbered"))
    things = any_word((*words["carriers"], *words["papers"]))
    beside, discarded, near = (any_word(words[name]) for name in ("beside", "discarded", "near"))
    return {
        "at_hand": any_of(words["at_hand"]),
        "first": any_of(words["first_person"]),
        "relation": patterns.compile(
            rf"(?<![\w'])(?P<whose>my|our|his|her|their|the|an?|patient's)\s+(?:\w+\s+)??(?P<who>{relations})(?!\w)|(?<![\w'])(?P<kin>family)\s+history",
            re.I,
        ),
        "placed": patterns.compile(
            rf"(?:the|that|a)\s+(?P<whole>{people}\s+(?:(?:in|from|at|of)\s+{places}(?:\s+{_AT.format('at', numbers)})?"
            rf"|next\s+door|{near}\s+(?:her|him|me|us|them)(?!\s+\w+'s)))(?!\w)",
            re.I,
        ),
        "titled": patterns.compile(
            rf"(?:^|(?<=and\s)|(?<=says\s)|(?<=that\s)|(?<=,\s))\s*(?P<name>(?i:{titles})\.?\s+{_NAME})"
        ),
        "named": patterns.compile(rf"\s*(?:(?:So|And|But|Also),?\s+)?(?P<name>{_NAME})\s+(?:{verbs})"),
        "numbered": patterns.compile(rf"(?<![\w'])(?P<noun>{numbered})\s+{_AT.format('mark', numbers)}", re.I),
        "other": patterns.compile(
            rf"(?:the|that|this|our|my|a|an|on)?\s*(?P<what>{others}\s+(?:\w+\s+)?{things})", re.I
        ),
        "beside": patterns.compile(
            rf"(?<![\w'])(?:the|its|our|an?|that)\s+(?P<what>(?:\w+\s+)?{things}\s+{beside})(?![\w'])", re.I
        ),
        "discarded": patterns.compile(
            rf"(?<![\w'])(?P<what>(?:(?:the|that)\s+(?:\w+\s+)?{things}|what)\s+(?:(?:that|which)\s+)?"
            rf"(?:i|we|they|it|he|she)\s+(?:(?:had|have|just)\s+)?{discarded})(?![\w'])",
            re.I,
        ),
        "counterpart": patterns.compile(
            rf"(?<![\w'])(?:the|its|our|a|that)\s+(?P<what>{counterparts}(?:\s+one|\s+(?:in|on|at|by)\s+(?:the\s+)?\w+)?"
            rf"|(?:(?!right|correct|same)\w+\s+)?ones?\s+{elsewhere}(?!\s+(?:\w+\s+){{0,2}}{here})(?:\s+(?!{linking})(?:the\s+)?\w+)?)(?![\w'])",
            re.I,
        ),
        "nth": patterns.compile(
            rf"[\s,]*(?:(?:and|but)\s+)?(?P<what>(?:number|no\.)\s+{_AT.format('at', numbers)})\s+{linking}", re.I
        ),
        "dated": patterns.compile(rf"{any_word(words['dated_subjects'])}\s+[a-z]+", re.I),
    }
