"""Schemas of clients as forms: what is taken, what is refused, and the grammar that they become."""

from __future__ import annotations

import contextlib
import json
from enum import Enum
from typing import Any

import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_assistant.core.errors import UsageError
from edge_assistant.reasoning import forms
from edge_assistant.reasoning.forms import FormList, FormObject, FormValue


class Level(Enum):
    LOW = "low"
    HIGH = 'hi"\\gh'


class Item(pydantic.BaseModel):
    name: str
    price: float = pydantic.Field(ge=0, lt=100)


class Order(pydantic.BaseModel):
    customer: str | None = pydantic.Field(description="who\nordered", max_length=20)
    items: list[Item]
    level: Level
    kind: Any = pydantic.Field(json_schema_extra={"const": "order"})


def of(**properties: object) -> str:
    return json.dumps({"type": "object", "properties": properties})


def test_a_model_of_pydantic_is_a_form() -> None:
    form = forms.parse(json.dumps(Order.model_json_schema()))
    customer, items = form.parts["customer"], form.parts["items"]
    assert isinstance(customer, FormValue)
    assert (customer.nullable, customer.told, customer.most) == (True, "who ordered", 20)
    assert isinstance(items, FormList)
    assert isinstance(items.item, FormObject)
    price = items.item.parts["price"]
    assert isinstance(price, FormValue)
    assert [price.admits(value) for value in (0, 99.5, 100, -1)] == [True, True, False, False]
    assert form.required == {"customer", "items", "level", "kind"}
    assert forms.outline(form) == {
        "customer": "...",
        "items": [{"name": "...", "price": "..."}],
        "level": 'low|hi"\\gh',
        "kind": "order",
    }
    assert [*forms.descriptions(form)] == ["customer: who ordered"]


def nested(depth: int) -> dict[str, object]:
    inside: dict[str, object] = {"type": "string"}
    for _ in range(depth):
        inside = {"type": "object", "properties": {"a": inside}}
    return inside


TREE = {"type": "object", "properties": {"left": {"$ref": "#/$defs/tree"}}}
ENUM = {"many": {"enum": [f"{n} {'word ' * 20}" for n in range(64)]}}
MANY = {"$ref": "#/$defs/many"}
BOMB = {f"b{i}": {"type": "object", "properties": {n: {"$ref": f"#/$defs/b{i + 1}"} for n in "xy"}} for i in range(9)}


@pytest.mark.parametrize(
    ("schema", "told"),
    [
        ("", "no JSON"),
        ("[" * 9_000, "no JSON"),
        (of(a={"const": "\ud83d"}), "no JSON"),
        ('{"type": "object", "properties": {"a": {"const": NaN}}}', "no JSON"),
        ('{"type": "object", "properties": {"a": {"const": 1e999}}}', "no JSON"),
        ("[]", "no object"),
        ('{"type": "array", "items": {"type": "string"}}', "type object"),
        ('{"type": ["object", "null"], "properties": {"a": {"type": "string"}}}', "type object"),
        (of(), "properties"),
        (of(a={"type": "string", "description": "x" * forms.SCHEMA_BYTES}), "16 KiB"),
        (json.dumps(nested(7)), "nested over 5"),
        (of(**{f"p{i}": {"type": "string"} for i in range(49)}), "over 48 parts"),
        (of(a={"enum": [f"v{i}" for i in range(65)]}), "1 to 64"),
        (of(a={"enum": ["v" * 201]}), "1 to 200"),
        (of(a={"enum": []}), "one type"),
        (of(a={"enum": [1, "x"]}), "one type"),
        (of(a={"type": "string", "enum": [1]}), "not of the type string"),
        (of(a={"enum": [{"b": 1}]}), "one type"),
        (json.dumps({"$ref": "#/$defs/tree", "$defs": {"tree": TREE}}), "refers to itself"),
        (json.dumps({"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/a"}}}), "refers to itself"),
        (json.dumps({"$ref": "#/$defs/b0", "$defs": BOMB | {"b9": {"type": "string"}}}), "nested over|over 48 parts"),
        (json.dumps({"type": "object", "properties": {"a": MANY}, "$defs": ENUM}), None),
        (json.dumps({"type": "object", "properties": {"a": MANY, "b": MANY}, "$defs": ENUM}), "10,000"),
        (of(a={"$ref": "https://example.org/schema"}), "no definition"),
        (of(a={"$ref": "#/properties/a"}), "no definition"),
        (of(a={"$ref": ["x"]}), "no definition"),
        (of(a={"$ref": "#/$defs/b", "type": "string"}), "no definition|beside a reference"),
        (of(a={"anyOf": [{"type": "string"}, {"type": "number"}]}), "only one form"),
        (of(a={"anyOf": "x"}), "only one form"),
        (of(a={"type": "string", "pattern": "^(a+)+$"}), "'pattern' is not supported"),
        (of(a={"type": "string", "format": "duration"}), "formats"),
        (of(a={"type": "string", "format": ["email"]}), "formats"),
        (of(a={"type": "string", "maxLength": 100_000}), None),
        (of(a={"type": "string", "maxLength": -1}), "whole number"),
        (of(a={"type": "string", "minLength": 10**30}), "1 to 200"),
        (of(a={"type": "array", "items": {"type": "string"}, "minItems": 100}), "1 to 11"),
        (of(a={"type": "array"}), "no object of JSON"),
        (of(a={"type": "array", "items": True}), "no object of JSON"),
        (of(a={"type": "number", "minimum": "x"}), "ends of a range"),
        (of(a={"type": "object", "properties": {"b": {"type": "string"}}, "required": ["c"]}), "'required'"),
        (of(a={"type": "object", "additionalProperties": {"type": "string"}}), "properties"),
        (of(a={"type": 5}), "one type"),
        (of(a={"type": [["string"]]}), "one type"),
        (of(a={"not": {}, "type": "string"}), "'not' is not supported"),
        (of(**{"a\nb": {"type": "string"}}), "printable"),
        (of(**{"a.b": {"type": "string"}}), "printable"),
        (of(**{"a[0]": {"type": "string"}}), "printable"),
        (of(**{"a" * 65: {"type": "string"}}), "1 to 64"),
    ],
)
def test_what_is_not_supported_is_one_error(schema: str, told: str | None) -> None:
    if told is None:
        forms.parse(schema)
        return
    with pytest.raises(UsageError, match=told) as caught:
        forms.parse(schema)
    assert len(str(caught.value)) < 250


@pytest.mark.parametrize(
    ("part", "nullable"),
    [
        ({"type": ["string", "null"]}, True),
        ({"enum": ["a", None]}, True),
        ({"type": ["string", "null"], "enum": ["a", None]}, True),
        ({"anyOf": [{"enum": ["a"]}, {"type": "null"}]}, True),
        ({"type": ["string", "null"], "enum": ["a"]}, False),
        ({"type": "string", "enum": ["a", None]}, False),
    ],
)
def test_null_is_of_the_type_and_one_of_the_options(part: dict[str, Any], nullable: bool) -> None:
    assert forms.parse(of(a=part)).parts["a"].nullable is nullable


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(["type", "properties", "items", "enum", "const", "anyOf", "$ref", "required", "format", "a"]),
        inner | st.sampled_from(["object", "string", "array", "null", "#/$defs/a"]),
        max_size=4,
    ),
    max_leaves=12,
)  # fmt: skip


@given(JSON)
def test_whatever_a_client_sends_is_a_form_or_a_clear_error(schema: object) -> None:
    with contextlib.suppress(UsageError):
        form = forms.parse(json.dumps(schema))
        assert forms.grammar(form).startswith("root ::= ")
        json.dumps(forms.outline(form))
