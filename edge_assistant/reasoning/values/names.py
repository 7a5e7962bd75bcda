"""Names of people and firms."""

from __future__ import annotations

import re
from collections.abc import Iterator

from edge_assistant.reasoning.rules.vocabulary import vocabulary
from edge_assistant.reasoning.values.values import Name

_WORD = re.compile(r"[^\W_]+(?:['\u2019][^\W_]+)*")


def as_name(text: str) -> Name:
    """A text as one name: its words in lower case, single letters joined, without titles and forms of firms.

    >>> as_name("Dr. Martin J. Hale").words, as_name("Hale, Martin").words, as_name("MR. D.I.Y. (M) SDN BHD").words
    (('martin', 'j', 'hale'), ('martin', 'hale'), ('diy',))
    """
    known = vocabulary().words
    last, comma, first = text.partition(",")
    if comma and len(_WORD.findall(last)) == 1 and 1 <= len(_WORD.findall(first)) <= 3:
        text = f"{first} {last}"
    words = [match[0].lower() for match in _WORD.finditer(text)]
    if any(word in known["firm"] and len(word) > 2 for word in words):
        words = [word for word in words if word not in known["firm"]] or words
    bare = [word for word in words if word not in known["titles"] and word not in known["particles"] & known["stop"]]
    return Name(tuple(_initials_joined(bare or words)))


def _initials_joined(words: list[str]) -> Iterator[str]:
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
