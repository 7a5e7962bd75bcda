"""Whether a question asks if sources agree, and how its answer begins; the words are data in asking.toml."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from edge_assistant import patterns
from edge_assistant.reasoning.alike import (
    FAULTS,
    holds_against,
    is_alike,
    is_known,
    is_of_two,
    other_than,
    same_in_all,
)
from edge_assistant.reasoning.attributes import Mention, asked, labelled
from edge_assistant.reasoning.rules.phrasing import pattern
from edge_assistant.reasoning.rules.vocabulary import Vocabulary, per_vocabulary, vocabulary
from edge_assistant.reasoning.sourcenames import MARK, WHICH, compared_sources, is_source, marked, source_nouns
from edge_assistant.reasoning.told.clauses import any_of, any_word

_AGREED_BEFORE = re.compile(
    r"\b(?:on|about|regarding|concerning|over|as (?:to|for|regards|far as)|with (?:regard|respect) to|in terms of"
    r"|comes to) (?:(?:the|their|his|her|its|any) )?(?:[\w-]+ )?$",
    re.I,
)
_OF = re.compile(r"\W*(?:of|for|until|till)\s+(?:(?:the|his|her|their|its|this)\s+)?(?:[\w-]+\s+)?|", re.I)
_GIVEN_IN = re.compile(
    r"(?<=\w) (?:given|named|told|claimed|written)(?= (?:in|on|by|from)\b)", re.I
)  # no "amount given"
_NOUN_BEHIND = re.compile(r"\b(?:the|same|his|her|their|its|any|right|correct|wrong|on|about)\s+$", re.I)
_JUDGED = r"(?:one|date|amount|value|figure|number|dose|total|time|price|weight|reading|name)"
_SETTLED = re.compile(
    r"(?:what|when|where|who)\s+(?:did|had|has|have)\s+(?:they|he|she|we|you)\b.*\bagree"
)  # people did


def asks_agreement(text: str) -> bool:
    """Whether a question asks if the sources agree, or which of them is right.

    >>> asks_agreement("Is the amount in the note right?"), asks_agreement("What is the right dose?")
    (True, False)
    >>> asks_agreement("What is wrong in the note?"), asks_agreement("Which tyre is on the same axle?")
    (True, False)
    """
    plain = _plain(text)
    words = vocabulary().asking
    if _SETTLED.match(plain):
        return False
    sourced = marked(plain)
    if _is_attributive(plain, words["agreement"]) or holds_against().search(sourced):
        return True
    if _sides().match(_rest(plain)) or _faults().search(plain):
        return True
    bare = _tag().sub("", plain)
    if not _wants_yes_or_no(plain):
        return _is_elliptical(_rest(bare), _rest(sourced))
    return (
        _is_attributive(bare, words["yes_or_no"])
        or any(_is_predicate(bare, match) for match in any_of(words["predicates"]).finditer(bare))
        or bool(_the_same().search(bare))
        or is_alike(sourced, is_known(text))
        or (is_known(text) and is_of_two(plain))
    )


def agreement_word(text: str, agree: bool) -> str:
    """The word that begins the answer to such a question: "Yes, " or "No, ", or none where it wants no yes or no.

    >>> agreement_word("Do they differ on the total?", agree=True), agreement_word("Which is right?", agree=True)
    ('No, ', '')
    """
    plain = _plain(text)
    if not _wants_yes_or_no(plain) and not _is_elliptical(_rest(plain), _rest(marked(plain))):
        return ""
    contrary = bool(any_of(vocabulary().asking["contrary"]).search(plain))
    return "Yes, " if agree is not contrary else "No, "


def agreed_on(text: str) -> list[Mention]:
    """The attributes that a question asks if sources agree on: behind "about" or "on", else all that name no source.

    Where a word for a source is all there is, and another source stands beside it, it is what they shall agree on: "is
    the bill in line with the claim?", "is the operator right?".
    """
    text = _GIVEN_IN.sub(lambda match: " " * len(match[0]), text)
    found = asked(text)
    for people in (True, False):
        sources = compared_sources(text, people)
        if mentions := [m for m in found if not any(a < m.end <= b or a <= m.start < b for a, b in sources)]:
            if any(m.named for m in mentions):
                # "is the claimed date right?" does not ask what is claimed
                mentions = [m for m in mentions if m.named or (m.words > 1 and not m.gapped)]
            return list(_behind_on(text, mentions)) or mentions
    return [] if len(sources) == 1 else [m for m in found if not is_source(text, m.start, m.end)]


def labels_agreed_on(text: str) -> list[Mention]:
    """The attributes that a question calls as a label does: "do they agree on the product?"."""
    sources = compared_sources(text)
    found = (m for m in labelled(text) if not any(a < m.end <= b or a <= m.start < b for a, b in sources))
    return [m for m in found if _NOUN_BEHIND.search(text[: m.start])]


def _behind_on(text: str, mentions: Sequence[Mention]) -> Iterator[Mention]:
    """What stands behind "on" or "about", and what that is of: "on the date of the next visit"."""
    end = None
    for mention in sorted(mentions, key=lambda m: m.start):
        between = text[end : mention.start] if end is not None else ""
        if _AGREED_BEFORE.search(text[: mention.start]) or (end is not None and _OF.fullmatch(between)):
            end = max(mention.end, end or 0)
            yield mention


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
    behind = re.match(r"[\s,]*(to\s+(?:you|me|us)\b|[\w']+)", text[match.end() :])
    return behind is None or behind[1].startswith("to ") or behind[1] in vocabulary().asking["behind"]


def _plain(text: str) -> str:
    return " ".join(text.lower().replace("’", "'").split()).rstrip("?!. ")


def _wants_yes_or_no(text: str) -> bool:
    return bool(_openings().match(_rest(text)) or _tag().search(text))


def _rest(text: str) -> str:
    """A question without courtesies and what it is on before it: "I wonder, as to the dose, do they agree"."""
    while match := _asking_if().match(text) or _topic().match(text):
        text = text[match.end() :]
    return text


def _is_elliptical(bare: str, sourced: str) -> bool:
    """Whether words without a verb, or with none in front, ask for agreement: "same dose in both?", "dose ok?".

    A sentence with a number states a value: whether it is right is for the value to say.
    """
    if _interrogatives().match(bare) or re.search(r"\d|\b(?:which|what|how|whose|when)\b", sourced):
        return False
    if same_in_all().search(sourced) or other_than().search(sourced):
        return True
    if sourced.startswith(MARK) and (
        _is_attributive(bare, vocabulary().asking["yes_or_no"]) or is_alike(sourced, False)
    ):
        return True
    known = MARK in sourced or is_known(bare)
    predicates = any_of((*vocabulary().asking["predicates"], *vocabulary().asking["matching"]))
    found = any(_is_predicate(bare, match) for match in predicates.finditer(bare))
    return known and (found or bool(re.match(r"(?:(?:a|any|no|the|both|have)\s+)*(?:same\b|difference\s+in\b)", bare)))


@per_vocabulary
def agreement_words(vocabulary: Vocabulary) -> re.Pattern[str]:
    """The words that ask for agreement and say nothing of what it is asked on."""
    words = vocabulary.asking
    return pattern((*words["agreement"], *words["yes_or_no"], *words["predicates"]))


@per_vocabulary
def comparing_words(vocabulary: Vocabulary) -> re.Pattern[str]:
    """All words by which a question compares: no noun is made of them in "the number of people fit the photo"."""
    keys = ("agreement", "yes_or_no", "predicates", "fitting", "matching")
    words = (word for key in keys for word in vocabulary.asking[key] if "..." not in word)
    return pattern((*words, *vocabulary.asking["no_noun"]))


@per_vocabulary
def _asking_if(vocabulary: Vocabulary) -> re.Pattern[str]:
    return patterns.compile(rf"(?:{any_word(vocabulary.asking['asking_if'])})(?![\w'])[\s,:]*")


@per_vocabulary
def _openings(vocabulary: Vocabulary) -> re.Pattern[str]:
    return any_of((*vocabulary.question["auxiliary"], *vocabulary.asking["openings"]))


@per_vocabulary
def _sides(vocabulary: Vocabulary) -> re.Pattern[str]:
    """Which of the two is right, whose date is wrong, which source can be trusted."""
    sides, judged = (any_word(vocabulary.asking[name]) for name in ("which", "judged"))
    behind = "|".join(vocabulary.asking["behind"])
    side = (
        rf"(?:{sides}(?<!\bwhat)|what\s+(?:is|was|'s)(?=\s+true\s+about)|which(?=\s+is\b)|which\s+(?:{source_nouns(vocabulary)})"
        r"|whose\s+[\w ]{1,30}?)"
    )
    verb = r"(?:is|are|was|were|'s|can|should|do|does|has|have|gives|gave|states|tells|got|shall|could|must|may|to)"
    whom = r"(?:(?:i|we|you|one|be|the|it|more)\s+){0,3}"
    nouns, which = source_nouns(vocabulary), r"(?:which|what)"
    one = rf"(?:one|source|side|version|signal|(?:of\s+)?(?:\w+\s+)?(?:the\s+two|them|{nouns}))"
    stating = any_word((*vocabulary.asking["stating"], "has", "have", "got", "gets"))
    return patterns.compile(
        rf"(?:and\s+|so\s+)?{side}\s+(?:[\w']+\s+){{0,2}}?{verb}\s+{whom}{judged}"
        rf"(?:\s+{_JUDGED}\b|,|$|\s+(?:{behind})\b)"
        rf"|{which}\s+[\w ]{{1,30}}?\s{verb}\s+{whom}{judged}(?:\s+one)?(?:$|,)"
        rf"|{which}\s+{one}\s+{stating}\s+the\s+(?:right|correct|wrong|true|false)\s+\w"
        r"|who\s+(?:has|got|gave|gives|names|states|tells|told)\s+the\s+wrong\s+\w"
    )


@per_vocabulary
def _faults(vocabulary: Vocabulary) -> re.Pattern[str]:
    """What is wrong in the note, what does the form get wrong, is there a mistake in the recording."""
    asked = r"(?:what|which|anything|something|where|how|nothing|there|any|whether)"
    return patterns.compile(
        rf"\b{asked}\b[\w' ]{{0,25}}?\b{FAULTS}\s+(?:in|with|on|about|between|of)\s+(?:{WHICH}\s+)?"
        rf"(?:{source_nouns(vocabulary)})\b"
        r"|\bwhat(?:'s| is)\s+(?:not\s+true|untrue|wrong)\s+(?:in|of)\s+what\b"
    )


@per_vocabulary
def _the_same(vocabulary: Vocabulary) -> re.Pattern[str]:
    """Do both say the same date, do the form and the note have the same name."""
    stating, both = (any_word(vocabulary.asking[name]) for name in ("stating", "both"))
    nouns = source_nouns(vocabulary)
    only_they = rf"(?!\s+(?!(?:{'|'.join(vocabulary.asking['of_both'])})\b)\w)"
    subject = rf"(?:{both}{only_they}|(?:{nouns})\s+(?:and|or)\s+(?:{WHICH}\s+)?(?:{nouns}))"
    same = r"(?:the\s+(?:very\s+|exact\s+)?|one\s+and\s+the\s+)?same\b"
    held = rf"(?:{nouns})\s+(?:have|has|got|{stating})\s+the\s+(?:right|correct|wrong|true|same)\b"
    one = rf"\bthe\s+ones?\s+(?:(?:that\s+is\s+|given\s+|written\s+)?(?:on|in|from|of)\s+)?{WHICH}\s+(?:{nouns})\b"
    return patterns.compile(
        rf"{stating}\s+(?:us\s+|me\s+|both\s+|exactly\s+)?{same}|{subject}\s+(?:[\w']+\s+){{0,3}}?{same}|{held}|{one}"
        r"|\bthe\s+(?:right|correct|wrong|same)\s+one$"
    )


@per_vocabulary
def _topic(vocabulary: Vocabulary) -> re.Pattern[str]:
    """What a question is on, in front of it: "as to the dose, do they agree", "the dose: is it right"."""
    topics = any_word(vocabulary.asking["topics"])
    first = any_word((*vocabulary.question["interrogative"], *vocabulary.question["auxiliary"]))
    ends, asking = r"(?:[,:;]|\s[-–])\s+", rf"(?={_asking(vocabulary)})"
    return patterns.compile(rf"{topics}\s+[^,:;]{{1,60}}?{ends}|(?!{first})[^,:;]{{1,60}}?{ends}{asking}")


def _asking(vocabulary: Vocabulary) -> str:
    return any_word((*vocabulary.question["auxiliary"], *vocabulary.asking["openings"]))


@per_vocabulary
def _tag(vocabulary: Vocabulary) -> re.Pattern[str]:
    """What makes a question of a statement: "the dose is right, isn't it?"."""
    return patterns.compile(rf",\s*(?:{any_word(vocabulary.asking['tags'])})$|\s+or\s+not$")


@per_vocabulary
def _interrogatives(vocabulary: Vocabulary) -> re.Pattern[str]:
    words = (*vocabulary.question["interrogative"], *vocabulary.asking["courtesy"], "whom", "why", "what's", "whose")
    return patterns.compile(rf"(?:{any_word(words)})")
