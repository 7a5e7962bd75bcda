"""How questions name sources: "the note", "on the type plate", "what the form says"; the words are in asking.toml."""

from __future__ import annotations

import re
from collections.abc import Iterable

from edge_assistant import patterns
from edge_assistant.reasoning.rules.vocabulary import Vocabulary, per_vocabulary, vocabulary
from edge_assistant.reasoning.told.clauses import any_word
from edge_assistant.signals import Kind

MARK = "§"  # stands for a source in a question whose sources are marked
WHICH = r"(?:the|his|her|their|my|our|your|this|that|both|a)"
_SPEAKS = (
    r"(?:say|says|said|tell|tells|told|state|states|stated|give|gives|show|shows|get|gets|got|agree|agrees|match|matches"
    r"|confirm|confirms|contradict|contradicts|mention|mentions|report|reports|list|lists|name|names|have|has|and|or|with"
    r"|right|correct|wrong)"
)
_JOINS = (
    r"(?:(?<!\w)(?:in|on|from|per|between|with|and|or|than|against|versus|vs|do|does|are|is|if|whether|that|compare|check)\b"
    r"|[&+/,:]|\bvs\.)"
)
_PART = (  # "the receipt number" is something on it
    r"(?!['’]?s?\s+(?:number|no|date|total|time|id|code|address|amount|sum)\b)"
)
_HAS_IT = r"(?!\s+(?:(?:given|named|mentioned|stated|written|noted|told|shown|quoted)\s+)?(?:in|on|of|by|from)\b)"


def named_kinds(text: str) -> frozenset[Kind]:
    """The kinds of the one source that a question asks what it says; empty where it asks of all or of several.

    >>> named_kinds("What does the receipt say about the price?")
    frozenset({<Kind.IMAGE: 'image'>})
    >>> named_kinds("What was the price?")
    frozenset()
    """
    lower = text.lower()
    found = {match["source"] or match["told"] for match in _sayings().finditer(lower)}
    named = {match[0].removesuffix("s") for match in _source_nouns().finditer(lower)}
    return _kinds_of(found.pop()) if len(found) == 1 and len(named) == 1 else frozenset()


def is_source(text: str, start: int, end: int) -> bool:
    """Whether words at [start, end) only name a source: "bill" in "what does the bill say about the tax"."""
    spans = [match.span(name) for match in _placed().finditer(text) for name in ("placed", "speaking", "made")]
    return any(a <= start and end <= b for a, b in spans)


def source_words() -> frozenset[str]:
    """The words that name sources."""
    return frozenset(vocabulary().sources)


def compared_sources(text: str, people: bool = True) -> list[tuple[int, int]]:
    """The characters at which a question whether sources agree names them, with articles and what tells which.

    Args:
        text: the question.
        people: who says or writes what a source has is one too: "is the nurse right?".

    >>> text = "Do bill and the expense claim agree on the tip?"
    >>> [text[start:end] for start, end in compared_sources(text)]
    ['bill', 'the expense claim']
    >>> compared_sources("Is the receipt number right?")
    []
    """
    found = [match for match in _compared().finditer(text) if people or match.lastgroup != "person"]
    spans = [match.span(match.lastgroup or 0) for match in found]
    partners = (match for _, end in spans if people and (match := _partner().match(text, end)))
    return sorted((*spans, *(match.span("person") for match in partners)))


def marked(text: str) -> str:
    """A question with a mark for each source that it names.

    >>> marked("is the tip in his voice memo the one on the receipt")
    'is the tip in § the one on §'
    """
    for start, end in reversed(compared_sources(text)):
        text = f"{text[:start]}{MARK}{text[end:]}"
    return text


def source_nouns(vocabulary: Vocabulary) -> str:
    """The alternatives of a pattern of nouns for sources."""
    words: Iterable[str] = (form for word in vocabulary.sources for form in (word, f"{word}s"))
    return "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True))


def _kinds_of(word: str) -> frozenset[Kind]:
    known = vocabulary().sources
    kinds = known.get(word) or known.get(word.removesuffix("s")) or ()
    return frozenset(kind for kind in Kind if kind.value in kinds)


@per_vocabulary
def _source_nouns(vocabulary: Vocabulary) -> re.Pattern[str]:
    return patterns.compile(rf"\b(?:{source_nouns(vocabulary)})\b")


@per_vocabulary
def _compared(vocabulary: Vocabulary) -> re.Pattern[str]:
    """A source with an article, or without one behind a word that joins it; a speaker always has one.

    Whoever is in, on or of something is not who speaks: "is the operator in the log right?".
    """
    nouns = source_nouns(vocabulary)
    kinds = "|".join(re.escape(word) for word in vocabulary.asking["source_kinds"])
    people = any_word(vocabulary.asking["speakers"])
    noun = rf"(?:(?:{kinds})(?:['’]s)?[ -]+){{0,2}}(?:{nouns})"
    which = rf"{WHICH}\s+(?:(?:two|other|same)\s+)?"
    return patterns.compile(
        rf"(?:{_JOINS}\s+|\A)(?P<bare>{noun})\b{_PART}"
        rf"|\b(?P<placed>{which}{noun})\b{_PART}"
        rf"|\b(?P<person>{which}(?:{people}){_PART}{_HAS_IT})",
        re.I,
    )


@per_vocabulary
def _partner(vocabulary: Vocabulary) -> re.Pattern[str]:
    """Who is named beside a source: "plate and technician"."""
    people = any_word(vocabulary.asking["speakers"])
    return patterns.compile(rf"\s*(?:\b(?:and|or|versus|vs\.?)|[&+/])\s+(?P<person>{people}){_PART}", re.I)


@per_vocabulary
def _sayings(vocabulary: Vocabulary) -> re.Pattern[str]:
    """What the note says, according to the receipt."""
    nouns, says = source_nouns(vocabulary), any_word(vocabulary.asking["saying"])
    asked = r"\b(?:what|which|who|whom|when|where|how)\b[\w' ]{0,40}?"
    return patterns.compile(
        rf"\baccording\s+to\s+(?:{WHICH}\s+)?(?P<source>{nouns})(?!\s+(?:and|or)\b)\b"
        rf"|{asked}\b(?:does|do|did)\s+{WHICH}\s+(?P<told>{nouns})\s+{says}"
    )


@per_vocabulary
def _placed(vocabulary: Vocabulary) -> re.Pattern[str]:
    """A word where it names a source."""
    nouns = source_nouns(vocabulary)
    part = r"(?!\s+(?:number|no|date|total|time|id)\b)"  # "the receipt number" is something on it
    return patterns.compile(
        rf"\b(?:in|on|of|from|by|per|between|with|to|and|than)\s+{WHICH}\s+(?P<placed>{nouns})\b{part}"
        rf"|\b{WHICH}\s+(?P<speaking>{nouns})(?:'s)?(?=\s+{_SPEAKS}\b)"
        rf"|(?P<made>\bwho\s+(?:made|makes|took|wrote|recorded|shot|typed|left|built)\s+{WHICH}\s+(?:{nouns})\b)",
        re.I,
    )
