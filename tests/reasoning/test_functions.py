"""What clients offer as functions: bounded, and refused with one clear error."""

from __future__ import annotations

import json
from typing import Any

import pytest

from edge_assistant.core.errors import UsageError
from edge_assistant.reasoning import functions
from edge_assistant.reasoning.functions import AUTO, REQUIRED

FORM = {"type": "object", "properties": {"city": {"type": "string"}}}


def tool(name: Any = "weather", **more: Any) -> dict[str, Any]:
    return {"type": "function", "function": {"name": name, **more}}


def test_an_offer_has_its_functions_with_their_forms() -> None:
    offer = functions.parse(json.dumps([[tool(description="the\nweather", parameters=FORM), tool("now")], "auto"]))
    weather, now = offer.functions
    assert (weather.name, weather.told, offer.choice) == ("weather", "the weather", AUTO)
    assert weather.form is not None
    assert [*weather.form.parts] == ["city"]
    assert now.form is None


@pytest.mark.parametrize("parameters", [None, {}, {"type": "object"}, {"type": "object", "properties": {}}])
def test_a_function_may_have_no_arguments(parameters: object) -> None:
    [now] = functions.parse(json.dumps([[tool("now", parameters=parameters)], "auto"])).functions
    assert now.form is None


def test_of_a_named_function_only_that_is_offered() -> None:
    named = {"type": "function", "function": {"name": "now"}}
    offer = functions.parse(json.dumps([[tool(), tool("now")], named]))
    assert ([one.name for one in offer.functions], offer.choice) == (["now"], REQUIRED)


@pytest.mark.parametrize(
    ("tools", "choice", "told"),
    [
        ([], "auto", "at most 4"),
        ([tool(str(n)) for n in range(5)], "auto", "at most 4"),
        ({}, "auto", "at most 4"),
        ([tool(), tool()], "auto", "same name"),
        ([tool("a b")], "auto", "letters, digits"),
        ([tool("what you said")], "auto", "letters, digits"),
        ([tool("none")], "auto", "letters, digits"),
        ([tool("x" * 65)], "auto", "letters, digits"),
        ([tool(5)], "auto", "letters, digits"),
        ([{"type": "custom", "custom": {"name": "a"}}], "auto", "type function"),
        ([{"type": "function", "function": []}], "auto", "type function"),
        ([None], "auto", "type function"),
        ([tool(parameters={"type": "object", "properties": {"a": {"$ref": "#"}}})], "auto", "no definition"),
        ([tool(parameters=[1])], "auto", "no object"),
        ([tool(parameters={"type": "string"})], "auto", "type object|properties"),
        ([tool()], "any", "tool_choice"),
        ([tool()], {"type": "function", "function": {"name": "other"}}, "tool_choice"),
        ([tool()], {"type": "function", "function": 5}, "tool_choice"),
        ([tool()], {"type": "allowed_tools"}, "tool_choice"),
    ],
)
def test_what_is_not_supported_is_one_error(tools: object, choice: object, told: str) -> None:
    with pytest.raises(UsageError, match=told):
        functions.parse(json.dumps([tools, choice]))


@pytest.mark.parametrize("text", ["", "[" * 9_000, "5", "[1]", "{}"])
def test_what_is_no_offer_is_one_error(text: str) -> None:
    with pytest.raises(UsageError, match="no JSON"):
        functions.parse(text)
