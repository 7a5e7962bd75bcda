"""Words as they are compared, and what says that there is none."""

from __future__ import annotations

import re
from collections.abc import Iterator

from edge_assistant.reasoning.rules.vocabulary import vocabulary, word_pattern
from edge_assistant.reasoning.values.spans import ValueSpan, alternatives
from edge_assistant.reasoning.values.values import Name, Nothing, Words

_WORD = re.compile(r"[^\W_]+(?:['’/.-][^\W_]+)*|%")
_DASH = re.compile(r"\s*(?:[-–—]{1,3}|\.{3}|/)\s*")  # an empty field that somebody struck out

_nothing_pattern = word_pattern(  # before a number "no" is short for number: No. 12
    lambda known: (
        rf"\b(?:{alternatives(known.words['none'])})\b(?!\.? ?[#\d])"
        rf"(?: (?:{alternatives(known.words['none_after'])})\b)*"
    )
)


def nothings(text: str) -> Iterator[ValueSpan]:
    """Find words that say there is none: none, no known allergies, nil, NKDA; a field that is struck out."""
    if _DASH.fullmatch(text):
        yield ValueSpan(text, Nothing(), 0, len(text))
    for match in _nothing_pattern().finditer(text):
        yield ValueSpan(match[0], Nothing(), match.start(), match.end())


_LABEL = re.compile(r"\b[A-Z]{1,2}\b")


def as_words(text: str, *, labelled: bool = False) -> Words:
    """A text as a set of words: lower case, singular, without stop words.

    Args:
        text: the words.
        labelled: whether a capital letter that can be a stop word is a label, see `has_label`.
    """
    stop = vocabulary().words["stop"]
    found = (match[0] for match in _WORD.finditer(text))
    tokens = ((singular(word.lower()), labelled and len(word) == 1 and word.isupper()) for word in found)
    return Words(frozenset(token for token, label in tokens if label or token not in stop))


def says_unknown(text: str) -> bool:
    """Whether all of a text is that nothing is known; that there is none tells something.

    >>> [says_unknown(text) for text in ("Not known.", "I have no idea", "N/A", "none", "known", "no known allergies")]
    [True, True, True, False, False, False]
    """
    tokens = as_words(text).tokens
    return any(tokens == as_words(known).tokens for known in vocabulary().words["unknown"])


def has_label(text: str) -> bool:
    """Whether one or two capital letters in a text name something: blood group B, type II, hepatitis A.

    An article does within the text and alone; at its beginning, and among capitals, it may be the word.
    """
    known, bare = vocabulary().words, text.strip()
    return any(
        match[0].lower() not in known["stop"]
        or (match[0].lower() in known["article"] and (match[0] == bare or (match.start() > 0 and not text.isupper())))
        for match in _LABEL.finditer(text)
    )


def singular(word: str) -> str:
    """The singular of an English plural; the irregular ones are data.

    >>> [singular(w) for w in ("dogs", "boxes", "berries", "glass", "bus", "buses", "doses", "people")]
    ['dog', 'box', 'berry', 'glass', 'bus', 'bus', 'dose', 'person']
    """
    irregular = vocabulary().singular.get(word)
    if irregular is not None:
        return irregular
    if len(word) > 4 and word.endswith("ies"):
        return word[:-3] + "y"
    if len(word) > 4 and word.endswith(("uses", "sses", "xes", "ches", "shes")):
        return word[: -1 if word.endswith(("auses", "ouses")) else -2]
    if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")):
        return word[:-1]
    return word


_NAME_WORD = re.compile(r"[^\W_]+(?:['\u2019][^\W_]+)*")


def as_name(text: str) -> Name:
    """A text as one name: its words in lower case, single letters joined, without titles and forms of firms.

    >>> as_name("Dr. Martin J. Hale").words, as_name("Hale, Martin").words, as_name("MR. D.I.Y. (M) SDN BHD").words
    (('martin', 'j', 'hale'), ('martin', 'hale'), ('diy',))
    """
    known = vocabulary().words
    last, comma, first = text.partition(",")
    if comma and len(_NAME_WORD.findall(last)) == 1 and 1 <= len(_NAME_WORD.findall(first)) <= 3:
        text = f"{first} {last}"
    words = [match[0].lower() for match in _NAME_WORD.finditer(text)]
    if any(word in known["firm"] and len(word) > 2 for word in words):
        words = [word for word in words if word not in known["firm"]] or words
    bare = [word for word in words if word not in known["titles"] and word not in known["particles"] & known["stop"]]
    return Name(tuple(_join_initials(bare or words)))


def _join_initials(words: list[str]) -> Iterator[str]:
    """Single letters that follow one another are one word: d i y."""
    run = ""
    for word in [*words, ""]:
        if len(word) == 1 and word.isalpha():
            run += word
            continue
        if run:
            yield run
            run = ""
        if word:
            yield word
