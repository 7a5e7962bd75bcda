"""Which kind of thing a question about a picture asks for: an animal, what somebody rides, whether there is a dog."""

from __future__ import annotations

import re
from collections.abc import Iterable

from edge_assistant import patterns
from edge_assistant.perception.detectors import LABELS
from edge_assistant.reasoning.rules.vocabulary import Vocabulary, per_vocabulary, vocabulary
from edge_assistant.reasoning.told.clauses import told_words
from edge_assistant.reasoning.told.things import things
from edge_assistant.reasoning.values.candidates import singular

PERSON = "person"
_ONE = re.compile(
    r"\b(?:which|what) (?:one )?(?:is|was|are|were) (?:it|that|they|this)\b"
    r"|\bwhich (?:one|of them)\b|(?:, |: )(?:which|what)\W*$",
    re.I,
)
_SHOWN = (
    r"(?:visible|shown|seen|present|depicted|pictured|to be seen|in (?:it|there|view)"
    r"|[io]n (?:the|this|that|your|my) (?:photo\w*|picture|image|shot|scene|frame))"
)


def kind_of_thing(text: str, agreement: bool = False) -> str | None:
    """The category, label or activity that a question asks for, as `labels` knows it; None where it asks for another.

    Args:
        text: the question.
        agreement: it asks whether sources agree; then it only needs to name a category.
    """
    patterns = _patterns()
    if agreement:
        match = patterns["noun"].search(text)
        return _category(match["noun"]) if match else None
    lower = " ".join(text.lower().split())
    asked = patterns["asked"].match(lower) or patterns["bare"].match(lower)
    asked = asked or (patterns["noun"].search(lower) if _ONE.search(lower) else None)
    asked = (
        asked or patterns["inside"].search(lower) or patterns["named"].search(lower) or patterns["sort"].match(lower)
    )
    if asked:
        return _category(asked["noun"])
    present = patterns["presence"].match(lower)
    if present and (noun := _wanted(present["rest"] or present["other"])):
        return noun
    activity = patterns["activity"].match(lower)
    return activity["activity"] if activity else None


def kinds_in(text: str) -> frozenset[str]:
    """All the categories that a text names."""
    return frozenset(_category(match["noun"]) for match in _patterns()["noun"].finditer(text))


def labels(kind: str) -> frozenset[str]:
    """The labels of the detector that a category, an activity or a label stands for."""
    words = vocabulary()
    return words.categories.get(kind) or words.activities.get(kind) or frozenset({kind})


def is_activity(kind: str) -> bool:
    """Whether a kind is what somebody does something with; what lies on a table is a place's."""
    return kind in vocabulary().activities and not kind.startswith("on ")


def _category(noun: str) -> str:
    words = vocabulary()
    first, _, rest = noun.lower().partition(" of ")
    forms = (
        noun.lower(),
        f"{singular(first)} of {rest}",
        " ".join(map(singular, noun.lower().split())),
        noun.lower()[:-1],
    )
    return next(words.category_names.get(n, n) for n in forms if n in words.category_names or n in words.categories)


def _wanted(text: str) -> str | None:
    """What "is there a ..." is about, where nothing says more of it: no adjective, and one thing."""
    noun = _patterns()["noun"].match(text)
    if noun:
        return _category(noun["noun"])
    found = things(text)
    if not found or found[0][1] != 0 or found[0][0] not in LABELS:
        return None
    name, start, end = found[0]
    return name if name != PERSON or text[start:end] in told_words("persons") else None  # a picture shows no sex or age


@per_vocabulary
def _patterns(vocabulary: Vocabulary) -> dict[str, re.Pattern[str]]:
    noun = rf"(?P<noun>{_forms([*vocabulary.categories, *vocabulary.category_names])})(?![\w'-])"
    sort = r"(?:kind|sort|type|one|member|breed|species|variety|form|class|brand)s?"
    of = r"(?:the |this |that |these |those |an? |[\w-]+'s? |[\w-]+ [\w-]+'s? )?"
    kind = rf"(?:{sort} of {of})?"
    asking = r"(?:(?:and|so|then) )?(?:(?:please )?(?:name(?: of)?|identify|tell me|say) )?"
    opening = rf"{asking}(?:(?:with|in|on|by|to|for|from|at) )?(?:which|what|the)(?:'s| is| are| was| were)?"
    sorted_ = rf"{asking}of (?:which|what) {sort} (?:is|are|was|were)"
    activity = "|".join(re.escape(words) for words in sorted(vocabulary.activities, key=len, reverse=True))
    return {
        "noun": patterns.compile(rf"(?<![\w'-]){noun}", re.I),
        "asked": patterns.compile(
            rf"(?:{opening} {of}{kind}|{sorted_} {of}){noun}(?! \w+ing\b| of (?!\w+\W*$|\w+ \w+\W*$))"
        ),
        "inside": patterns.compile(
            rf"\b(?:which|what) (?:{sort} of {of}|[\w-]+ )?{noun}"
            rf"(?= (?:is|was|are|were|that|this|it|do|does|did|can|could|have|has|we|you|they|i|there)\b|[?!. ]*$)"
        ),
        "named": patterns.compile(rf"\b(?:identify|recogni[sz]e|classify|determine|make out) (?:the|this|that) {noun}"),
        "sort": patterns.compile(rf"{noun} {sort}\W*$"),
        "bare": patterns.compile(rf"(?:and )?{of}{noun}[?!. ]*$"),
        "presence": patterns.compile(
            rf"(?:(?:is|are|was|were) there|(?:do|does|did|can|could) (?:the |this |that |your )?\w+(?: \w+)? "
            rf"(?:show|see|have|contain|include|spot|find)) (?:an?|any|some|no|one) (?P<rest>.+)"
            rf"|(?:is|are|was|were) (?:an?|any|some) (?P<other>.+) {_SHOWN}"
        ),
        "activity": patterns.compile(
            rf"what(?:'s| is| are| was| were| do| does| did| have| has) (?:[\w' ]+ )?"
            rf"(?P<activity>{activity})(?! \w+ing\b)(?![\w'-])"
        ),
    }


def _forms(nouns: Iterable[str]) -> str:
    """A pattern of nouns in singular and plural; the first word of "piece of furniture" has the plural."""
    plural = (
        "(?:s|es)? of ".join(map(re.escape, noun.split(" of ", 1))) if " of " in noun else re.escape(noun) + "(?:s|es)?"
        for noun in sorted(nouns, key=len, reverse=True)
    )
    return "|".join(plural)
