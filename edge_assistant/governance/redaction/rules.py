"""The rules: every TOML file of this folder, each for a language (`every.toml` for all), compiled when first needed.

A file has `[words]`, lists of phrases; `[pieces]`, parts of patterns; `[spoken]`, words of numbers; and `[[rule]]`s.
`{name}` in a pattern stands for a list or a piece; what is not ASCII is folded, as the texts are. A pattern is one of
RE2, which takes time linear in the text, whatever that is; its first group, or all of it, is the personal data. It
repeats nothing without an upper limit (a test looks at that): so a search looks only some hundred characters beyond
what it finds, and all searches of a text together take linear time.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from edge_assistant.governance.redaction.kinds import PiiKind
from edge_assistant.governance.redaction.transliteration import fold

FOLDER = Path(__file__).parent
_NAME = re.compile(r"\{([a-z_]+)\}")
_LABELS = ("birth", "card", "account", "id", "holder", "number", "plate", "user", "record", "phone", "mail", "named")
_JOINT = r"[ _.\-]{0,2}"  # between the words of a phrase


@dataclass(frozen=True, slots=True)
class Rule:
    """One way to find personal data.

    Attributes:
        kind: what it finds.
        pattern: of RE2, on bytes.
        group: of the pattern: the personal data.
        view: `written`; `digits`, where spelled numbers are digits; or `spoken`, the same if a number was spelled.
        check: what a value must pass, such as "card", see `checks.py`; `known`: to be found elsewhere; or empty.
        shrinks: whether a value that does not pass may do so without its last groups.
        unless: a pattern that must not stand in what the first one finds, such as labels of things; or none.
    """

    kind: PiiKind
    pattern: Any
    group: int
    view: str
    check: str
    shrinks: bool
    unless: Any


@dataclass(frozen=True, slots=True)
class NumberWords:
    """How numbers are spelled in words.

    Attributes:
        digits: digits by word: "oh" 0, "twenty" 20, "hundred" 00.
        times: how often the next digit is meant: "double" 2.
        marks: characters by word: "dash" -.
        ordinals: days by word: "first" 1.
        amounts: words that tell that an amount is meant and no digits are dictated.
        run: a pattern of RE2 for numbers one after another, at least two, as words or digits.
        token: one of them.
    """

    digits: Mapping[str, str]
    times: Mapping[str, int]
    marks: Mapping[str, str]
    ordinals: Mapping[str, str]
    amounts: frozenset[str]
    run: Any
    token: Any


@dataclass(frozen=True, slots=True)
class RedactionPatterns:
    """All that is known of personal data.

    Attributes:
        rules: where two find overlapping values, the first one says of what kind it is.
        spoken: numbers in words.
        months: their numbers by name and short name.
        no_names: words that are no part of a name, whatever stands before them; lower case.
        shy: names that are other words too; lower case.
        said: words for the signs of an e-mail address.
        labels: words of forms behind which values stand, and which are no names themselves; lower case, without spaces.
        attributes: attributes of verdicts whose values are personal data, and of what kind; lower case.
    """

    rules: tuple[Rule, ...]
    spoken: NumberWords
    months: Mapping[str, str]
    no_names: frozenset[str]
    shy: frozenset[str]
    said: frozenset[str]
    labels: frozenset[str]
    attributes: Mapping[str, PiiKind]


@cache
def shipped() -> RedactionPatterns:
    """The rules that come with the product."""
    return load(FOLDER)


def load(folder: Path) -> RedactionPatterns:
    """The rules of all files of a folder, in the order of their names.

    Raises:
        ValueError: a pattern is none.
    """
    tables = [tomllib.loads(fold(path.read_text("utf-8"))) for path in sorted(folder.glob("*.toml"))]
    rules = [(int(found.get("rank", 1)), _rule(found, table)) for table in tables for found in table.get("rule", ())]
    return RedactionPatterns(
        tuple(rule for _, rule in sorted(rules, key=lambda ranked: ranked[0])),
        _spoken([table["spoken"] for table in tables if "spoken" in table]),
        _meant(tables, "months"),
        _listed(tables, "no_names"),
        _listed(tables, "shy"),
        _listed(tables, "said"),
        frozenset(
            phrase.casefold().replace(" ", "")
            for table in tables
            for name in _LABELS
            for phrase in table.get("words", {}).get(name, ())
        ),
        {attribute: PiiKind[kind.upper()] for attribute, kind in _meant(tables, "attributes").items()},
    )


def compiled(pattern: str) -> Any:  # noqa: ANN401 - the library has no types
    """A pattern of RE2 over ASCII bytes.

    Raises:
        ValueError: it is none.
    """
    import re2

    options = re2.Options()
    options.log_errors = False
    try:
        return re2.compile(pattern.encode("ascii"), options)
    except re2.error as error:
        raise ValueError(f"{pattern!r} is not a pattern: {error}") from None


compiled_once = cache(compiled)
"""As `compiled`, for a pattern of our own, and remembered."""


def _rule(found: Mapping[str, Any], table: Mapping[str, Any]) -> Rule:
    filled = _filled(table)
    made = compiled(filled(found["pattern"]))
    unless = compiled(filled(found["unless"])) if "unless" in found else None
    kind, view = PiiKind[found["kind"].upper()], found.get("view", "written")
    return Rule(kind, made, min(made.groups, 1), view, found.get("check", ""), found.get("shrinks", False), unless)


def _filled(table: Mapping[str, Any]) -> Callable[[str], str]:
    """What puts lists and pieces of a file into a pattern; a piece may have others in it."""
    pieces = dict(table.get("pieces", {}))
    for name, phrases in table.get("words", {}).items():
        pieces[name] = _either(phrases)

    def filled(pattern: str) -> str:
        return _NAME.sub(lambda match: filled(pieces[match[1]]), pattern)

    return filled


def _either(phrases: list[str]) -> str:
    """One of several phrases, the longest first; a space in them may be written as `_`, `-`, `. ` or not at all."""
    parts = (re.escape(phrase).replace("\\ ", _JOINT) for phrase in sorted(phrases, key=len, reverse=True))
    return f"(?:{'|'.join(parts)})"


def _listed(tables: Iterable[Mapping[str, Any]], name: str) -> frozenset[str]:
    return frozenset(word.casefold() for table in tables for word in table.get(name, ()))


def _meant(tables: Iterable[Mapping[str, Any]], name: str) -> dict[str, str]:
    """What each word means, from tables that list the words of each meaning."""
    return {word: meaning for table in tables for meaning, words in table.get(name, {}).items() for word in words}


def _spoken(tables: list[Mapping[str, Any]]) -> NumberWords:
    digits, times, marks = (_meant(tables, name) for name in ("digits", "times", "marks"))
    fillers = "|".join(sorted(word for table in tables for word in table["fillers"]))
    words = "|".join(sorted({*digits, *times, *marks}, key=len, reverse=True))
    gap = rf"[ ,.\-]{{1,3}}(?:(?:{fillers})[ ,.]{{1,2}})?"
    token = rf"(?:{words}|\d{{1,8}})\b"
    run, single = compiled(rf"(?i)\b{token}(?:{gap}{token})+"), compiled(rf"(?i)\b(?:{words})\b|\d{{1,8}}|[,.]")
    ordinals, amounts = _meant(tables, "ordinals"), _listed(tables, "amounts")
    return NumberWords(
        digits, {word: int(number) for word, number in times.items()}, marks, ordinals, amounts, run, single
    )
