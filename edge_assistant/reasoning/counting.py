"""What a question counts: "how many dogs", "number of people", "count the cars", "people in the shot?"."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from edge_assistant import patterns
from edge_assistant.perception.detectors import LABELS
from edge_assistant.reasoning.kinds import PERSON
from edge_assistant.reasoning.rules.vocabulary import Vocabulary, per_vocabulary, vocabulary
from edge_assistant.reasoning.told.clauses import any_of, any_word, told_words
from edge_assistant.reasoning.told.things import things
from edge_assistant.reasoning.values.candidates import singular

_COUNTED = re.compile(r"\b(?:how many|number of)(?: of)?(?: (?:the|these|those|all))? (?P<noun>[a-z]+(?: [a-z]+){0,3})")
_PARTICIPLE = re.compile(r"(?:ed|en|wn|ing)\b")
_OUTRIGHT = re.compile(r"how m|(?:amount|quantity) of")
_OWN_NUMBER = re.compile(r"number of (?:the|this|that)\b")
_UNCHANGED = ("sheep", "skis", "scissors")  # in which one is as many
_MAX_WORDS = 9  # of a question that is no sentence: "people in the shot?"


@dataclass(frozen=True, slots=True)
class Counted:
    """What a question counts.

    Attributes:
        noun: the label of the detector, or the noun in singular.
        words: as the question calls it.
        outright: it asks how many; else other words may ask for another number, "headcount" for that of a crew.
    """

    noun: str
    words: str
    outright: bool = False

    @property
    def is_label(self) -> bool:
        """Whether a picture can show it."""
        return self.noun in LABELS


def counted(text: str) -> Counted | None:
    """What a question counts.

    >>> [counted(text).noun for text in ("How many red cars are there?", "Headcount?", "How many women are there?")]
    ['car', 'person', 'woman']
    """
    lower = " ".join(text.lower().split())
    if _patterns()["heads"].search(lower):
        return Counted(PERSON, "people")
    match = _COUNTED.search(lower)
    if match is not None and (words := list(_noun_phrase(match["noun"].split()))):
        said = match["noun"].split()[: len(words)]
        if not _OWN_NUMBER.match(match[0]) or said[-1] != words[-1] or words[-1] in _UNCHANGED:
            return Counted(_label(words), " ".join(said), outright=True)
    for pattern in ("before", "behind", "elliptical"):
        for found in _patterns()[pattern].finditer(lower):
            named = [thing for thing in things(found["noun"]) if _is_whole(found["noun"], thing)]
            if named and (pattern != "elliptical" or _is_plural(lower, found["noun"])):
                words = [singular(word) for word in found["noun"][named[0][1] : named[0][2]].split()]
                return Counted(_label(words), found["noun"], outright=bool(_OUTRIGHT.search(found[0])))
    return None


def counted_things(words: str) -> Counted | None:
    """What is counted where sources shall agree on things: "do they agree on the dogs?"; None for one thing."""
    named = [thing for thing in things(words) if _is_whole(words, thing)]
    if not named or not _is_plural(words.lower(), words.lower().rstrip()):
        return None
    return Counted(_label([singular(word) for word in words[named[0][1] : named[0][2]].lower().split()]), words)


def counted_unit(lower: str) -> str | None:
    """The unit of "how many volts"."""
    match = _COUNTED.search(lower)
    return vocabulary().units.get(match["noun"].split()[0]) if match else None


def _label(words: list[str]) -> str:
    """What the detector calls it; "how many women" asks for what no picture shows."""
    synonyms = vocabulary().synonyms
    name = synonyms.get(" ".join(words[-2:])) or synonyms.get(words[-1], words[-1])
    persons = told_words("persons")
    return name if name != PERSON or words[-1] in persons or " ".join(words[-2:]) in persons else words[-1]


def _noun_phrase(words: list[str]) -> Iterator[str]:
    """The words up to the first that no noun phrase has, each in singular; behind a thing comes no participle."""
    ends = vocabulary().words["stop"] | set(vocabulary().question["auxiliary"]) | vocabulary().words["after_noun"]
    last = ""
    for word in words:
        if word in ends or (_PARTICIPLE.search(word) and _is_thing(last)):
            return
        last = singular(word)
        yield last


def _is_thing(word: str) -> bool:
    return word in LABELS or word in vocabulary().synonyms


def _is_whole(noun: str, thing: tuple[str, int, int]) -> bool:
    """Whether a thing is what a noun phrase ends with, and nothing but a word or two stands before it."""
    _, start, end = thing
    return end == len(noun.rstrip()) and len(noun[:start].split()) <= 2


def _is_plural(lower: str, noun: str) -> bool:
    last = noun.split()[-1]
    return len(lower.split()) <= _MAX_WORDS and singular(last) != last


@per_vocabulary
def _patterns(vocabulary: Vocabulary) -> dict[str, re.Pattern[str]]:
    """How things are counted without "how many": the words before the noun, behind it, or a question of no verb."""
    asking = vocabulary.asking
    noun = r"(?P<noun>[^\W\d_]+(?:[ -][^\W\d_]+){0,2}?)"
    article = r"(?:(?:up|me|of|all|the|these|those|every|each|out) )*"
    closing = any_word((*asking["behind_counted"], *asking["shown"]))
    return {
        "heads": any_of(asking["heads"]),
        "before": patterns.compile(rf"{any_word(asking['counting'])} {article}{noun}(?=\s*(?:$|[?!.,:;])| {closing})"),
        "behind": patterns.compile(
            rf"(?:(?<=the )|(?<=that )|(?<=of )|\b){noun}(?: counts?\b|, how many\b|: how many\b|: (?:number|count)\b)"
        ),
        "elliptical": patterns.compile(
            rf"\A(?:(?:and|so|the|ok|okay|all),? )*{noun} {any_word(asking['shown'])}[^,;:]*\W*$"
        ),
    }
