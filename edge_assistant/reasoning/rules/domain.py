"""A domain: what a hospital or a plant adds to the vocabulary, in one TOML file (docs/domains.md).

The file is checked entry by entry and merged over the tables that ship: lists are added to, single values replaced. It
is written by others: nothing of it is ever used as a pattern, and its size bounds what is built of it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from fractions import Fraction
from importlib.resources import files
from pathlib import Path
from typing import Any

from edge_assistant import limits
from edge_assistant.errors import InputError, UsageError
from edge_assistant.reasoning.attributes import phrase
from edge_assistant.reasoning.rules.domaintable import FIXED, MAX_CHARACTERS, RULES, Kind, Rule, Spot, nearest, shown
from edge_assistant.reasoning.rules.vocabulary import NONE, PLACES, VALUE, Vocabulary, build, shipped_tables, within
from edge_assistant.reasoning.values.candidates import FINDERS
from edge_assistant.signals import Kind as SignalKind
from edge_assistant.signals import printable, take_file
from edge_assistant_models import toml

MAX_BYTES = limits.DOMAIN_BYTES.value
FOLDER = "domains"

_BARE = re.compile(r"[A-Za-z0-9_-]{1,30}")  # a key that TOML takes without quotes

Tables = dict[str, Any]

_PHRASES = ("names", "labels", "asked", "told")  # of an attribute
_KEYS = ("value", *_PHRASES, "without", "units", "question", "per", "general", "adverse", "instead")  # of an attribute
_ABOUT = ("name", "description")  # of the file
_LESS = "without"  # what is taken away from the tables that ship
_OF_THEIR_OWN = frozenset({"attributes", "unit", "tolerance", "examples"})  # tables of tables, with keys of their own
_FIRST = {"unit": 0, "attributes": 1}  # what other tables refer to comes before them


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
    if _LESS in domain:
        tables = _less(Spot(file, _LESS), "", tables, domain[_LESS])
    for table in sorted(domain, key=lambda table: _FIRST.get(table, len(_FIRST))):
        spot, value = Spot(file, shown(table)), domain[table]
        if table == _LESS:
            continue
        if table in _ABOUT:
            Spot(file).at(table).text(value)
        elif table not in tables or table in FIXED:
            _refuse_table(spot, table, tables)
        elif table == "unit":
            tables[table] = _units(spot, tables[table], spot.table_at(value))
        elif table == "attributes":
            tables[table] = _attributes(spot, tables, spot.table_at(value))
        elif table == "examples":
            tables[table] = _examples(spot, tables, spot.table_at(value))
        elif table == "tolerance":
            tables[table] = _tolerances(spot, tables[table], spot.table_at(value))
        else:
            tables[table] = _table(spot, table, tables[table], spot.table_at(value), tables)
    vocabulary = build(tables)
    with within(vocabulary):
        _check_told_apart(Spot(file, "attributes"), vocabulary, domain.get("attributes", {}))
    return vocabulary


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


def _refuse_table(spot: Spot, table: str, tables: Tables) -> None:
    if table in FIXED:
        spot.refuse("is the same in every domain", "leave it out; how numbers and times are said is of the language")
    open_ones = sorted({*_ABOUT, _LESS, *tables} - FIXED)
    spot.refuse("there is no such table", nearest(table, open_ones))


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


# ---- attributes


def _attributes(spot: Spot, tables: Tables, given: Mapping[str, object]) -> Tables:
    known = dict(tables["attributes"])
    for key, value in given.items():
        inside = spot.inside(key)
        inside.key(key)
        known[key] = _attribute(inside, known.get(key, {}), inside.table_at(value), tables)
    for key in given:  # one may name another that stands further below
        _check_instead(spot.inside(key).at("instead"), key, known)
    return known


def _attribute(spot: Spot, known: Tables, given: Mapping[str, object], tables: Tables) -> Tables:
    entry = dict(known)
    for key, value in given.items():
        at = spot.at(key)
        at.one_of(key, _KEYS, "key of an attribute")
        if key in _PHRASES:
            entry[key] = _added(known.get(key, []), [_name(at, text) for text in at.texts(value)])
        elif key == "units":
            entry[key] = _added(known.get(key, []), [_unit(at, text, tables) for text in at.texts(value)])
        elif key == "value":
            entry[key] = at.one_of(at.text(value), FINDERS, "type of value")
        elif key == "per":
            entry[key] = at.word(at.text(value))
        elif key == "question":
            entry[key] = at.text(value)
        elif key in ("general", "adverse"):
            entry[key] = _truth(at, value)
        elif key == "instead":
            entry[key] = _added(known.get(key, []), at.texts(value))
    entry = _without(spot.at("without"), entry, given.get("without", []))
    if "value" not in entry:
        spot.at("value").refuse("is missing", f"say the type of its values: {', '.join(FINDERS)}")
    if not entry.get("names"):
        spot.at("names").refuse("is missing", 'say what it is called: names = ["..."]')
    return entry


def _truth(spot: Spot, value: object) -> bool:
    if not isinstance(value, bool):
        spot.refuse("is neither true nor false", "write true or false, without quotes")
    return value


def _check_instead(spot: Spot, key: str, attributes: Tables) -> None:
    """That what answers instead of an attribute is there, and is another."""
    for other in attributes[key].get("instead", ()):
        spot.one_of(other, attributes, "attribute")
        if other == key:
            spot.refuse(f"'{shown(other)}' is the attribute itself", "name others that answer for it")


def _name(spot: Spot, text: str) -> str:
    """A name or phrase of which something is left when it is compared by its words."""
    if not phrase(spot.name(text)):
        spot.refuse(f"'{shown(text)}' has no letter or digit", "write it in words")
    return text


def _without(spot: Spot, entry: Tables, value: object) -> Tables:
    """An attribute without names that the domain uses otherwise."""
    taken = {phrase(spot.name(text)): text for text in spot.texts(value)}
    had = {phrase(text) for key in _PHRASES for text in entry.get(key, ())}
    for words, text in taken.items():
        if words not in had:
            spot.refuse(f"'{shown(text)}' is no name of it", nearest(text, entry.get("names", ())))
    kept = {key: [text for text in entry[key] if phrase(text) not in taken] for key in _PHRASES if key in entry}
    return {key: item for key, item in (entry | kept).items() if key != "without"}


def _check_told_apart(spot: Spot, vocabulary: Vocabulary, given: Mapping[str, object]) -> None:
    """That no name means two attributes whose values have the same type: nothing could tell which is meant."""
    meant: dict[tuple[object, str], str] = {}
    for own in (False, True):  # the domain's own last, so that theirs are named
        for key, attribute in vocabulary.attributes.items():
            for name in attribute.names if (key in given) is own else ():
                other = meant.setdefault((phrase(name), attribute.value), key)
                if other != key and own:
                    hint = f"take another name, or take it away there: [attributes.{other}] without = ['{shown(name)}']"
                    spot.inside(key).at("names").refuse(f"'{shown(name)}' already means {other}", hint)


# ---- examples


def _examples(spot: Spot, tables: Tables, given: Mapping[str, object]) -> Tables:
    """How attributes are asked for and told; what is told has one place for its value."""
    known = dict(tables["examples"])
    for key, value in given.items():
        spot.at(key).one_of(key, (*tables["attributes"], NONE), "attribute")
        inside = spot.inside(key)
        entry = dict(known.get(key, {}))
        for way, sentences in inside.table_at(value).items():
            at = inside.at(way)
            at.one_of(way, ("asked", "told"), "way")
            entry[way] = _added(entry.get(way, []), [_example(at, way, text) for text in at.texts(sentences)])
        known[key] = entry
    return known


def _example(spot: Spot, way: str, text: str) -> str:
    places = re.findall(r"\{(.*?)\}", text)
    if way == "told" and places.count(VALUE) != 1:
        spot.refuse(f"'{shown(text)}' has not one {{x}}", "put {x} where the value stands, once")
    for place in places:
        spot.one_of(place, (*PLACES, *([VALUE] if way == "told" else [])), "place")
    return text


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
                at.refuse("is no whole number", "give halves of a unit in the last place: 1 for rounding")
        tables[name] = entry | {"half_units": int(entry.get("half_units", 0))}
    return tables


# ---- plain tables


def _table(spot: Spot, path: str, known: Tables, given: Mapping[str, object], tables: Tables) -> Tables:
    """A table of lists, of texts, or of such tables."""
    rule, result = RULES.get(path, Rule()), dict(known)
    for key, value in given.items():
        own = f"{path}.{key}"
        if own in FIXED:
            spot.inside(key).refuse("is the same in every domain", "leave it out")
        if rule.keys is None:
            spot.at(key).one_of(key, (k for k in known if f"{path}.{k}" not in FIXED), f"entry of [{spot.table}]")
        elif key not in known:
            _checked(spot.at(key), rule.keys, key, tables)
        if isinstance(known.get(key), dict):
            inside = spot.inside(key)
            result[key] = _table(inside, own, known[key], inside.table_at(value), tables)
            continue
        kind, at = RULES.get(own, rule).values, spot.at(key)
        if all(isinstance(item, str) for item in known.values()):
            result[key] = _checked(at, kind, value, tables)
        else:
            result[key] = _added(known.get(key, []), [_checked(at, kind, text, tables) for text in at.texts(value)])
    return _taken_over(result, given) if path == "telling.units" else result


def _less(spot: Spot, path: str, known: Tables, given: object) -> Tables:
    """Tables without what a domain takes away: texts of their lists, and keys of their pairs."""
    result = dict(known)
    for key, value in spot.table_at(given).items():
        own = f"{path}.{key}" if path else key
        at = spot.at(key)
        at.one_of(key, (k for k in known if k not in FIXED | _OF_THEIR_OWN), "table that can lose something")
        if own in FIXED:
            at.refuse("is the same in every domain", "leave it out")
        if isinstance(known[key], dict) and isinstance(value, dict):
            result[key] = _less(spot.inside(key), own, known[key], value)
            continue
        if isinstance(known[key], dict) and RULES.get(own, Rule()).keys is None:
            at.refuse("has entries that are all needed", f"name one of its lists: [without.{own}]")
        lost = [at.one_of(text, known[key], "entry of it") for text in at.texts(value)]
        if set(known[key]) <= set(lost):
            at.refuse("would be empty", "leave something in it")
        if isinstance(known[key], dict):
            result[key] = {name: item for name, item in known[key].items() if name not in lost}
        else:
            result[key] = [text for text in known[key] if text not in lost]
    return result


def _taken_over(table: Tables, given: Mapping[str, object]) -> Tables:
    """Units that mean an attribute alone: one that a domain gives to an attribute means no other any more."""
    taken = {unit: key for key, units in given.items() if isinstance(units, list) for unit in units}
    return {key: [unit for unit in units if taken.get(unit, key) == key] for key, units in table.items()}


def _checked(spot: Spot, kind: Kind, value: object, tables: Tables) -> str:
    """A text of a plain table that is of its kind."""
    if kind is Kind.COIN and value == "":
        return ""
    text = spot.text(value, MAX_CHARACTERS)
    match kind:
        case Kind.WORD:
            return spot.word(text)
        case Kind.UNIT | Kind.COIN:
            return _unit(spot, text, tables)
        case Kind.KEY:
            return spot.one_of(text, tables["attributes"], "attribute")
        case Kind.NAME:
            return spot.one_of(text, (key.replace("_", " ") for key in tables["attributes"]), "attribute")


def _unit(spot: Spot, text: str, tables: Tables) -> str:
    """The name of a unit; a writing of one is refused with its name."""
    units: Tables = tables["unit"]
    if text not in units:
        named = next((unit for unit, entry in units.items() if text.lower() in entry["written"]), None)
        hint = f"write '{named}'" if named else f'{nearest(text, units)} or define it under [unit."{shown(text)}"]'
        spot.refuse(f"'{shown(text)}' is not the name of a unit", hint)
    return text


def _added(known: list[str], new: list[str]) -> list[str]:
    """A list with what is not yet in it."""
    return list(dict.fromkeys([*known, *new]))
