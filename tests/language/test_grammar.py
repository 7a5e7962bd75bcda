"""A grammar over a real small model: whatever it says, it is what the grammar admits."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from edge_assistant.compute.runtime import Halt, Runtime
from edge_assistant.core.errors import Stopped, UsageError
from edge_assistant.language.chat import Message, Role
from edge_assistant.language.engine import LlamaEngine
from edge_assistant.reasoning import forms
from edge_assistant_models.model import InstalledModel

ASKED = [Message(Role.USER, "Größe 😀: 5 m. Fill in the form: \\ud83d \ufffd {}")]


@pytest.fixture(scope="module")
def halt() -> Halt:
    return Halt()


@pytest.fixture(scope="module")
def engine(few: InstalledModel, halt: Halt) -> Iterator[LlamaEngine]:
    opened = LlamaEngine(few, Runtime(1, halt=halt), 512)
    yield opened
    opened.close()


def of(**properties: Any) -> str:
    return forms.grammar(forms.parse(json.dumps({"type": "object", "properties": properties})))


@pytest.mark.parametrize(
    ("properties", "shape"),
    [
        ({"a": {"type": "string", "maxLength": 8}}, str),
        ({'größe 😀 "\\x(0-9)': {"type": "number"}}, float | int),
        ({"a": {"type": "array", "maxItems": 1, "items": {"type": "string", "maxLength": 3}}}, list),
        ({"a": {"type": "string", "format": "date-time"}}, str),
        ({"a": {"enum": ['b"\\\n]', "😀", "null"]}}, str),
        ({"a": {"const": "\u2028\\d"}}, str),
        ({"a": {"type": "object", "properties": {"b": {"type": "boolean"}}}}, dict),
    ],
)
def test_what_is_written_is_json_of_the_form(engine: LlamaEngine, properties: dict[str, Any], shape: Any) -> None:
    written = json.loads(engine.constrained(ASKED, of(**properties), max_tokens=200))
    assert [*written] == [*properties]
    value = written[next(iter(properties))]
    assert value is None or isinstance(value, shape)


def test_it_is_written_alike_each_time(engine: LlamaEngine) -> None:
    rules = of(a={"type": "string", "maxLength": 30})
    assert len({engine.constrained(ASKED, rules, max_tokens=60) for _ in range(3)}) == 1


@pytest.mark.parametrize("rules", ["", "root ::= missing", 'root ::= "a', "other ::= [a]", 'root ::= root "a"'])
def test_without_a_grammar_that_can_be_read_nothing_is_written(
    engine: LlamaEngine, rules: str, capfd: pytest.CaptureFixture[str]
) -> None:
    before = engine.usage.completion_tokens
    with pytest.raises(UsageError, match="cannot be read"):
        engine.constrained(ASKED, rules, max_tokens=5)
    assert engine.usage.completion_tokens == before


def test_it_breaks_off_at_its_limit_and_stops_when_asked(engine: LlamaEngine, halt: Halt) -> None:
    rules = of(a={"type": "string"})
    assert not engine.constrained(ASKED, rules, max_tokens=5).endswith("}")
    halt.ask()
    with pytest.raises(Stopped):
        engine.constrained(ASKED, rules, max_tokens=5)
    halt.clear()


def test_the_largest_form_is_a_grammar(engine: LlamaEngine) -> None:
    """Many long texts in lists in lists: llama.cpp takes it, or nothing is written."""
    item: dict[str, Any] = {"type": "object", "properties": {f"p{i}": {"type": "string"} for i in range(20)}}
    part = {"type": "array", "items": {"type": "array", "items": item}}
    enums = {f"e{i}": {"enum": [f"{i} {n} {'x' * 20}" for n in range(40)]} for i in range(6)}
    assert engine.constrained(ASKED, of(rows=part, **enums), max_tokens=3).startswith("{")
