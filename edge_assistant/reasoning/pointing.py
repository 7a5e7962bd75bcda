"""What singles out one of several things: "only the soup", "all but the tea", "he has run out of the aspirin"."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from edge_assistant import patterns
from edge_assistant.evidence import Evidence, Passage, Speech
from edge_assistant.reasoning.rules.vocabulary import Vocabulary, per_vocabulary
from edge_assistant.reasoning.sources import Source
from edge_assistant.reasoning.told.clauses import any_of, listed, sentences
from edge_assistant.reasoning.told.corrections import corrected
from edge_assistant.reasoning.told.repairs import repairs
from edge_assistant.reasoning.told.tenses import times
from edge_assistant.reasoning.values.quantities import quantities
from edge_assistant.reasoning.values.values import Quantity

NAMED = 0.75  # likeness from which on words name an item: "double chocolate slices" and "DoubleChoc Slice" have 0.83
MAX_LINE = (
    2_000  # characters of a line in which things are looked for: every run of its words is compared with every name
)
_GIFT = "gift"  # the matter that is for somebody else
_CLAUSE = re.compile(r"[^.,;:!?]+[.,;:!?]*")
_HOUR = re.compile(r"\b(?:at|by|around|since|before|after|until|till)\s+(?:about\s+|around\s+)?$", re.I)
_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")


@dataclass(frozen=True, slots=True)
class Pointer:
    """A clause that names a thing.

    Attributes:
        thing: its name, as it is written elsewhere.
        line: the evidence.
        clause: the words that say of the thing what they say of it.
        excluded: it is said that the thing is not meant: "all but the tea".
        rest: all others are meant then.
        matters: what the clause is about, keys of `[matters]`.
        singled: it says that this one is meant and no other, or that it is not.
        sentence: what the clause stands in.
        barred: words leave the thing out that deny nothing else: "all but".
        others: it speaks of somebody else, whose thing it may be: "for the guest".
    """

    thing: str
    line: Evidence
    clause: str
    excluded: bool
    rest: bool
    matters: frozenset[str]
    singled: bool
    sentence: str = ""
    barred: bool = False
    others: bool = False


def pointers(things: Sequence[str], sources: Iterable[Source]) -> Iterator[Pointer]:
    """The clauses of what is said and typed that name things, without what is taken back and what may only be so.

    Args:
        things: names of what can be meant.
        sources: all of them.
    """
    for source in sources:
        for line in source.evidence:
            if isinstance(line.detail, Speech | Passage):
                text = line.text[:MAX_LINE]
                for start, end in sentences(text):
                    yield from _of_sentence(text[start:end], things, line)


def matters(text: str) -> frozenset[str]:
    """What a question or a clause is about, by the keys of `[matters]`: what ran out, what arrived."""
    return frozenset(key for key, pattern in _matter_patterns().items() if pattern.search(_plain(text)))


def likeness(name: str, text: str) -> float:
    """How much some run of words in a text is like a name, 0 to 1; what is written solid or shortened is still like it.

    >>> round(likeness("DoubleChoc Slice", "only the double chocolate slices"), 2)
    0.83
    """
    return _nearest(name, text)[0]


def places(text: str, things: Sequence[str]) -> list[tuple[int, int]]:
    """The characters at which a text names things."""
    return [(start, end) for _, start, end in _places(text, things)]


def _of_sentence(sentence: str, things: Sequence[str], line: Evidence) -> Iterator[Pointer]:
    ready = _plain(_settled(corrected(sentence), things))
    if _has("conditions", ready) or times()["past"].search(ready):
        return  # what may be so, what was so last month
    outside, whole = _exclusions().search(ready), matters(ready)
    for match in _CLAUSE.finditer(ready):
        clause = match[0]
        about = matters(clause) or whole
        if _is_measured(clause):
            continue
        others = bool(_relatives().search(clause)) and _GIFT not in about
        bare = _bare(clause)
        for thing, start, end in _places(clause, things):
            denied = _is_denied(bare, start, end, match.start(), outside)
            rest = denied and bool(_everything().search(ready))
            singled = denied or bool(_only().search(clause))
            barred = bool(outside and outside.end() <= match.start() + start)
            yield Pointer(thing, line, clause.strip(), denied, rest, about, singled, ready, barred, others)


def _is_measured(clause: str) -> bool:
    """Whether a clause tells a number: what a thing is given or kept by, not at what hour it came."""
    return any(
        (isinstance(found.value, Quantity) and found.value.unit) or not _HOUR.search(clause[: found.start])
        for found in quantities(clause)
    )


def _settled(sentence: str, things: Sequence[str]) -> str:
    """A sentence without the things that are taken back: "the tea, no, sorry, the soup"."""
    for repair in reversed(list(repairs(sentence))):
        before, behind = sentence[: repair.start], sentence[repair.end :]
        if repair.set_off and _places(behind, things):
            for _, start, _end in _places(before, things)[-1:]:
                return sentence[:start] + " " * (repair.end - start) + behind
    return sentence


def _is_denied(clause: str, start: int, end: int, offset: int, outside: re.Match[str] | None) -> bool:
    """Whether a thing at [start, end) of a clause is named as what is not meant."""
    if outside and outside.end() <= offset + start:
        return True
    left = _alone().sub(" ", clause)
    denial = next(iter(_negations().finditer(left)), None)
    if denial is None:
        return False
    inside = re.search(r"\b(?:but|only)\b", left[denial.end() : start]) if denial.end() <= start else None
    return inside is None


def _bare(clause: str) -> str:
    """A clause in which the words of its matters are blank: "there are no tablets left of" denies nothing."""
    for pattern in _matter_patterns().values():
        clause = pattern.sub(lambda match: " " * len(match[0]), clause)
    return clause


def _places(text: str, things: Sequence[str]) -> list[tuple[str, int, int]]:
    """The things that a text names, with the characters at which it does; of those at one place the likest."""
    found: list[tuple[float, str, int, int]] = []
    for thing in dict.fromkeys(things):
        like, start, end = _nearest(thing, text)
        if like >= NAMED:
            found.append((like, thing, start, end))
    found.sort(key=lambda place: -place[0])
    kept: list[tuple[str, int, int]] = []
    for _, thing, start, end in found:
        if all(end <= a or start >= b for _, a, b in kept):
            kept.append((thing, start, end))
    return sorted(kept, key=lambda place: place[1])


def _nearest(name: str, text: str) -> tuple[float, int, int]:
    """The likeness of the run of words that is likest to a name, and the characters at which it stands."""
    wanted, words = _solid(name), list(_WORD.finditer(text))
    matcher = SequenceMatcher(None, "", wanted, autojunk=False)
    best = (0.0, 0, 0)
    for i in range(len(words)):
        run = ""
        for word in words[i : i + len(name.split()) + 2]:
            run += _solid(word[0])
            matcher.set_seq1(run)
            if matcher.real_quick_ratio() > best[0] and (like := matcher.ratio()) > best[0]:
                best = (like, words[i].start(), word.end())
    return best


def _solid(text: str) -> str:
    return "".join(re.findall(r"\w+", text)).lower()


def _plain(text: str) -> str:
    return text.replace("’", "'")


def _has(name: str, text: str) -> bool:
    return bool(listed(name).search(text))


@per_vocabulary
def _matter_patterns(vocabulary: Vocabulary) -> dict[str, re.Pattern[str]]:
    return {key: _gapped(phrases) for key, phrases in vocabulary.matters.items()}


def _gapped(phrases: Iterable[str]) -> re.Pattern[str]:
    """One pattern of phrases, the longest first, in which `...` stands for up to three words."""
    gap = r"(?:[^\s.,;:!?]+\s+){0,3}?"
    parts = (
        r"\s+".join(gap if word == "..." else re.escape(word) for word in phrase.split()).replace(rf"{gap}\s+", gap)
        for phrase in sorted(phrases, key=len, reverse=True)
    )
    return patterns.compile(rf"(?<![\w'])(?:{'|'.join(parts) or '(?!)'})(?![\w'])", re.I)


@per_vocabulary
def _exclusions(vocabulary: Vocabulary) -> re.Pattern[str]:
    return any_of(vocabulary.pointing["excluding"])


@per_vocabulary
def _everything(vocabulary: Vocabulary) -> re.Pattern[str]:
    return any_of(vocabulary.pointing["everything"])


@per_vocabulary
def _only(vocabulary: Vocabulary) -> re.Pattern[str]:
    return any_of((*vocabulary.pointing["only"], *vocabulary.pointing["no_other"]))


@per_vocabulary
def _alone(vocabulary: Vocabulary) -> re.Pattern[str]:
    return any_of(vocabulary.pointing["no_other"])


@per_vocabulary
def _negations(vocabulary: Vocabulary) -> re.Pattern[str]:
    return any_of(vocabulary.telling["words"]["negations"])


@per_vocabulary
def _relatives(vocabulary: Vocabulary) -> re.Pattern[str]:
    payers = vocabulary.pointing["payers"]  # "for the client" is about what somebody bought
    return any_of(word for group in vocabulary.telling["relations"].values() for word in group if word not in payers)
