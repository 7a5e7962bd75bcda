"""What was spoken, as it was said: numbers, units and codes that a recogniser miswrote, and names that others write.

A recogniser does not know the medicines of a form, and writes "Adder Basteton" for atorvastatin. Where it was unsure,
and what it wrote sounds like a name that another signal has or the question asks for, that name is read. Words of which
it was sure are left alone, and so are those that are another medicine's name: two medicines are never made one.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from difflib import SequenceMatcher

from edge_assistant.evidence import Evidence, Speech, Word
from edge_assistant.reasoning.claims import Claim
from edge_assistant.reasoning.seen import COUNT, PRESENCE
from edge_assistant.reasoning.sources import Source
from edge_assistant.reasoning.told.clauses import told_words
from edge_assistant.reasoning.told.lists import is_drug
from edge_assistant.reasoning.values.heard import mended
from edge_assistant.reasoning.values.likeness import alike, consonants, plain
from edge_assistant.reasoning.values.values import Items, Name, Quantity, Value

UNSURE = 0.62  # probability of words below which they may be a name that the recogniser does not know
_UNSURE_NUMBER = 0.5  # and of a number below which it may be another that sounds like it
_MOST_WORDS = 6  # of which a name can be made: "love of the theory of sign"
_MOST_NAMES = 60  # that are looked for; of one form or receipt
_LEAST_SOUNDS = 3  # consonants of a name that may be found, all of them the same
_ONE_OFF = 5  # from so many on one may differ
_LEAST_LIKE = 0.7  # share of the sounds, vowels as one, that must be the same in order
_FORTY, _TEN = range(30, 100, 10), range(13, 20)  # thirty sounds like thirteen


def as_said(sources: Sequence[Source], told: Iterable[Claim], asked: str) -> list[Source]:
    """The sources with their speech as it was said.

    Args:
        sources: all of them.
        told: claims of what is written and typed, whose names may have been spoken, too.
        asked: the question.
    """
    names = dict(list(_names(told, asked).items())[:_MOST_NAMES])
    return [replace(source, evidence=_said(source.evidence, names)) for source in sources]


def _said(evidence: Sequence[Evidence], names: Mapping[str, bool]) -> tuple[Evidence, ...]:
    lines = [item for item in evidence if isinstance(item.detail, Speech)]
    if not lines:
        return tuple(evidence)
    texts = mended([_named(item, names) for item in lines])
    said = {item.id: replace(item, text=text) for item, text in zip(lines, texts, strict=True) if text}
    return tuple(said.get(item.id, item) for item in evidence)


def _names(told: Iterable[Claim], asked: str) -> dict[str, bool]:
    """Names that may be spoken, of medicines, goods and people, and the medicines of a question; True for people."""
    found: list[str] = [word for word in re.findall(r"[^\W\d_]+", asked) if is_drug(word)]
    people: list[str] = []
    for claim in told:
        match claim.value:
            case Name():
                people.append(claim.text)
            case Items():
                found += re.split(r",|;|\band\b|&", claim.text)
        if claim.subject and claim.attribute not in (COUNT, PRESENCE):
            found.append(claim.subject)
    known = {name.strip().casefold(): (name.strip(), name in people) for name in (*found, *people)}
    return {n: person for n, person in known.values() if not re.search(r"\d", n) and len(n.split()) < _MOST_WORDS}


def _named(line: Evidence, names: Mapping[str, bool]) -> str:
    """A segment with the names that its unsure words stand for."""
    assert isinstance(line.detail, Speech)
    words = line.detail.words
    if not names or line.text != " ".join(word.text for word in words):
        return line.text
    text: list[str] = [word.text for word in words]
    for start, end, name in _found(words, names):
        mark = re.search(r"[.,;:!?]*$", words[end - 1].text)
        text[start:end] = [name + (mark[0] if mark else ""), *[""] * (end - start - 1)]
    return " ".join(filter(None, text))


def _found(words: Sequence[Word], names: Mapping[str, bool]) -> list[tuple[int, int, str]]:
    """Where names were said, none over another; of those at one place the likest."""
    found: list[tuple[float, int, int, str]] = []
    for start in range(len(words)):
        for end in range(start + 1, min(start + _MOST_WORDS, len(words)) + 1):
            if end - start > 1 and re.search(r"[.!?;:,]$", words[end - 2].text):
                break
            ranked = sorted(
                ((_distance(words[start:end], n, person=p), n) for n, p in names.items()), key=lambda one: one[0]
            )
            if ranked[0][0] < 1 and (len(ranked) == 1 or ranked[0][0] < ranked[1][0]):
                found.append((ranked[0][0], start, end, ranked[0][1]))
    kept: list[tuple[int, int, str]] = []
    for _, start, end, name in sorted(found):
        if all(end <= a or start >= b for a, b, _ in kept):
            kept.append((start, end, name))
    return sorted(kept)


def _distance(words: Sequence[Word], name: str, *, person: bool = False) -> float:
    """How far words as they were heard are from a name, below 1 where they can be it.

    Names of people are told apart by their vowels, and by one sound.
    """
    heard, wanted = plain("".join(word.text for word in words)), plain(name)
    if heard == wanted:
        return 0.05 if len(words) != len(name.split()) else 1.0  # Bellanapoli is Bella Napoli
    if not heard or not wanted:
        return 1.0
    if len(words) == len(name.split()) and all(alike(a.text, b) for a, b in zip(words, name.split(), strict=True)):
        return 0.1 if words[0].text.islower() != name.islower() or _surety(words) < UNSURE else 1.0
    if person or _surety(words) >= UNSURE or any(plain(word.text) in told_words("drugs") for word in words):
        return 1.0
    one, other = consonants(heard), consonants(wanted)
    like = SequenceMatcher(None, _classes(heard), _classes(wanted), autojunk=False).ratio()
    if one == other and len(one) >= _LEAST_SOUNDS:
        return 1 - like if like >= _LEAST_LIKE else 1.0
    one_off = min(len(one), len(other)) >= _ONE_OFF - 1 and max(len(one), len(other)) >= _ONE_OFF
    other_drug = any(is_drug(plain(word.text)) for word in words)  # one that the list does not have
    if not one_off or other_drug or not any(map(is_drug, name.split())) or like < _LEAST_LIKE:
        return 1.0
    return 1.0 if _edits(one, other) > 1 else 0.99 - like / 2


def _classes(word: str) -> str:
    """A word letter by letter, each as its sound is made; all vowels are one."""
    return "".join("a" if letter in "aeiouyhw" else consonants(letter) for letter in word)


def _edits(a: str, b: str) -> int:
    from jellyfish import levenshtein_distance

    return levenshtein_distance(a, b)


def _surety(words: Sequence[Word]) -> float:
    """Geometric mean of the probabilities of words."""
    return math.exp(sum(math.log(max(word.probability, 1e-6)) for word in words) / len(words))


def with_sounds(value: Value, text: str, lines: Sequence[Evidence]) -> Value:
    """A number of which the recogniser was unsure, with those that sound like it: 150 ("one fifty") with 115.

    Args:
        value: of a claim.
        text: as it stands in the source.
        lines: the evidence that it rests on.
    """
    if not isinstance(value, Quantity) or value.least is not None or value.most is not None:
        return value
    said = set(re.findall(r"\d+", text))
    words = [w for line in lines if isinstance(line.detail, Speech) for w in line.detail.words]
    unsure = [w for w in words if w.probability < _UNSURE_NUMBER and said & set(re.findall(r"\d+", w.text))]
    return (
        replace(value, readings=tuple(dict.fromkeys((*value.readings, *_alike(value.readings))))) if unsure else value
    )


def _alike(readings: Iterable[Decimal]) -> Iterator[Decimal]:
    for number in readings:
        tail = number % 100
        if tail in _FORTY:
            yield number - tail + 10 + tail / 10
        elif tail in _TEN:
            yield number - tail + (tail - 10) * 10
