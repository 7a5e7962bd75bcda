"""Names that nothing around them announces, found by a linear-chain model of two labels: name, and no name.

A conditional random field (Lafferty, McCallum and Pereira, 2001) over the words of a line: hashed features of a word
and of the two on either side, with int8 weights. What it knows lies in `names.xz`, which tools/tagging/train.py makes.
The time is linear in the text, and it needs no library besides RE2.
"""

from __future__ import annotations

import lzma
import zlib
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

from edge_assistant.governance.redaction import rules
from edge_assistant.governance.redaction.rules import compiled_once
from edge_assistant.governance.redaction.views import BARRIER, TextView

FILE = Path(__file__).with_name("names.xz")
BUCKETS = 1 << 18  # of features
PROBES = 4  # bits of a Bloom filter for each word
LISTS = ("first", "last", "plain")  # given names, family names, and words that are none
_WORDS = r"[A-Za-z]{1,40}"
_TOKENS = r"[A-Za-z]{1,40}(?:'[A-Za-z]{2,40})?|\d{1,20}|\x01{1,1000}|[^\s\x01_A-Za-z\d]"
_FAVOUR = 20  # of a name: about 0.3 in log odds: one that is missed is worse than a word too much
_NEVER = -(10**4)  # of what cannot be a name
_UPPER = 0.6  # of the longer words of a line, from which on it is written in capitals
# words by which the two languages are told apart, as views have them: ß is x
_GERMAN = frozenset(
    b"der die das und ist nicht ein eine mit von zu auf fur bei im am wird hat wurde den dem bitte frau herr herrn nr "
    b"ich sie wir geb uhr nach aus noch heute strasse straxe gepruft prufung kein keine zum zur".split()
)
_ENGLISH = frozenset(
    b"the and is of to a with for was his her at by please has he she we you from not it this that are be been mr mrs "
    b"will no dob date name address phone on".split()
)


class Token(NamedTuple):
    """A word, a number, a sign or the end of a line.

    Attributes:
        word: in lower case.
        kind: its shape (`a` lower, `A` capital first, `U` capitals, `I` one capital, `M` mixed, `0` number, else the
            sign itself) and, of a word, the lists that have it as bits.
        start: first byte in the view.
        end: the byte after the last one.
    """

    word: bytes
    kind: bytes
    start: int
    end: int


class Tagger:
    """Finds names."""

    def __init__(self, weights: Sequence[int], chain: tuple[int, int, int], filters: Sequence[bytes]) -> None:
        """Take what was learnt.

        Args:
            weights: of each bucket of features, int8.
            chain: of a name that begins, goes on and ends.
            filters: a Bloom filter for each of the LISTS.
        """
        self._weights, self._chain, self._filters = weights, chain, filters
        self._labels = frozenset(label.encode("ascii", "replace") for label in rules.shipped().labels)

    def plain(self, word: str) -> bool:
        """Whether a word, in lower case and ASCII, is one that mostly names nobody."""
        return has(self._filters[LISTS.index("plain")], word.encode("ascii", "replace"))

    def names(self, view: TextView, *, again: bool = False) -> Iterator[tuple[int, int]]:
        """First and last byte of each name in a view; of the lines with pseudonyms only, if it is looked at again."""
        for tokens, mode in self.lines(view.data, again=again):
            best = self._best([self._score(tokens, place, mode) for place in range(len(tokens))])
            labels = [one and token.word not in self._labels for one, token in zip(best, tokens, strict=True)]
            _join(tokens, labels)
            for first, last in _spans(tokens, labels):
                if not (view.data[first - 1 : first].isalnum() or view.data[last : last + 1].isalnum()):
                    yield first, last

    def lines(self, data: bytes, *, again: bool = False) -> Iterator[tuple[list[Token], bytes]]:
        """The words of each line, and how it is written: its language, and whether in small letters or capitals."""
        words = [match.group().lower() for match in compiled_once(_WORDS).finditer(data)]
        language = b"d" if sum(w in _GERMAN for w in words) > sum(w in _ENGLISH for w in words) else b"e"
        kinds: dict[bytes, bytes] = {}  # of this text's words only
        place = 0
        while place < len(data):
            end = data.find(b"\n", place) + 1 or len(data)
            if (not again or BARRIER in data[place:end]) and compiled_once(_WORDS).search(data, place, end):
                found = compiled_once(_TOKENS).finditer(data, place, end)
                tokens = [self._token(match.start(), match.end(), match.group(), kinds) for match in found]
                yield tokens, language + _case(tokens)
            place = end

    def _token(self, start: int, end: int, text: bytes, kinds: dict[bytes, bytes]) -> Token:
        kind = kinds.get(text)
        if kind is None:
            kind = kinds[text] = self._kind(text)
        return Token(BARRIER if kind == BARRIER else text.lower(), kind, start, end)  # however long a pseudonym is

    def _kind(self, text: bytes) -> bytes:
        if not text[:1].isalpha():
            return b"0" if text.isdigit() else text[:1]
        listed = sum(1 << place for place, found in enumerate(self._filters) if has(found, text.lower()))
        return b"%c%d" % (_shape(text), listed)

    def _score(self, tokens: Sequence[Token], at: int, mode: bytes) -> int:
        """Of a name against none: none are signs far from words, and plain words beside a pseudonym."""
        near = tokens[max(0, at - 1) : at + 2]
        plain = tokens[at].kind[1:] in _PLAIN
        if not any(token.word[:1].isalpha() for token in near) or (plain and any(t.kind == BARRIER for t in near)):
            return _NEVER
        favour = 0 if plain else _FAVOUR
        return favour + sum([self._weights[feature] for feature in features(tokens, at, mode)])

    def _best(self, scores: Sequence[int]) -> list[bool]:
        """The most probable labels (Viterbi), of scores for a name against none."""
        begins, stays, ends = self._chain
        none, name = 0, -(10**6)
        back: list[tuple[bool, bool]] = []
        for score in scores:
            into, out = name + stays >= none + begins, name + ends > none
            back.append((out, into))
            none, name = max(none, name + ends), score + max(none + begins, name + stays)
        label = name + ends > none
        labels = []
        for out, into in reversed(back):
            labels.append(label)
            label = into if label else out
        labels.reverse()
        return labels


def features(tokens: Sequence[Token], at: int, mode: bytes) -> list[int]:
    """The buckets of a word's features."""
    word, kind = tokens[at].word, tokens[at].kind
    last, behind = at - 1, at + 1
    before = tokens[last] if at else _EDGE
    earlier = tokens[at - 2] if at > 1 else _EDGE
    after = tokens[behind] if behind < len(tokens) else _EDGE
    later = tokens[at + 2] if at + 2 < len(tokens) else _EDGE
    crc = zlib.crc32
    start = b"s" if before.word in _STARTS else b"-"
    b, a = before.word, after.word
    found = (
        b"w" + word,
        b"x" + kind + word,
        b"3" + kind[:1] + word[:3],
        b"4" + word[:4],
        b"2" + kind + word[-2:],
        b"5" + word[-3:],
        b"6" + word[-4:],
        b"k" + kind + mode + start,
        b"l%c%d" % (kind[0], min(len(word), 9)),
        b"p" + b,
        b"n" + a,
        b"P" + kind + b,
        b"N" + kind + a,
        b"q" + kind[:1] + earlier.word,
        b"m" + kind[:1] + later.word,
        b"Q" + kind[:1] + earlier.word + b" " + b,
        b"M" + kind[:1] + a + b" " + later.word,
        b"B" + mode + before.kind + b" " + kind,
        b"A" + mode + kind + b" " + after.kind,
        b"T" + before.kind + b" " + kind + b" " + after.kind,
        b"E" + earlier.kind + b" " + before.kind + b" " + kind,
        b"L" + kind + b" " + after.kind + b" " + later.kind,
        b"7" + mode[:1] + kind[:1] + b[-3:],
        b"8" + mode[:1] + kind[:1] + a[-3:],
    )
    return [crc(feature) & (BUCKETS - 1) for feature in found]


def has(found: bytes, word: bytes) -> bool:
    """Whether a Bloom filter has a word, or takes it for one that it has."""
    return all(found[place >> 3] >> (place & 7) & 1 for place in places(word, len(found)))


def places(word: bytes, length: int) -> Iterator[int]:
    """The bits of a word in a Bloom filter of so many bytes (Kirsch and Mitzenmacher, 2006)."""
    first, step = zlib.crc32(word), zlib.crc32(word, 1) | 1
    return ((first + number * step) % (length * 8) for number in range(PROBES))


def load(path: Path = FILE) -> Tagger:
    """The tagger of a file: the length of each part in a line, then the parts, compressed."""
    head, _, body = lzma.decompress(path.read_bytes()).partition(b"\n")
    numbers = [int(number) for number in head.split()]
    chain, lengths = numbers[:3], numbers[3:]
    parts = []
    for length in lengths:
        parts.append(body[:length])
        body = body[length:]
    return Tagger(memoryview(parts[0]).cast("b"), (chain[0], chain[1], chain[2]), parts[1:])


@cache
def shipped() -> Tagger:
    """The tagger that comes with the product."""
    return load()


_GIVEN = frozenset((b"1", b"3"))  # in the list of given names, and not of plain words
_UNLISTED = _GIVEN | {b"0", b"2"}  # not of plain words
_PLAIN = frozenset((b"4", b"5", b"6", b"7"))  # in the list of plain words
_EDGE = Token(b"\n", b"n", 0, 0)
_STARTS = frozenset((b"\n", b".", b"!", b"?", b":", b"-", b"*", b'"', b">"))


def _shape(text: bytes) -> int:
    if text.islower():
        return ord("a")
    if text.isupper():
        return ord("U" if len(text) > 1 else "I")
    return ord("A" if text[:1].isupper() and text[1:].islower() else "M")


def _case(tokens: Sequence[Token]) -> bytes:
    shapes = [token.kind[0] for token in tokens if len(token.word) > 1 and token.word[:1].isalpha()]
    upper = sum(shape == ord("U") for shape in shapes)
    if upper > _UPPER * len(shapes):
        return b"u"
    return b"m" if any(shape != ord("a") for shape in shapes) else b"l"


def _join(tokens: Sequence[Token], labels: list[bool]) -> None:
    """Label a given name behind a family name and a comma, MUELLER, ANNA; and one in capitals before a given name."""
    for at in range(2, len(tokens)):
        name, comma, given = tokens[at - 2 : at + 1]
        if comma.word != b",":
            continue
        listed = _GIVEN if name.kind[:1] == b"A" else _UNLISTED
        behind = labels[at - 2] and given.kind[:1] == name.kind[:1] and given.kind[1:] in listed
        before = labels[at] and name.kind[:1] == b"U" and name.kind[1:] in _UNLISTED
        if behind or before:
            labels[at - 2] = labels[at - 1] = labels[at] = True


def _spans(tokens: Sequence[Token], labels: Sequence[bool]) -> Iterator[tuple[int, int]]:
    """Where labelled words stand together, without the signs around them."""
    first, last, place = -1, -1, 0
    for token, label in zip(tokens, labels, strict=True):
        if first >= 0 and not (label and token.start - place <= 1):  # two spaces: the next column
            if last - first > 1:
                yield first, last
            first = -1
        if label and token.word[:1].isalpha():
            first, last = (token.start if first < 0 else first), token.end
        place = token.end
    if last - first > 1 and first >= 0:
        yield first, last
