"""Whether a question asks if sources agree, and which sources it names; the words are data in asking.toml."""

from __future__ import annotations

import re
from collections.abc import Iterable

from edge_assistant.reasoning.rules.phrasing import pattern
from edge_assistant.reasoning.rules.vocabulary import Vocabulary, per_vocabulary, vocabulary
from edge_assistant.reasoning.told.clauses import any_of
from edge_assistant.signals import Kind

_SPEAKS = (
    r"(?:say|says|said|tell|tells|told|state|states|stated|give|gives|show|shows|get|gets|got|agree|agrees|match|matches"
    r"|confirm|confirms|contradict|contradicts|mention|mentions|report|reports|list|lists|name|names|have|has|and|or|with"
    r"|right|correct|wrong)"
)
_WHICH = r"(?:the|his|her|their|my|our|this|that|both|a)"
_JUDGED = r"(?:one|date|amount|value|figure|number|dose|total|time|price|weight|reading|name)"
_SETTLED = re.compile(
    r"(?:what|when|where|who)\s+(?:did|had|has|have)\s+(?:they|he|she|we|you)\b.*\bagree"
)  # people did
_FAULTS = (
    r"(?:wrong|incorrect|inconsistent|not right|not correct|not true|mistaken|off|different|untrue|false|inaccurate"
    r"|(?:a |an |the |any )?(?:mistakes?|errors?))"
)


def asks_agreement(text: str) -> bool:
    """Whether a question asks if the sources agree, or which of them is right.

    >>> asks_agreement("Is the amount in the note right?"), asks_agreement("What is the right dose?")
    (True, False)
    >>> asks_agreement("What is wrong in the note?"), asks_agreement("Which tyre is on the same axle?")
    (True, False)
    """
    plain = " ".join(text.lower().replace("’", "'").split()).rstrip("?!. ")
    words = vocabulary().asking
    if _SETTLED.match(plain):
        return False
    if _is_attributive(plain, words["agreement"]):
        return True
    if _sides().match(plain) or _faults().search(plain):
        return True
    if not _wants_yes_or_no(plain):
        return False
    return (
        _is_attributive(plain, words["yes_or_no"])
        or any(_is_predicate(plain, match) for match in any_of(words["predicates"]).finditer(plain))
        or bool(_the_same().search(plain))
    )


def agreement_word(text: str, agree: bool) -> str:
    """The word that begins the answer to such a question: "Yes, " or "No, ", or none where it wants no yes or no.

    >>> agreement_word("Do they differ on the total?", agree=True), agreement_word("Which is right?", agree=True)
    ('No, ', '')
    """
    plain = " ".join(text.lower().replace("’", "'").split()).rstrip("?!. ")
    if not _wants_yes_or_no(plain):
        return ""
    contrary = bool(any_of(vocabulary().asking["contrary"]).search(plain))
    return "Yes, " if agree is not contrary else "No, "


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


def _is_attributive(text: str, phrases: tuple[str, ...]) -> bool:
    """Whether one of some phrases stands in a text; what ends in "right" or "wrong" must not go on with a noun."""
    return any(
        not match[0].endswith(("right", "wrong")) or _is_predicate(text, match)
        for match in pattern(phrases).finditer(text)
    )


def _is_predicate(text: str, match: re.Match[str]) -> bool:
    """Whether a word like "right" says how something is, and stands before no noun."""
    before = text[: match.start()].split()
    word = match[0].split()[-1]
    if before and before[-1] in vocabulary().asking["not_before"] and match[0] == word:
        return False
    behind = re.match(r"[\s,]*([\w']+)", text[match.end() :])
    return behind is None or behind[1] in vocabulary().asking["behind"]


def _wants_yes_or_no(text: str) -> bool:
    rest = text
    while match := _asking_if().match(rest):
        rest = rest[match.end() :]
    return bool(_openings().match(rest))


def _kinds_of(word: str) -> frozenset[Kind]:
    known = vocabulary().sources
    kinds = known.get(word) or known.get(word.removesuffix("s")) or ()
    return frozenset(kind for kind in Kind if kind.value in kinds)


def _nouns(vocabulary: Vocabulary) -> str:
    words: Iterable[str] = (form for word in vocabulary.sources for form in (word, f"{word}s"))
    return "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True))


@per_vocabulary
def agreement_words(vocabulary: Vocabulary) -> re.Pattern[str]:
    """The words that ask for agreement and say nothing of what it is asked on."""
    words = vocabulary.asking
    return pattern((*words["agreement"], *words["yes_or_no"], *words["predicates"]))


@per_vocabulary
def _source_nouns(vocabulary: Vocabulary) -> re.Pattern[str]:
    return re.compile(rf"\b(?:{_nouns(vocabulary)})\b")


@per_vocabulary
def _asking_if(vocabulary: Vocabulary) -> re.Pattern[str]:
    return re.compile(rf"(?:{any_of(vocabulary.asking['asking_if']).pattern})[\s,:]*")


@per_vocabulary
def _openings(vocabulary: Vocabulary) -> re.Pattern[str]:
    return any_of((*vocabulary.question["auxiliary"], *vocabulary.asking["openings"]))


@per_vocabulary
def _sides(vocabulary: Vocabulary) -> re.Pattern[str]:
    """Which of the two is right, whose date is wrong, which source can be trusted."""
    sides, judged = (any_of(vocabulary.asking[name]).pattern for name in ("which", "judged"))
    behind = "|".join(vocabulary.asking["behind"])
    side = (
        rf"(?:{sides}(?<!\bwhat)|what\s+(?:is|was|'s)(?=\s+true\s+about)|which(?=\s+is\b)|which\s+(?:{_nouns(vocabulary)})"
        r"|whose\s+[\w ]{1,30}?)"
    )
    verb = r"(?:is|are|was|were|'s|can|should|do|does|has|have|gives|gave|states|tells|got|shall|could|must|may|to)"
    return re.compile(
        rf"(?:and\s+|so\s+)?{side}\s+(?:[\w']+\s+){{0,2}}?{verb}\s+(?:(?:i|we|you|one|be|the|it|more)\s+){{0,3}}{judged}"
        rf"(?:\s+{_JUDGED}\b|,|$|\s+(?:{behind})\b)"
    )


@per_vocabulary
def _faults(vocabulary: Vocabulary) -> re.Pattern[str]:
    """What is wrong in the note, what does the form get wrong, is there a mistake in the recording."""
    asked = r"(?:what|which|anything|something|where|how|nothing|there|any|whether)"
    return re.compile(
        rf"\b{asked}\b[\w' ]{{0,25}}?\b{_FAULTS}\s+(?:in|with|on|about|between|of)\s+(?:{_WHICH}\s+)?"
        rf"(?:{_nouns(vocabulary)})\b"
        r"|\bwhat(?:'s| is)\s+(?:not\s+true|untrue|wrong)\s+(?:in|of)\s+what\b"
    )


@per_vocabulary
def _the_same(vocabulary: Vocabulary) -> re.Pattern[str]:
    """Do both say the same date, do the form and the note have the same name."""
    stating, both = (any_of(vocabulary.asking[name]).pattern for name in ("stating", "both"))
    nouns = _nouns(vocabulary)
    only_they = r"(?!\s+(?!have|has|give|say|show|use|get|put|are|do|of|the\b)\w)"
    subject = rf"(?:{both}{only_they}|(?:{nouns})\s+(?:and|or)\s+(?:{_WHICH}\s+)?(?:{nouns}))"
    same = r"the\s+(?:very\s+)?same\b"
    held = rf"(?:{nouns})\s+(?:have|has|got|{stating})\s+the\s+(?:right|correct|wrong|true|same)\b"
    one = rf"\bthe\s+ones?\s+(?:(?:that\s+is\s+|given\s+|written\s+)?(?:on|in|from|of)\s+)?{_WHICH}\s+(?:{nouns})\b"
    return re.compile(
        rf"{stating}\s+(?:us\s+|me\s+|both\s+|exactly\s+)?{same}|{subject}\s+(?:[\w']+\s+){{0,3}}?{same}|{held}|{one}"
        r"|\bthe\s+(?:right|correct|wrong|same)\s+one$"
    )


@per_vocabulary
def _sayings(vocabulary: Vocabulary) -> re.Pattern[str]:
    """What the note says, according to the receipt."""
    nouns, says = _nouns(vocabulary), any_of(vocabulary.asking["saying"]).pattern
    asked = r"\b(?:what|which|who|whom|when|where|how)\b[\w' ]{0,40}?"
    return re.compile(
        rf"\baccording\s+to\s+(?:{_WHICH}\s+)?(?P<source>{nouns})(?!\s+(?:and|or)\b)\b"
        rf"|{asked}\b(?:does|do|did)\s+{_WHICH}\s+(?P<told>{nouns})\s+{says}"
    )


@per_vocabulary
def _placed(vocabulary: Vocabulary) -> re.Pattern[str]:
    """A word where it names a source."""
    nouns = _nouns(vocabulary)
    part = r"(?!\s+(?:number|no|date|total|time|id)\b)"  # "the receipt number" is something on it
    return re.compile(
        rf"\b(?:in|on|of|from|by|per|between|with|to|and|than)\s+{_WHICH}\s+(?P<placed>{nouns})\b{part}"
        rf"|\b{_WHICH}\s+(?P<speaking>{nouns})(?:'s)?(?=\s+{_SPEAKS}\b)"
        rf"|(?P<made>\bwho\s+(?:made|makes|took|wrote|recorded|shot|typed|left|built)\s+{_WHICH}\s+(?:{nouns})\b)",
        re.I,
    )
