"""A policy file: where it lies, what it says, and everything that is wrong with it."""

from __future__ import annotations

import difflib
import os
import re
import stat
from collections.abc import Iterator, Mapping
from enum import Enum
from pathlib import Path
from typing import Any, get_args

import msgspec

from edge_assistant.core.errors import InputMissing, PolicyInvalid
from edge_assistant.core.limits import POLICY_BYTES
from edge_assistant.core.signals import printable
from edge_assistant.governance.policy.rules import PolicyRules
from edge_assistant_models import regular, toml

_SHOWN = 60  # characters of a key in a message
_PLACE = re.compile(r" - at `\$(.*)`$")
_NO_WORD, _NO_PIN = "Invalid enum value ", "matching regex"  # in messages of msgspec


def read(file: Path) -> PolicyRules:
    """The rules of a policy file.

    Raises:
        PolicyInvalid: it cannot be read, or something in it is wrong.
    """
    found = problems(_bytes(file))
    if isinstance(found, PolicyRules):
        return found
    more = f", and {len(found) - 1} more" if len(found) > 1 else ""
    raise PolicyInvalid(
        f"the policy {file} is wrong: {found[0]}{more}", f"correct it; 'edge-assistant policy check {file}' says all"
    )


def check(file: Path) -> list[str]:
    """Everything that is wrong with a policy file, one line each, with its place.

    Raises:
        InputMissing: there is no such file.
    """
    if not os.path.lexists(file):
        raise InputMissing(f"{printable(file.name)} does not exist", "name a policy file")
    try:
        found = problems(_bytes(file))
    except PolicyInvalid as error:
        return [error.message]
    return [] if isinstance(found, PolicyRules) else found


def exposed(file: Path) -> list[str]:
    """Who else than root can change a policy that is the administrator's, one line for each way."""
    return [
        f"others than root may write {path}"
        for path in (file.resolve(), file.resolve().parent)
        if path.stat().st_uid != 0 or path.stat().st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    ]


def problems(data: bytes) -> PolicyRules | list[str]:
    """The rules, or else everything that is wrong, one line each."""
    try:
        tables = toml.parse(data)
    except UnicodeDecodeError as error:
        return [f"it is not UTF-8 at byte {error.start}"]
    except ValueError as error:
        return [f"it is not TOML ({printable(str(error))})"]
    if wrong := list(_wrong(tables, PolicyRules, "")):
        return wrong
    rules = msgspec.convert(tables, PolicyRules)
    return list(_without_pin(tables, rules)) or rules


def schema() -> dict[str, Any]:
    """The JSON schema of a policy file."""
    found = msgspec.json.schema(PolicyRules)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "A policy of Edge Assistant"} | found


def _bytes(file: Path) -> bytes:
    """The content; raises PolicyInvalid if it cannot be read, or is too large."""
    what = f"the policy {file} cannot be read"
    try:
        data = regular.read(file, POLICY_BYTES.value)
    except OSError as error:
        raise PolicyInvalid(f"{what} ({error.strerror})", "ask its owner to make it readable") from None
    if len(data) > POLICY_BYTES.value:
        raise PolicyInvalid(f"{what} (over {POLICY_BYTES.value:,} bytes)", "shorten it")
    return data


def _wrong(given: Mapping[str, Any], table: type[msgspec.Struct], within: str) -> Iterator[str]:
    """What is wrong in a table, key by key: msgspec alone would name the first only."""
    fields = {field.name: field.type for field in msgspec.structs.fields(table)}
    for key, value in given.items():
        place = f"{within}{printable(key)[:_SHOWN]}"
        if key not in fields:
            close = difflib.get_close_matches(key, fields, 1)
            yield f"unknown key {place}, {f'did you mean {close[0]}' if close else 'there are ' + ', '.join(fields)}"
        elif isinstance(fields[key], type) and issubclass(fields[key], msgspec.Struct) and isinstance(value, dict):
            yield from _wrong(value, fields[key], f"{place}.")
        else:
            try:
                msgspec.convert(value, fields[key])
            except msgspec.ValidationError as error:
                yield _said(place, str(error), fields[key])


def _without_pin(given: Mapping[str, Any], rules: PolicyRules) -> Iterator[str]:
    """What would have no effect without an operator's PIN."""
    if rules.roles.pin is None:
        yield from (
            f"roles.{key}: there are no roles without roles.pin, see 'policy pin'" for key in given.get("roles", {})
        )
        if rules.approval.by == "operator":
            yield "approval.by: there is no operator without roles.pin, see 'policy pin'"


def _said(place: str, error: str, rule: Any) -> str:  # noqa: ANN401 - a type, however it is written
    """A message of msgspec with the key that it is about: `signals.kinds[0]: 'smell' is none of image, audio`."""
    inner = _PLACE.search(error)
    said = printable(_PLACE.sub("", error))
    if said.startswith(_NO_WORD):
        said = f"{said.removeprefix(_NO_WORD)} is none of {', '.join(_words(rule))}"
    elif _NO_PIN in said:
        said = "that is not what 'edge-assistant policy pin' prints"
    return f"{place}{inner[1] if inner else ''}: {said[0].lower()}{said[1:]}"


def _words(rule: Any) -> Iterator[str]:  # noqa: ANN401 - a type, however it is written
    """The words that a rule may hold."""
    if isinstance(rule, str):
        yield rule
    elif isinstance(rule, type) and issubclass(rule, Enum):
        yield from (word.value for word in rule)
    else:
        for part in get_args(rule):
            yield from _words(part)
