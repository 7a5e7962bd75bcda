"""Places in a domain file, and what a text, a name and a number in them look like."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NoReturn

from edge_assistant.core.errors import UsageError
from edge_assistant.core.signals import printable

MAX_CHARACTERS = 80  # of a name or a phrase; longer is a sentence, which nobody repeats word for word
MAX_WORDS = 8  # of a name or a phrase: what is searched for it grows with this
MAX_TEXT = 300  # characters of a description or a question
MAX_SHOWN = 40  # characters of an entry in a message

_NUMBER = re.compile(r"\d{1,15}(?:\.\d{1,15})?(?:/[1-9]\d{0,14})?")  # Fraction("1e999999999") would take all memory


@dataclass(frozen=True, slots=True)
class Spot:
    """A place in a domain file, for messages.

    Attributes:
        file: its name.
        table: the table, or "".
        entry: the key in it, or "".
    """

    file: str
    table: str = ""
    entry: str = ""

    def at(self, entry: object) -> Spot:
        """An entry of the table."""
        return Spot(self.file, self.table, shown(entry))

    def inside(self, key: object) -> Spot:
        """A table within the table."""
        return Spot(self.file, f"{self.table}.{shown(key)}" if self.table else shown(key))

    def refuse(self, what: str, hint: str) -> NoReturn:
        """Say what is wrong here and what to do.

        Raises:
            UsageError: always.
        """
        place = " ".join(part for part in (f"[{self.table}]" if self.table else "", self.entry) if part)
        raise UsageError(f"{self.file}: {place}: {what}" if place else f"{self.file}: {what}", hint)

    def table_at(self, value: object) -> dict[str, object]:
        """A table that is one, with keys that are texts as TOML has them."""
        if not isinstance(value, dict):
            self.refuse("is not a table", f"write [{self.table}] and its entries below it, see docs/domains.md")
        return value

    def text(self, value: object, limit: int = MAX_TEXT) -> str:
        """A text of one line."""
        if not isinstance(value, str):
            self.refuse(f"is {_type(value)} and should be a text", 'put it in quotes: "..."')
        if not value.strip():
            self.refuse("is empty", "write something, or leave the entry out")
        if len(value) > limit or not value.isprintable():
            self.refuse(f"is not a text of one line of at most {limit} characters", "shorten it")
        return value

    def texts(self, value: object) -> list[str]:
        """A list of texts."""
        if not isinstance(value, list):
            self.refuse(f"is {_type(value)} and should be a list of texts", 'put it in brackets: ["..."]')
        return [self.text(item, MAX_CHARACTERS) for item in value]

    def name(self, text: str) -> str:
        """A name, which is compared by its letters and digits alone: "k+", "weight (kg)"."""
        text = self.text(text, MAX_CHARACTERS)
        if text != text.lower():
            self.refuse(f"'{shown(text)}' has capital letters", f"write '{shown(text.lower())}'; any case is found")
        if text != " ".join(text.split()) or len(text.split()) > MAX_WORDS:
            self.refuse(
                f"'{shown(text)}' is not a phrase of at most {MAX_WORDS} words",
                "shorten it, with single spaces between",
            )
        return text

    def number(self, value: object) -> str:
        """A number from 0 on, as `Fraction` reads it: 0.05, "5/9"."""
        text = str(value) if isinstance(value, int | float | str) and not isinstance(value, bool) else ""
        if text.startswith("-"):
            self.refuse(f"{shown(text)} is negative", "give 0 or more")
        if not _NUMBER.fullmatch(text):
            self.refuse("is no number", 'write it plainly: 0.05, or as a fraction in quotes: "5/9"')
        return text

    def one_of(self, text: str, known: Iterable[str], what: str) -> str:
        """A text that is one of those known."""
        known = list(known)
        if text not in known:
            self.refuse(f"'{shown(text)}' is no {what}", nearest(text, known))
        return text


def nearest(text: str, known: Iterable[str]) -> str:
    """What to do about a text that is not known: the nearest that is, or which there are."""
    known = list(known)
    close = difflib.get_close_matches(text, known, 1)
    if close:
        return f"did you mean '{close[0]}'?"
    return f"there are {', '.join(known)}" if len(known) <= MAX_WORDS * 2 else "see docs/domains.md"


def shown(text: object) -> str:
    """A key or value of unknown origin for a one-line message."""
    line = printable(str(text)[: MAX_SHOWN + 1])
    return f"{line[:MAX_SHOWN]}..." if len(line) > MAX_SHOWN else line


def _type(value: object) -> str:
    names = {bool: "true or false", int: "a number", float: "a number", list: "a list", dict: "a table", str: "a text"}
    return names.get(type(value), "a date or time")
