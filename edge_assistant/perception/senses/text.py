"""Text to evidence: its paragraphs, or the lines of logs and lists, with their spans."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import chain, islice, pairwise
from typing import ClassVar

from edge_assistant.core import limits
from edge_assistant.core.errors import InputEmpty, InputUnsupported
from edge_assistant.core.evidence import Evidence, Locator, Passage
from edge_assistant.core.signals import Kind, Signal
from edge_assistant.perception.characters import HEAD, encoding_of
from edge_assistant.perception.gap import Gap
from edge_assistant.perception.sense import Percept, Request, Sense

MAX_PASSAGE = limits.PASSAGE_CHARACTERS.value
MAX_PASSAGES = limits.PASSAGES.value

_LINE = re.compile(r"\S[^\r\n]*")  # from its first word to its end
_LINES_LOOKED_AT = 1000  # of one paragraph, to tell a log from prose
_ENTRY = re.compile(
    r"""\s*(?:
        \[?\d{4}-\d\d-\d\d | \[?\d{1,2}[:.]\d\d(?:[:.]\d\d)?\b | \d{1,2}[./]\d{1,2}[./]\d{2,4} | # a time or date
        [-*+\u2022]\s | \d{1,3}[.)]\s | \#{1,6}\s | \|| # a list, heading, table
        [^\W\d][\w \-/()]{0,30}:(?:\s|$) # a label, which may stand alone
    )""",
    re.VERBOSE,
)
_SENTENCE_END = re.compile(r"[.!?\u2026\u3002\uff01\uff1f][\"')\]\u201d\u2019]*(?=\s)|[\u3002\uff01\uff1f]|\n")


class Text(Sense):
    """Reads plain text; Markdown, mail and logs are just that."""

    name: ClassVar[str] = "text"
    kinds: ClassVar[frozenset[Kind]] = frozenset({Kind.TEXT})

    def perceive(self, signal: Signal, request: Request) -> Percept:
        """Split the text into passages.

        Raises:
            InputUnsupported: the bytes are not text in UTF-8, or UTF-16 with a byte order mark.
            InputEmpty: nothing but white space.
        """
        text = decode(signal.read(), signal.name)
        spans = list(islice(passages(text), MAX_PASSAGES + 1))
        if not spans:
            raise InputEmpty(f"{signal.name} has no words", "give a text with content")
        notes: tuple[str, ...] = ()
        if len(spans) > MAX_PASSAGES:
            rest = len(text) - spans[MAX_PASSAGES][0]
            note = f"{signal.name} has over {MAX_PASSAGES:,} passages: its last {rest:,} characters are left out"
            notes = (Gap(note, f"the last {rest:,} characters were not read"),)
        return Percept(
            tuple(
                Evidence("", signal.id, text[a:b], None, Locator(chars=(a, b)), Passage())
                for a, b in spans[:MAX_PASSAGES]
            ),
            notes=notes,
        )


def decode(data: bytes, name: str) -> str:
    """The text of a file, without its byte order mark; spans count the code points of what is returned.

    Raises:
        InputUnsupported: the bytes are not text in UTF-8, or UTF-16 with a byte order mark.
    """
    encoding = encoding_of(data[:HEAD])
    if encoding is None:
        raise InputUnsupported(f"{name} is not text", "give it by its own kind, or save it as UTF-8")
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError:
        raise InputUnsupported(
            f"{name} is not text in {encoding.removesuffix('-sig').upper()}", "save it as UTF-8"
        ) from None
    if "\0" in text:
        raise InputUnsupported(f"{name} is not text", "give it by its own kind, or save it as UTF-8")
    return text


def passages(text: str) -> Iterator[tuple[int, int]]:
    """Spans [a, b) of the passages of a text, in order, without overlap, without white space at their ends.

    A paragraph ends at an empty line. Where at least half of its lines start like an entry (a time, a list's mark, a
    heading, a label), each entry is a passage, and lines that do not start so go on with the one before. What is longer
    than `MAX_PASSAGE` is split at the ends of sentences, else between words, else anywhere.
    """
    for paragraph in _paragraphs(text):
        for a, b in _entries(text, *paragraph):
            yield from _pieces(text, a, b)


def _paragraphs(text: str) -> Iterator[tuple[int, int]]:
    """Spans of lines with content between which no line is empty."""
    start = end = 0
    for line in _LINE.finditer(text):
        between = text[end : line.start()].replace("\r\n", "\n")
        if start < end and between.count("\n") + between.count("\r") > 1:
            yield start, end
            start = line.start()
        end = line.end()
    if start < end:
        yield start, end


def _entries(text: str, a: int, b: int) -> Iterator[tuple[int, int]]:
    """The entries of a paragraph that is a log or list, else the paragraph."""
    lines = [line.start() for line in islice(_LINE.finditer(text, a, b), _LINES_LOOKED_AT)]
    if len(lines) < 2 or sum(_ENTRY.match(text, start, b) is not None for start in lines) * 2 < len(lines):
        yield a, b
        return
    starts = (line.start() for line in _LINE.finditer(text, a, b) if _ENTRY.match(text, line.start(), line.end()))
    yield from pairwise(chain([a], (start for start in starts if start > a), [b]))


def _pieces(text: str, a: int, b: int) -> Iterator[tuple[int, int]]:
    """A span without the white space at its ends, in pieces of at most `MAX_PASSAGE`."""
    while True:
        a, b = _stripped(text, a, b)
        if b - a <= MAX_PASSAGE:
            if a < b:
                yield a, b
            return
        cut = _cut(text, a, a + MAX_PASSAGE)
        yield _stripped(text, a, cut)
        a = cut


def _cut(text: str, a: int, limit: int) -> int:
    """Where to split a passage that goes on beyond the limit."""
    ends = [match.end() for match in _SENTENCE_END.finditer(text, a, limit)]
    if ends and ends[-1] - a >= MAX_PASSAGE // 4:
        return ends[-1]
    for cut in range(limit, a + MAX_PASSAGE // 4, -1):
        if text[cut].isspace():
            return cut
    return limit


def _stripped(text: str, a: int, b: int) -> tuple[int, int]:
    while a < b and text[a].isspace():
        a += 1
    while a < b and text[b - 1].isspace():
        b -= 1
    return a, b
