"""The functions that a client offers, and whether the language model may call one of them."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any, NoReturn

from edge_assistant.core.errors import UsageError
from edge_assistant.reasoning import forms
from edge_assistant.reasoning.forms import FormObject

MOST_FUNCTIONS = 4  # a small model chooses among no more, and none
NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_TOLD_CHARACTERS = 200  # of a description
AUTO, REQUIRED = "auto", "required"
NONE = "none"  # of the functions, as the model says it


@dataclass(frozen=True, slots=True)
class ClientFunction:
    """A function of a client.

    Attributes:
        name: of it.
        told: what it does, in the client's words.
        form: its arguments; None if it has none.
    """

    name: str
    told: str
    form: FormObject | None


@dataclass(frozen=True, slots=True)
class FunctionOffer:
    """What a client offers.

    Attributes:
        functions: one at least.
        choice: `auto`: one is called only where the sources do not answer; `required`: one is called in any case.
    """

    functions: tuple[ClientFunction, ...]
    choice: str = AUTO


def parse(text: str) -> FunctionOffer:
    """The offer of `tools` and `tool_choice` as JSON in a list; of a named function only that one is offered.

    Raises:
        UsageError: something of them is not supported.
    """
    try:
        tools, choice = json.loads(text)
    except (ValueError, TypeError, RecursionError):
        _refuse("they are no JSON")
    if not isinstance(tools, list) or not 0 < len(tools) <= MOST_FUNCTIONS:
        _refuse(f"at most {MOST_FUNCTIONS} are supported")
    functions = tuple(map(_function, tools))
    if len({one.name for one in functions}) < len(functions):
        _refuse("two have the same name")
    if choice in (AUTO, REQUIRED):
        return FunctionOffer(functions, choice)
    chosen = choice.get("function") if isinstance(choice, dict) and choice.get("type") == "function" else None
    named = tuple(one for one in functions if isinstance(chosen, dict) and one.name == chosen.get("name"))
    if not named:
        _refuse("tool_choice is none, auto, required or names one of them")
    return FunctionOffer(named, REQUIRED)


def _function(tool: Any) -> ClientFunction:  # noqa: ANN401 - JSON
    function = tool.get("function") if isinstance(tool, dict) and tool.get("type") == "function" else None
    name = function.get("name") if isinstance(function, dict) else None
    if not isinstance(function, dict) or not isinstance(name, str) or not NAME.fullmatch(name) or name == NONE:
        _refuse("each has the type function, and a name of letters, digits, _ and -")
    told, schema = function.get("description"), function.get("parameters")
    told = " ".join(told.split())[:_TOLD_CHARACTERS] if isinstance(told, str) else ""
    empty = schema in (None, {}, {"type": "object"}) or (isinstance(schema, dict) and schema.get("properties") == {})
    return ClientFunction(name, told, None if empty else forms.parse(json.dumps(schema)))


def _refuse(what: str) -> NoReturn:
    raise UsageError(f"the tools: {what}", "see docs/api.md")
