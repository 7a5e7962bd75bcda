"""A domain: what a hospital or a plant adds, in one TOML file (docs/domains.md): names, examples, units, tolerances.

The file is checked entry by entry and merged over the tables that ship. It is written by others: nothing of it is ever
used as a pattern, and its size bounds what is built of it.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from importlib.resources import files
from pathlib import Path
from typing import Any, NoReturn

from edge_assistant.core import limits
from edge_assistant.core.errors import InputError, UsageError
from edge_assistant.core.signals import Kind as SignalKind
from edge_assistant.core.signals import printable, take_file
from edge_assistant.reasoning.rules.vocabulary import Vocabulary, build, shipped_tables
from edge_assistant_models import toml

MAX_BYTES = limits.DOMAIN_BYTES.value
MOST_EXAMPLES = 3  # each is read before every question
MOST_LINES = 12  # of an example
FOLDER = "domains"
MAX_CHARACTERS = 80  # of a name or a phrase; longer is a sentence, which nobody repeats word for word
MAX_WORDS = 8  # of a name or a phrase: what is searched for it grows with this
MAX_TEXT = 300  # characters of a description or a question
MAX_SHOWN = 40  # characters of an entry in a message
_NUMBER = re.compile(r"\d{1,15}(?:\.\d{1,15})?(?:/[1-9]\d{0,14})?")  # Fraction("1e999999999") would take all memory

_BARE = re.compile(r"[A-Za-z0-9_-]{1,30}")  # a key that TOML takes without quotes
_ABOUT = ("name", "description")  # of the file
_TABLES = ("names", "examples", "unit", "tolerance")

Tables = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Spot:
    """A place in a domain file, for messages: its name, the table or "", and the key in it or ""."""

    file: str
    table: str = ""
    entry: str = ""

    def at(self, entry: object) -> Spot:
        """An entry of the table."""
        return Spot(self.file, self.table, preview(entry))

    def inside(self, key: object) -> Spot:
        """A table within the table."""
        return Spot(self.file, f"{self.table}.{preview(key)}" if self.table else preview(key))

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
            self.refuse(f"'{preview(text)}' has capital letters", f"write '{preview(text.lower())}'; any case is found")
        if text != " ".join(text.split()) or len(text.split()) > MAX_WORDS:
            self.refuse(
                f"'{preview(text)}' is not a phrase of at most {MAX_WORDS} words",
                "shorten it, with single spaces between",
            )
        return text

    def number(self, value: object) -> str:
        """A number from 0 on, as `Fraction` reads it: 0.05, "5/9"."""
        text = str(value) if isinstance(value, int | float | str) and not isinstance(value, bool) else ""
        if text.startswith("-"):
            self.refuse(f"{preview(text)} is negative", "give 0 or more")
        if not _NUMBER.fullmatch(text):
            self.refuse("is no number", 'write it plainly: 0.05, or as a fraction in quotes: "5/9"')
        return text

    def one_of(self, text: str, known: Iterable[str], what: str) -> str:
        """A text that is one of those known."""
        known = list(known)
        if text not in known:
            self.refuse(f"'{preview(text)}' is no {what}", nearest(text, known))
        return text


def nearest(text: str, known: Iterable[str]) -> str:
    """What to do about a text that is not known: the nearest that is, or which there are."""
    known = list(known)
    close = difflib.get_close_matches(text, known, 1)
    if close:
        return f"did you mean '{close[0]}'?"
    return f"there are {', '.join(known)}" if len(known) <= MAX_WORDS * 2 else "see docs/domains.md"


def preview(text: object) -> str:
    """A key or value of unknown origin for a one-line message."""
    line = printable(str(text)[: MAX_SHOWN + 1])
    return f"{line[:MAX_SHOWN]}..." if len(line) > MAX_SHOWN else line


def _type(value: object) -> str:
    names = {bool: "true or false", int: "a number", float: "a number", list: "a list", dict: "a table", str: "a text"}
    return names.get(type(value), "a date or time")


def names() -> tuple[str, ...]:
    """The domains that ship with the product."""
    return tuple(sorted(Path(entry.name).stem for entry in (files(__package__) / FOLDER).iterdir()))


def load(given: str) -> Vocabulary:
    """The vocabulary of a domain.

    Args:
        given: the name of a domain that ships, else the path of a TOML file.

    Raises:
        UsageError: there is none, it is not TOML, or an entry of it cannot be used.
    """
    file, data = _read(given)
    try:
        tables = toml.parse(data)
    except ValueError as error:
        what = printable(str(error).splitlines()[0])
        raise UsageError(f"domain {file} is not TOML ({what})", "correct it, see docs/domains.md") from None
    return merge(tables, file)


def merge(domain: Mapping[str, Any], file: str) -> Vocabulary:
    """The shipped vocabulary with what the tables of a domain add to it.

    Args:
        domain: tables as TOML has them.
        file: the file's name, for messages.

    Raises:
        UsageError: an entry cannot be used.
    """
    tables = dict(shipped_tables())
    for table, value in domain.items():
        spot = Spot(file, preview(table))
        match table:
            case "name" | "description":
                Spot(file).at(table).text(value)
            case "names":
                tables[table] = _names(spot, spot.table_at(value))
            case "examples":
                tables[table] = _examples(spot, value)
            case "unit":
                tables[table] = _units(spot, tables[table], spot.table_at(value))
            case "tolerance":
                tables[table] = _tolerances(spot, tables[table], spot.table_at(value))
            case _:
                spot.refuse("there is no such table", nearest(table, (*_ABOUT, *_TABLES)))
    return build(tables)


def _read(given: str) -> tuple[str, bytes]:
    """The file's name and bytes."""
    if given in names():
        return f"{given}.toml", (files(__package__) / FOLDER / f"{given}.toml").read_bytes()
    try:
        signal = take_file(Path(given), SignalKind.TEXT, 1)
        data = signal.read()
    except InputError as error:
        hint = f"give a TOML file, or the name of one that ships: {', '.join(names())}"
        raise UsageError(f"domain {error.message}", hint) from None
    if len(data) > MAX_BYTES:
        raise UsageError(
            f"domain {signal.name} has {len(data):,} bytes, over the limit of {MAX_BYTES:,}",
            "leave out what the questions of the domain do not need",
        )
    return signal.name, data


# ---- names and examples


def _names(spot: Spot, given: Mapping[str, object]) -> Tables:
    """Each name with the others for the same thing; none stands for two things."""
    known: dict[str, str] = {}
    for name, value in given.items():
        spot.at(name).name(name)
        others = [spot.at(name).name(other) for other in spot.at(name).texts(value)]
        for each in (name, *others):
            if known.setdefault(each, name) != name:
                spot.at(name).refuse(
                    f"'{preview(each)}' is a name of '{preview(known[each])}', too", "take another name"
                )
    return dict(given)


def _examples(spot: Spot, given: object) -> list[Tables]:
    """Sources with questions and their answers."""
    if not isinstance(given, list) or not all(isinstance(entry, dict) for entry in given):
        spot.refuse("is not a list of tables", "write [[examples]], lines and asked below it, see docs/domains.md")
    if len(given) > MOST_EXAMPLES:
        spot.refuse(f"has {len(given)} entries, over the limit of {MOST_EXAMPLES}", "keep those that differ most")
    for entry in given:
        for key in entry:
            spot.at(key).one_of(key, ("lines", "asked"), "key of an example")
        lines = spot.at("lines").texts(entry.get("lines", []))
        if not 0 < len(lines) <= MOST_LINES:
            spot.at("lines").refuse(f"has {len(lines)} lines", f"give 1 to {MOST_LINES} lines of a source")
        asked = entry.get("asked", [])
        pairs = [spot.at("asked").texts(pair) for pair in asked] if isinstance(asked, list) else []
        if not pairs or any(len(pair) != 2 for pair in pairs):
            spot.at("asked").refuse("is not a list of pairs", 'write asked = [["question", "answer"], ...]')
    return given


# ---- units


def _units(spot: Spot, known: Tables, given: Mapping[str, object]) -> Tables:
    tables = dict(known)
    for unit, value in given.items():
        inside = spot.inside(unit if _BARE.fullmatch(unit) else f'"{preview(unit)}"')
        inside.text(unit, MAX_CHARACTERS)
        entry = inside.table_at(value)
        tables[unit] = _more_writings(inside, known[unit], entry) if unit in known else _new_unit(inside, entry)
        _check_written(inside, unit, tables)
    return tables


def _more_writings(spot: Spot, known: Tables, given: Mapping[str, object]) -> Tables:
    for key in given:
        if key != "written":
            spot.at(key).refuse("may not be changed", "give a known unit further writings only, or define another unit")
    added = spot.at("written").texts(given.get("written", []))
    return known | {"written": [*known["written"], *(text for text in added if text not in known["written"])]}


def _new_unit(spot: Spot, given: Mapping[str, object]) -> Tables:
    for key in given:
        spot.at(key).one_of(key, ("dimension", "size", "zero", "written"), "key of a unit")
    entry: Tables = {"written": spot.at("written").texts(given.get("written", []))}
    if not entry["written"]:
        spot.at("written").refuse("is missing", 'say how the unit is written and spoken: written = ["..."]')
    if "dimension" in given:
        entry["dimension"] = spot.at("dimension").text(given["dimension"], MAX_CHARACTERS)
        entry["size"] = spot.at("size").number(given.get("size", "?"))
        if Fraction(entry["size"]) == 0:
            spot.at("size").refuse("is 0", "say how many base units of the dimension one is")
        entry["zero"] = spot.at("zero").number(given.get("zero", 0))
    elif "size" in given or "zero" in given:
        spot.refuse("has a size and no dimension", "say what it measures: dimension = 'mass'")
    return entry


def _check_written(spot: Spot, unit: str, tables: Tables) -> None:
    """That no writing is another unit's, and each is found: those of more than a letter are looked up in small ones."""
    for text in tables[unit]["written"]:
        others = [name for name, entry in tables.items() if text in entry["written"] and name != unit]
        if others:
            spot.at("written").refuse(f"'{preview(text)}' is how '{others[0]}' is written", "take another writing")
        if text != text.lower() and len(text) > 1 and text.lower() not in tables[unit]["written"]:
            spot.at("written").refuse(f"'{preview(text)}' has capital letters", f"add '{preview(text.lower())}'")


# ---- tolerances


def _tolerances(spot: Spot, known: Tables, given: Mapping[str, object]) -> Tables:
    tables = dict(known)
    for name, value in given.items():
        inside = spot.inside(name)
        inside.one_of(name, known, "rule of tolerance")
        entry = dict(known[name])
        for key, item in inside.table_at(value).items():
            at = inside.at(key)
            at.one_of(key, ("share", "least", "half_units", "means"), "key of a tolerance")
            entry[key] = at.text(item) if key == "means" else at.number(item)
            if key == "half_units" and not entry[key].isdigit():
                at.refuse("is not a whole number", "give halves of a unit in the last place: 1 for rounding")
        tables[name] = entry | {"half_units": int(entry.get("half_units", 0))}
    return tables
