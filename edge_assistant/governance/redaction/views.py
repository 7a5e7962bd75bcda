"""A text as the rules look at it: ASCII, and once more with the numbers that are spelled in words as digits.

Each character of a view knows the characters of the text that it stands for.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from edge_assistant.governance.redaction.kinds import PiiKind
from edge_assistant.governance.redaction.rules import NumberWords, compiled_once
from edge_assistant.governance.redaction.transliteration import fold

BARRIER = b"\x01"  # in place of each character of a pseudonym: nothing is found in or across one
_PSEUDONYM = rf"\[(?:{'|'.join(PiiKind)})-[0-9a-f]{{1,12}}\]"
_UNITS = frozenset("123456789")
_TENS = frozenset(f"{unit}0" for unit in "23456789")


@dataclass(frozen=True, slots=True)
class TextView:
    """What patterns search.

    Attributes:
        data: ASCII.
        starts: of each byte of it, the first character of the text that it stands for.
        ends: the character after the last one.
    """

    data: bytes
    starts: Sequence[int]
    ends: Sequence[int]


def written(text: str) -> TextView:
    """A text as it is written: letters without accents, any alphabet's digits, one kind of dash, quote and space."""
    places: Sequence[int] = range(len(text))
    if not text.isascii():
        folded = fold(text)
        if len(folded) < len(text):
            places = array("q", (place for place in places if fold(text[place])))
        text = folded
    data = bytearray(text, "ascii")
    for match in compiled_once(_PSEUDONYM).finditer(bytes(data)):
        start, end = match.span()
        data[start:end] = BARRIER * (end - start)
    if isinstance(places, range):
        return TextView(bytes(data), places, range(1, len(places) + 1))
    return TextView(bytes(data), places, array("q", (place + 1 for place in places)))


def masked(view: TextView, places: Iterable[tuple[int, int]]) -> TextView:
    """The same as if pseudonyms stood at some places, each its first character and the one after the last."""
    data = bytearray(view.data)
    for start, end in places:
        first, last = bisect_left(view.starts, start), bisect_left(view.starts, end)
        data[first:last] = BARRIER * (last - first)
    return TextView(bytes(data), view.starts, view.ends)


def digits(view: TextView, spoken: NumberWords) -> TextView:
    """The same with digits in place of words: "oh seven seven double four" is 07744.

    A comma or a full stop between them becomes a space, as one pauses between groups; so does what stands next to
    digits that were written as such.
    """
    data, starts, ends = bytearray(), array("q"), array("q")
    done = 0
    for match in spoken.run.finditer(view.data):
        first, last = match.span()
        tokens = [(*found.span(), found.group().decode()) for found in spoken.token.finditer(view.data, first, last)]
        if not _dictated(tokens, spoken):
            continue
        _copy(view, done, first, data, starts, ends)
        for text, start, end in _spelled(view.data, tokens, spoken):
            data += text.encode()
            starts.extend([view.starts[start]] * len(text))
            ends.extend([view.ends[end - 1]] * len(text))
        done = last
    if not done:
        return view
    _copy(view, done, len(view.data), data, starts, ends)
    return TextView(bytes(data), starts, ends)


def _copy(view: TextView, first: int, last: int, data: bytearray, starts: array[int], ends: array[int]) -> None:
    data += view.data[first:last]
    starts.extend(view.starts[first:last])
    ends.extend(view.ends[first:last])


_Token = tuple[int, int, str]


def _dictated(tokens: Sequence[_Token], spoken: NumberWords) -> bool:
    """Whether numbers one after another are spelled, and not just followed by a word such as "one"."""
    words = [word.lower() for _, _, word in tokens if word[0].isalpha()]
    if not spoken.amounts.isdisjoint(words):
        return False
    plain = any(word in spoken.times or spoken.marks.get(word) == "+" for word in words)
    return plain or sum(word in spoken.digits for word in words) > 1


def _spelled(data: bytes, tokens: Sequence[_Token], spoken: NumberWords) -> list[tuple[str, int, int]]:
    """Digits, marks and spaces, each with the place that it comes from."""
    out: list[tuple[str, int, int]] = []
    times, since, pause, before = 1, -1, False, ""
    for start, end, token in tokens:
        word, place = token.lower(), start if since < 0 else since
        if word in ",.":
            pause = True
            continue
        if word in spoken.times:
            times, since = spoken.times[word], place
            continue
        if word in spoken.marks:
            out.append((spoken.marks[word], place, end))
            before = ""
        else:
            text = spoken.digits.get(word, word) * times
            way = "written" if word.isdigit() and times == 1 else "spelled"
            if before == "tens" and way == "spelled" and not pause and text in _UNITS:
                tens, place, _ = out.pop()
                out.append((tens[0] + text, place, end))
            else:
                if before == way == "written":
                    out.extend(_apart(data[out[-1][2] : place].decode(), out[-1][2], place))
                elif before and (pause or "written" in (way, before)):
                    out.append((" ", out[-1][2], place))
                out.extend(_apart(text, place, end) if way == "written" else [(text, place, end)])
            before = "tens" if way == "spelled" and text in _TENS else way
        times, since, pause = 1, -1, False
    return out


def _apart(text: str, start: int, end: int) -> list[tuple[str, int, int]]:
    """What is written, each character at its own place."""
    return [(text[place - start], place, place + 1) for place in range(start, end)]
