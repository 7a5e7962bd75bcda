"""What is made of letters and digits: serial numbers, rooms, telephone numbers, as written and as read out."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from edge_assistant.reasoning.rules.vocabulary import Vocabulary, vocabulary, word_pattern
from edge_assistant.reasoning.values.days import days
from edge_assistant.reasoning.values.numerals import number_words, spoken_digits
from edge_assistant.reasoning.values.spans import ValueSpan, alternatives, leftmost_longest, non_overlapping
from edge_assistant.reasoning.values.values import Identifier, Telephone

_SHORTEST, _LONGEST = 5, 17  # digits of a telephone number; E.164 allows 15, and an extension follows
_LONGEST_CODE = 40
_MOST_PARTS = 24  # of one identifier that is read out
_TELEPHONE = re.compile(r"(?<![\w.,/])\+?\(?\d(?:[ ./()-]{0,3}\d){4,19}(?![\w/]|[.,]\d)")
_SHORT = 3  # letters and digits of the beginning of a code: "E4. 2864"
_NO_CODES = frozenset({"OK", "AM", "PM", "TV", "A", "I"})  # in capitals, but before a pause and a number no code
_WRITTEN = re.compile(r"(?<![\w])#?(?=[\w/.-]{0,40}\d)[^\W_]+(?:[-/._][^\W_]+)*(?![\w])")


def telephones(text: str) -> Iterator[ValueSpan]:
    """Find telephone numbers, with spaces and dashes or read out: "oh seven seven double four"."""
    found = [*_written_telephones(text), *_spoken_telephones(text)]
    yield from non_overlapping(leftmost_longest(found), days(text))


def _written_telephones(text: str) -> Iterator[ValueSpan]:
    for match in _TELEPHONE.finditer(text):
        digits = re.sub(r"[^\d+]", "", match[0].replace("(0)", ""))
        if _SHORTEST <= len(digits.lstrip("+")) <= _LONGEST:
            yield ValueSpan(match[0], Telephone(re.sub("^00", "+", digits)), *match.span())  # of a country's code


def _spoken_telephones(text: str) -> Iterator[ValueSpan]:
    for match in _read_out().finditer(text):
        digits = spoken_digits(re.sub(r"[\s,.-]+", " ", match["digits"]))
        if digits and _SHORTEST <= len(digits) <= _LONGEST:
            yield ValueSpan(match[0], Telephone(("+" if match["plus"] else "") + digits), *match.span())


def identifiers(text: str) -> Iterator[ValueSpan]:
    """Find what can be a serial number, a batch, a room: what has a digit, and letters and digits that are read out."""
    written = (ValueSpan(m[0], Identifier(code(m[0])), *m.span()) for m in _WRITTEN.finditer(text))
    dates = {at for day in days(text) for at in range(day.start, day.end)}
    for found in leftmost_longest([*_spelled_codes(text), *written]):
        if not dates.issuperset((found.start, found.end - 1)):
            yield found


def code(text: str) -> str:
    """Letters and digits as they are compared: in upper case, without what separates them.

    >>> code("ab-47 / 3"), code("№ 12")
    ('AB473', '12')
    """
    return "".join(character for character in text.upper() if character.isalnum())


def _spelled_codes(text: str) -> Iterator[ValueSpan]:
    """Letters and digits one after another: "A B four seven", "AB 47", "bravo twelve", "B as in bravo"."""
    past = 0
    for match in _spelled_out().finditer(text):
        if match.start() < past:
            continue
        parts = list(_part().finditer(text, *match.span()))
        while parts and (parts[0][0] in ("a", "I") or parts[0]["separator"]):  # an article, a pronoun
            parts = parts[1:]
        while more := _behind_pause(text, parts):
            parts += _part().finditer(text, *more.span("digits"))
        said = _join(parts)
        if re.search(r"\d", said) and len(said) <= _LONGEST_CODE and not _is_word(parts):
            start, end = parts[0].start(), parts[-1].end()
            past = end
            yield ValueSpan(
                text[start:end].rstrip(","), Identifier(code(said)), start, end - text[start:end].endswith(",")
            )


def _is_word(parts: Sequence[re.Match[str]]) -> bool:
    """Whether a lone part is no digit: "this one", "oh", blood group O; words of the list are zero among digits."""
    known = vocabulary()
    alone = parts[0][0].lower() if len(parts) == 1 else ""
    return alone == "one" or (alone in known.words["zero"] and alone not in known.numbers)


def _behind_pause(text: str, parts: Sequence[re.Match[str]]) -> re.Match[str] | None:
    """The digits that go on with an identifier that has a letter.

    Behind a full stop they do so only with a short one, two digits only with a long one.
    """
    lettered = any(part["letter"] or part["capitals"] or part["spelt"] or part["mixed"] for part in parts)
    if not lettered or "".join(part[0] for part in parts) in _NO_CODES:
        return None
    so_far = code(_join(parts))
    more = _paused().match(text, parts[-1].end())
    if more is None or (more["stop"] and len(so_far) > _SHORT):
        return None
    return more if len(so_far) > _SHORT or not re.fullmatch(r"\d\d", more["digits"]) else None


def _join(parts: Sequence[re.Match[str]]) -> str:
    """What the parts of an identifier stand for one after another; "twenty three" is 23 and not 203."""
    said, numbers = "", list[str]()
    for part in parts:
        letter = part[0] == "O" and said[-1:].isalpha() and part.string[part.end() :].startswith((",", "-"))
        if part["number"] and not letter:  # "W O, seven four": letters, then digits
            numbers.append(part[0])
            continue
        said += spoken_digits(" ".join(numbers)) or "" if numbers else ""
        numbers = []
        said += part["spelt"] or ("" if part["separator"] else vocabulary().spelling.get(part[0].lower(), part[0]))
    return said + (spoken_digits(" ".join(numbers)) or "" if numbers else "")


@word_pattern
def _read_out(vocabulary: Vocabulary) -> str:
    zero, repeats = alternatives(vocabulary.words["zero"]), alternatives(vocabulary.repeats)
    digit = rf"(?:{number_words()}|{zero}|{repeats}|\d{{1,12}})"
    return rf"\b(?P<plus>plus )?(?P<digits>{digit}(?:(?:[ -]|[,.] ){digit}\b){{2,19}})(?![\w/]|[.,]\d)"


def _parts(vocabulary: Vocabulary) -> str:
    """One part of an identifier that is read out; a letter may be explained by a word."""
    words = {word for word, number in vocabulary.numbers.items() if number < 1000} | vocabulary.words["zero"]
    number = rf"(?:(?:{alternatives(vocabulary.repeats)}) (?:{alternatives(words)}|\d)|{alternatives(words)})"
    return (
        rf"(?:(?P<spelt>[^\W\d_]),? (?:as in|for|like) [^\W\d_]{{2,20}},?|(?P<number>{number})"
        rf"|(?P<word>{alternatives(vocabulary.spelling)})|(?P<separator>dash|hyphen|slash|stroke|-|/)"
        rf"|(?P<digits>\d{{1,20}})|(?P<mixed>(?=[^\W_]{{0,19}}\d)[^\W_]{{2,20}})|(?P<capitals>(?-i:[A-Z]{{1,4}}))|(?P<letter>[^\W\d_]))"
    )


_part = word_pattern(lambda known: rf"(?<![^\W_]){_parts(known)}(?![^\W_])")


@word_pattern
def _paused(vocabulary: Vocabulary) -> str:
    """Digits behind a pause in an identifier, and nothing that they count: "B one, two six nine one"."""
    words = {word for word, number in vocabulary.numbers.items() if number < 100} | vocabulary.words["zero"]
    number = rf"(?:(?:{alternatives(vocabulary.repeats)}) )?(?:{alternatives(words)})"
    return (
        rf"(?:,|(?P<stop>\.))\s(?P<digits>{number}(?: {number})+|\d(?: \d)+|(?!(?:19|20)\d\d\b)\d{{2,8}})"
        r"(?=\s*(?:$|[.,;!?)]|\n)|,?\s(?:and|is|was|that|that's|no)\b)"
    )


@word_pattern
def _spelled_out(vocabulary: Vocabulary) -> str:
    unnamed = re.sub(r"\(\?P<\w+>", "(?:", _parts(vocabulary))
    return rf"(?<![^\W_])(?<![/'’]){unnamed}(?![^\W_])(?:[ -]{{1,2}}{unnamed}(?![^\W_]|[.,]\d)){{0,{_MOST_PARTS}}}"
