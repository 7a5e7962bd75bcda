"""A clause with all that its values are told under: whom it speaks of, and of what time; and what is found in it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from edge_assistant import patterns
from edge_assistant.reasoning.attributes import Mention, phrase, told
from edge_assistant.reasoning.rules.vocabulary import Vocabulary, per_vocabulary, vocabulary
from edge_assistant.reasoning.told.clauses import Clause, any_of, any_word, listed, told_words
from edge_assistant.reasoning.told.tenses import Tense
from edge_assistant.reasoning.told.things import things
from edge_assistant.reasoning.told.whose import Speaking, subject_at
from edge_assistant.reasoning.values.candidates import Candidate, find
from edge_assistant.reasoning.values.values import Identifier, Quantity, Telephone, Value

_WORDS = re.compile(r"[^\W_]+(?:'[^\W_]+)?|[:=]")
_TIMED = re.compile(
    r"\d:\d\d|(?:\d|\w\s)\s?[ap]\.?\s?m\b|o'clock|noon|midnight|\bin\s+the\s+\w+|\bat\s+night|\b(?:half|quarter)\b",
    re.I,
)
_COUNTED = re.compile(r"\d+(?:ST|ND|RD|TH|X|S)|X\d+|[A-Z]", re.I)  # 28th, 5x
_OF = re.compile(r"(?:[^\W\d_][^\W\d_'/-]*\s+){1,5}(?:of|for|on|in|from)\s+(?:the\s+)?", re.I)
_NUMBERED = re.compile(r"(?:\d|\b[A-Z])$")  # pump 2 may be the one at hand
_HOUR = re.compile(r"\d{1,2}(?:[.:]\d\d)?\s?[ap]\.?m\.?", re.I)  # 4.10pm
_I_DO = re.compile(r"\sI\s+[a-z]")  # "on 12 May 1961 I was": no part of a code
_DIALLED = 7  # digits of a number with its area
_USUAL = ("quantity", "number", "pair", "money")  # what is so as a rule may not be so now
_ELSE = re.compile(r"[,;()]")


@dataclass(frozen=True, slots=True)
class Found:
    """What a clause tells; spans count in the clause.

    Attributes:
        attribute: its name in the vocabulary.
        value: typed.
        start: first character of the value.
        end: after its last.
        mention: where what names it begins and ends; the value itself, where nothing does.
        subject: of whom or what, or None.
        when: the words that place it in another time.
        negated: it is said that it is not so.
        statistic: of how many it is the maximum, minimum or mean.
        around: words for a time that may still be the one that is spoken of, where nothing is told without them.
        likeness: how like examples its words are; 1 where rules know them.
    """

    attribute: str
    value: Value
    start: int
    end: int
    mention: tuple[int, int]
    subject: str | None = None
    when: str | None = None
    negated: bool = False
    statistic: str | None = None
    around: str | None = None
    likeness: float = 1.0


@dataclass(frozen=True, slots=True)
class Saying:
    """A clause that says that something is so.

    Attributes:
        clause: its words.
        speaking: whom it speaks of, in order.
        tense: another time, or None.
        sentence: the text of its whole sentence.
        mentions: the attributes that it names.
        quantities: the numbers in it, those of a pair or date left out.
        topic: the attribute that the sentence measured before, which "it" may go on with.
        pictured: what it stands in speaks of a picture somewhere.
    """

    clause: Clause
    speaking: tuple[Speaking, ...]
    tense: Tense | None
    sentence: str
    mentions: tuple[Mention, ...]
    quantities: tuple[Candidate, ...]
    topic: str | None = None
    pictured: bool = False

    @property
    def text(self) -> str:
        """The words, blank where they were taken back."""
        return self.clause.text

    def subject(self, at: int) -> str | None:
        """Of whom or what a value, or the name of one, at a place is told: "the pressure of the other pump"."""
        named = next((one for one in self.speaking if one.subject and one.start > at), None)
        if named and _is_of(self.text[at : named.start]) and not _NUMBERED.search(named.subject or ""):
            return named.subject
        if named and _is_owned(self.text[at : named.start]):
            return named.subject
        return subject_at(self.speaking, at)

    def when(self, attribute: str) -> str | None:
        """The other time of a value; what was bought yesterday is still what was bought."""
        if self.tense is None or (self.tense.usual and (attribute == "dose" or kind_of(attribute) not in _USUAL)):
            return None
        if kind_of(attribute) in ("date", "clock"):
            return self.tense.words if listed("outdated").fullmatch(self.tense.words) else None
        if self.tense.recent and kind_of(attribute) in ("money", "name", "identifier"):
            return None
        return self.tense.words


def _is_of(between: str) -> bool:
    """Whether these are the words of a name with "of" or "for" behind it, and of nothing that is said of it."""
    return bool(_OF.fullmatch(between)) and not listed("verbs").search(between)


def _is_owned(between: str) -> bool:
    """Whether these are a value and words that say whose it is: "58 kg is what", "that's the weight of"."""
    match = _owning().fullmatch(between)
    return bool(match and _NUMBER.search(match["value"]) and not listed("verbs").search(match["value"]))


_NUMBER = re.compile(r"\d|[^\W\d_]{3,}\s+[^\W\d_]{3,}")  # of digits or in words


@per_vocabulary
def _owning(vocabulary: Vocabulary) -> re.Pattern[str]:
    """What stands between a value and the one whose it is, where that is told behind it."""
    owning = any_word(vocabulary.telling["words"]["owning"])
    is_ = r"(?:(?:and|but)\s+)?(?:(?:that|which|this|it)(?:'s|\s+(?:is|was|would\s+be))|(?:is|was|are|were)(?!\s+it\b))"
    what = r"(?:\s+(?:what|how\s+much|how\s+many|only|just|for|of|from|with|on|at|the\s+\w+\s+(?:of|for|from)))*"
    return patterns.compile(rf"(?P<value>.{{1,60}}?)[\s,]*(?:{is_}|{owning}){what}\s*", re.I)


def kind_of(attribute: str) -> str:
    """The type of an attribute's values."""
    return next((entry.value for entry in vocabulary().attributes.values() if entry.name == attribute), "truth")


def mentions_in(text: str) -> tuple[Mention, ...]:
    """The attributes that a clause names, without those whose names seldom name a value in a sentence, or not here."""
    untold = {phrase(name) for name in told_words("untold")}
    idioms = [match.span() for match in listed("idioms").finditer(text)]
    named = (m for m in told(text) if phrase(text[m.start : m.end]) not in untold)
    return tuple(m for m in named if not overlaps(m.start, m.end, idioms))


def quantities_in(text: str) -> tuple[Candidate, ...]:
    """The numbers of a text; not those of a pair, a telephone, a code, "5 or 10", "from 6 to 4", "one metre eighty"."""
    pairs = [(pair.start, pair.end) for pair in find("pair", text)]
    pairs += [(phone.start, phone.end) for phone in find("telephone", text) if is_dialled(phone)]
    named = [(start, end) for _, start, end in things(text)]  # "one TV" is a set and no code 1TV
    pairs += [(c.start, c.end) for c in codes_in(text) if not any(a > c.start and b == c.end for a, b in named)]
    found = [c for c in find("quantity", text) if not any(a < c.end and c.start < b for a, b in pairs)]
    doubtful = set()
    for first, second in pairwise(found):
        between = text[first.end : second.start].strip().lower()
        parts = not between and getattr(first.value, "unit", None) is not None  # "one metre eighty" is one length
        if (
            parts
            or between in ("or", "to", "-")
            or (between == "and" and re.search(r"\bbetween\s*$", text[max(0, first.start - 12) : first.start], re.I))
        ):
            doubtful |= {first.start, second.start}
    return tuple(c for c in found if c.start not in doubtful)


def as_meant(quantities: Sequence[Candidate], mentions: Sequence[Mention]) -> tuple[Candidate, ...]:
    """Numbers in the unit that what a clause names is measured in: a weight of 300 pounds is no money."""
    units = {unit for mention in mentions for unit in mention.attribute.units}

    def settled(candidate: Candidate) -> Candidate:
        value = candidate.value
        if not isinstance(value, Quantity) or value.unit is None or value.unit in units:
            return candidate
        other = next((unit for unit in sorted(vocabulary().also.get(value.unit, ())) if unit in units), None)
        return candidate if other is None else replace(candidate, value=replace(value, unit=other))

    return tuple(settled(candidate) for candidate in quantities)


def is_money(value: Value) -> bool:
    """Whether a number has a currency."""
    return isinstance(value, Quantity) and value.unit is not None and len(value.unit) == 3 and value.unit.isupper()


def is_priced(candidate: Candidate) -> bool:
    """Whether a number without a unit looks like a price: 38.40, 38-40, thirty eight forty."""
    value = candidate.value
    if not isinstance(value, Quantity) or value.unit is not None:
        return False
    exact = value.readings[0]
    return exact.as_tuple().exponent == -2


def is_timed(candidate: Candidate) -> bool:
    """Whether what can be a time of day can be nothing else: 16:20, 4 pm; 4.20 may be a price."""
    return bool(_TIMED.search(candidate.text))


def is_dialled(candidate: Candidate) -> bool:
    """Whether what can be a telephone number looks like nothing else: long, and with a zero, + or bracket first."""
    value = candidate.value
    if not isinstance(value, Telephone):
        return False
    digits = value.digits
    return len(digits) >= _DIALLED and (digits.startswith(("0", "+")) or candidate.text.startswith("("))


def codes_in(text: str) -> Iterator[Candidate]:
    """What can be nothing but an identifier: letters with digits, and neither 5kg nor 28th nor "vitamin D 400 IU"."""
    measured = [c for c in find("quantity", text) if getattr(c.value, "unit", None)]
    for found in find("identifier", text):
        candidate = _without_i(found, text)
        code = candidate.value.code if isinstance(candidate.value, Identifier) else ""
        mixed = re.search(r"\d", code) and re.search(r"[A-Z]", code) and not _COUNTED.fullmatch(code)
        if (
            mixed
            and not _HOUR.fullmatch(candidate.text)
            and not any(c.start < candidate.end <= c.end for c in measured)
        ):
            yield candidate


def _without_i(code: Candidate, text: str) -> Candidate:
    """A code without the "I" that begins what follows it: "BT-3421-17 I misread that"."""
    if not _I_DO.search(text, max(code.start, code.end - 2), code.end + 3):
        return code
    shorter = next(iter(find("identifier", code.text[:-2])), None)
    begin = code.start + shorter.start if shorter else 0
    return (
        replace(shorter, start=begin, end=begin + len(shorter.text)) if shorter else replace(code, value=Identifier(""))
    )


def is_linked(between: str) -> bool:
    """Whether only small words stand between a name and a value, and of what it is the name: "on the plate"."""
    rest = listed("links").sub(" ", _carrier().sub(" ", between))
    return (
        not _WORDS.sub("", rest).strip(" ,-.:=")
        and not re.search(r"[^\W_]", rest)
        and not _ELSE.search(between.strip(" ,"))
    )


@per_vocabulary
def _carrier(vocabulary: Vocabulary) -> re.Pattern[str]:
    """The thing at hand behind the name of what is told of it: "the lot on the carton is"."""
    words = vocabulary.telling["words"]
    goods = vocabulary.telling["goods"]
    things = any_of({*words["carriers"], *words["own_things"], *goods["packs"], *goods["sides"]} - {"one", "ones"})
    shown, had = any_word(goods["shown"]), any_word(goods["had"])
    place = rf"(?:on|of|for|in|at)\s+(?:the|this|our|its)\s+(?:[^\W\d_]+\s+)?{things.pattern}"
    return patterns.compile(rf"\s(?:that\s+|which\s+)?(?:(?:(?:is|was)\s+)?{shown}\s+)?(?:{place}|{had})(?=\s)", re.I)


def is_followed(text: str, end: int) -> bool:
    """Whether behind a plain number stands nothing that it would count."""
    behind = re.match(r"\s*(?:$|[.,;:!?)]|\n|([^\W\d_]+))", text[end : end + 40])
    if behind is None:
        return False
    return behind[1] is None or behind[1].lower() in told_words("followers")


def distance(text: str, mention: tuple[int, int], value: tuple[int, int]) -> int:
    """How far a name and a value are apart: in words, and three for a comma; the words of other values count."""
    if mention[0] < value[1] and value[0] < mention[1]:
        return 0
    between = text[mention[1] : value[0]] if mention[1] <= value[0] else text[value[1] : mention[0]]
    return 2 * len(_WORDS.findall(between)) + 6 * len(_ELSE.findall(between)) + (mention[0] > value[0])


def nearest(text: str, mentions: Sequence[Mention], value: Candidate) -> list[Mention]:
    """Mentions from the nearest on; of two as near the one with more words."""
    return sorted(mentions, key=lambda m: (distance(text, (m.start, m.end), (value.start, value.end)), -m.words))


def overlaps(start: int, end: int, spans: Iterable[tuple[int, int]]) -> bool:
    """Whether a span shares a character with one of others."""
    return any(a < end and start < b for a, b in spans)
