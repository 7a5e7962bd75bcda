"""Sentences of an answer as Markdown: what they say is text, and each citation is a link to its evidence."""

from __future__ import annotations

import re

from edge_assistant.core.signals import printable

SCHEME = "evidence"
CITATION = re.compile(r"\[([EC]\d+)\]")
_ALONE = re.compile(r"\[?([EC]\d{1,9})\]?", re.IGNORECASE)
_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|~&!$^])")
_OPENING = re.compile(r"^(\s*\d*)([-+.)])(?=\s)")  # would begin a list


def linked(sentence: str) -> str:
    r"""A sentence as Markdown.

    >>> linked("It is *60* [E3].")
    'It is \\*60\\* [\\[E3\\]](evidence:E3).'
    """
    parts = CITATION.split("\n".join(printable(line) for line in sentence.split("\n")))
    said = [_escaped(part) if at % 2 == 0 else rf"[\[{part}\]]({SCHEME}:{part})" for at, part in enumerate(parts)]
    return "".join(said)


def named(text: str) -> str | None:
    """The id of the source that a text names, where it names nothing else.

    >>> named("[e13]"), named("C1"), named("What is E13?")
    ('E13', 'C1', None)
    """
    found = _ALONE.fullmatch(text.strip())
    return found[1].upper() if found else None


def cited(href: str) -> str | None:
    """The id of the evidence that a link leads to; None for any other link."""
    scheme, _, id = href.partition(":")
    return id if scheme == SCHEME else None


def _escaped(text: str) -> str:
    return _OPENING.sub(r"\1\\\2", _SPECIAL.sub(r"\\\1", text))
