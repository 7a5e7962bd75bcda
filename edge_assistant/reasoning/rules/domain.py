"""A domain: what a hospital or a plant adds, in one TOML file (docs/domains.md): names, examples, units, tolerances.

The file is checked entry by entry and merged over the tables that ship. It is written by others: nothing of it is ever
used as a pattern, and its size bounds what is built of it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from fractions import Fraction
from importlib.resources import files
from pathlib import Path
from typing import Any

from edge_assistant.core import limits
from edge_assistant.core.errors import InputError, UsageError
from edge_assistant.core.signals import Kind as SignalKind
from edge_assistant.core.signals import printable, take_file
from edge_assistant.reasoning.rules.spots import MAX_CHARACTERS, Spot, nearest, shown
from edge_assistant.reasoning.rules.vocabulary import Vocabulary, build, shipped_tables
from edge_assistant_models import toml

MAX_BYTES = limits.DOMAIN_BYTES.value
MOST_EXAMPLES = 3  # each is read before every question
MOST_LINES = 12  # of an example
FOLDER = "domains"

_BARE = re.compile(r"[A-Za-z0-9_-]{1,30}")  # a key that TOML takes without quotes
_ABOUT = ("name", "description")  # of the file
_TABLES = ("names", "examples", "unit", "tolerance")

Tables = dict[str, Any]


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
    return merged(_parsed(file, data), file)


def merged(domain: Mapping[str, Any], file: str) -> Vocabulary:
    """The shipped vocabulary with what the tables of a domain add to it.

    Args:
        domain: tables as TOML has them.
        file: the file's name, for messages.

    Raises:
        UsageError: an entry cannot be used.
    """
    tables = dict(shipped_tables())
    for table, value in domain.items():
        spot = Spot(file, shown(table))
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


def _parsed(file: str, data: bytes) -> Tables:
    try:
        return toml.parse(data)
    except ValueError as error:
        what = printable(str(error).splitlines()[0])
        raise UsageError(f"domain {file} is not TOML ({what})", "correct it, see docs/domains.md") from None


# ---- names and examples


def _names(spot: Spot, given: Mapping[str, object]) -> Tables:
    """Each name with the others for the same thing; none stands for two things."""
    known: dict[str, str] = {}
    for name, value in given.items():
        spot.at(name).name(name)
        others = [spot.at(name).name(other) for other in spot.at(name).texts(value)]
        for each in (name, *others):
            if known.setdefault(each, name) != name:
                spot.at(name).refuse(f"'{shown(each)}' is a name of '{shown(known[each])}', too", "take another name")
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
        inside = spot.inside(unit if _BARE.fullmatch(unit) else f'"{shown(unit)}"')
        inside.text(unit, MAX_CHARACTERS)
        entry = inside.table_at(value)
        tables[unit] = _more_writings(inside, known[unit], entry) if unit in known else _new_unit(inside, entry)
        _check_written(inside, unit, tables)
    return tables


def _more_writings(spot: Spot, known: Tables, given: Mapping[str, object]) -> Tables:
    for key in given:
        if key != "written":
            spot.at(key).refuse("may not be changed", "give a known unit further writings only, or define another unit")
    return known | {"written": _added(known["written"], spot.at("written").texts(given.get("written", [])))}


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
            spot.at("written").refuse(f"'{shown(text)}' is how '{others[0]}' is written", "take another writing")
        if text != text.lower() and len(text) > 1 and text.lower() not in tables[unit]["written"]:
            spot.at("written").refuse(f"'{shown(text)}' has capital letters", f"add '{shown(text.lower())}'")


def _added(known: list[str], more: list[str]) -> list[str]:
    return [*known, *(text for text in more if text not in known)]


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
