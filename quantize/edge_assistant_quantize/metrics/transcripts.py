"""Transcripts compared: the same words are equal, however they are written down, and edits are counted by jiwer.

Punctuation and case go, units are written out, and every number becomes its digits one by one, so that `38.40`,
`thirty eight forty` and `thirty-eight point four zero` are alike, and so are `9th` and `ninth`.
"""

from __future__ import annotations

import re
import tomllib
from importlib import resources
from typing import Any

from edge_assistant_quantize.errors import ToolMissing

_WORDS = tomllib.loads((resources.files(__package__) / "words.toml").read_text("utf-8"))
ONES, TENS, ORDINALS, MONTHS, WEEKDAYS, NEGATIONS = (
    tuple(_WORDS[key].split()) for key in ("ones", "tens", "ordinals", "months", "weekdays", "negations")
)
_VALUES = (
    {word: value for value, word in enumerate(ONES)}
    | {word: 20 + 10 * i for i, word in enumerate(TENS)}
    | {word: min(value, 20) if value < 21 else 30 for value, word in enumerate(ORDINALS, 1)}
)
_MULTIPLES = {"hundred": 100, "thousand": 1000}
_WRITTEN_OUT: dict[str, str] = _WORDS["written_out"]
_MONEY = re.compile(r"([$£€])\s?(\d[\d,]*)(?:\.(\d\d))?")
_DATE = re.compile(rf"\b(?:the )?((?:\d )+)of (?=(?:{'|'.join(MONTHS)})\b)")
_TOKEN = re.compile(r"%|\d+|[^\W\d_]+(?:'[^\W\d_]+)*")


def normalised(text: str) -> str:
    """Words of a transcript as they are compared.

    >>> normalised("It's $34.80, on the 9th of May, 1971.")
    'its 3 4 dollars 8 0 cents on 9 may 1 9 7 1'
    >>> normalised("It's thirty-four dollars and eighty cents, on the ninth of May, nineteen seventy one.")
    'its 3 4 dollars 8 0 cents on 9 may 1 9 7 1'
    >>> normalised("...")
    ''
    """
    text = re.sub(r"(?<=\d),(?=\d{3})", "", text.replace("’", "'"))
    text = _MONEY.sub(_spoken_money, text)
    text = re.sub(r"(?<=\d)(?:st|nd|rd|th)\b", "", text, flags=re.IGNORECASE)
    text = re.sub(r"\b([ap])\.m\.", r"\1m", text, flags=re.IGNORECASE)
    words = [word.replace("'", "").lower() for word in _TOKEN.findall(text)]
    return _DATE.sub(r"\1", " ".join(_digits([_WRITTEN_OUT.get(word, word) for word in words])))


def _spoken_money(found: re.Match[str]) -> str:
    sign, whole, cents = found.groups()
    return f"{whole} {_WRITTEN_OUT[sign]}" + (f" {cents} cents" if cents else "")


def _digits(words: list[str]) -> list[str]:
    """Number words and numerals as single digits; `and` before a number and `point` between two go."""
    result: list[str] = []
    value: int | None = None  # of the numbers since the last other word
    linked = False  # whether `and` came before this word
    for word, following in zip(words, [*words[1:], ""], strict=False):  # of no words there is no last
        if word == "and" and _is_number(following):
            linked = True
            continue
        joined = _joined(value, word, linked)
        if joined is None:
            if value is not None:
                result += str(value)
            if not _is_number(word) and not (word == "point" and _is_number(following)):
                result.append(word)
            elif word.isdecimal() and word.startswith("0"):  # as in 10:05
                result += word[: len(word) - len(word.lstrip("0"))]
        value, linked = _value(word) if joined is None else joined, False
    return result + list(str(value) if value is not None else "")


def _value(word: str) -> int | None:
    if word.isdecimal():
        return int(word) if word.strip("0") else None
    return _VALUES.get(word)


def _is_number(word: str) -> bool:
    return word.isdecimal() or word in _VALUES


def _joined(value: int | None, word: str, linked: bool = False) -> int | None:
    """The number that a further word makes of one: `forty` and `two`, `three` and `hundred`; None if it makes none.

    Numerals are joined only where they are linked, as `300 and 61` is.

    >>> _joined(40, "two"), _joined(3, "hundred"), _joined(300, "forty"), _joined(38, "forty"), _joined(19, "nine")
    (42, 300, 340, None, None)
    >>> _joined(300, "61", linked=True), _joined(300, "61"), _joined(84002, "hundred")
    (361, None, 84200)
    """
    if not value or (word.isdecimal() and not linked):
        return None
    if word == "hundred" and value > 1000 and 0 < value % 1000 < 10:
        return value + 99 * (value % 1000)
    if word in _MULTIPLES and value < _MULTIPLES[word]:
        return value * _MULTIPLES[word]
    more = _value(word) or 0
    fits = (value % 100 == 0 and 0 < more < 100) or (value % 100 >= 20 and value % 10 == 0 and 0 < more < 10)
    return value + more if fits else None


def edit_counter() -> Any:  # noqa: ANN401 - a module
    """The library jiwer.

    Raises:
        ToolMissing: it is not installed.
    """
    try:
        import jiwer
    except ImportError:
        hint = "install it: pip install 'edge-assistant-offline[quantize]'"
        raise ToolMissing("jiwer, which counts edits, is not installed", hint) from None
    return jiwer


def word_edits(truth: str, heard: str) -> tuple[int, int]:
    """Words substituted, inserted and deleted, and the words of the truth.

    >>> word_edits("the pressure is four bar", "a pressure is for a bar")
    (3, 5)
    >>> word_edits("", "what was that"), word_edits("the pressure", "")
    ((3, 0), (2, 2))
    """
    words = len(truth.split())  # jiwer refuses none before version 4
    return _changed(edit_counter().process_words(truth, heard)) if words else len(heard.split()), words


def character_edits(truth: str, read: str) -> tuple[int, int]:
    """Characters substituted, inserted and deleted, and the characters of the truth.

    >>> character_edits("TOTAL 12.40", "T0TAL 12.4"), character_edits("TOTAL", " ")
    ((2, 11), (5, 5))
    """
    signs = len(truth.strip())
    return _changed(edit_counter().process_characters(truth, read)) if signs else len(read.strip()), signs


def _changed(found: Any) -> int:  # noqa: ANN401 - of the library
    return int(found.substitutions + found.insertions + found.deletions)
