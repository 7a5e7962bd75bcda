"""What the values of a form answer."""

from __future__ import annotations

import json

import pytest
from helpers.engines import source

from edge_assistant.reasoning import forms
from edge_assistant.reasoning.comprehension.form_questions import is_truth, questions
from edge_assistant.reasoning.forms import FormObject

TYPES = {"name": "string", "inStock": "boolean", "price": "number"}
FORM = forms.parse(json.dumps({"properties": {name: {"type": kind} for name, kind in TYPES.items()}}))


def test_the_first_values_of_a_list_say_what_the_others_are_of() -> None:
    given = source(["Milk 1.20, yes", "Bread 2.35, no"])
    rows = [{"name": "Milk", "inStock": True, "price": 1.2}, {"name": "Bread", "inStock": False, "price": 2.35}]
    values = {
        f"items[{n}].{name}": (FORM.parts[name], value) for n, row in enumerate(rows) for name, value in row.items()
    }
    asked = {path: question for path, (question, _) in questions(values, dict.fromkeys(given.evidence, "")).items()}
    assert asked == {
        "items[0].name": "What are the items?",
        "items[0].inStock": "Is it so: in stock of Milk?",
        "items[0].price": "What is the price of Milk?",
        "items[1].name": "What are the items?",
        "items[1].inStock": "Is it so: in stock of Bread?",
        "items[1].price": "What is the price of Bread?",
    }


@pytest.mark.parametrize(
    ("part", "asked"),
    [
        ({"type": "string", "description": "of the pump"}, "What is the value of the outer?"),
        ({"type": "boolean"}, "Is it so: value of the outer?"),
        ({"enum": ["yes", "no", "open"]}, "Is it so: value of the outer?"),
        ({"type": "array", "items": {"type": "string"}}, "What are the value of the outer?"),
    ],
)
def test_a_value_is_asked_for_by_the_names_on_its_path(part: dict[str, object], asked: str) -> None:
    found = forms.parse(json.dumps({"properties": {"outer": {"properties": {"value": part}}}})).parts["outer"]
    assert isinstance(found, FormObject)
    value = found.parts["value"]
    assert not isinstance(value, FormObject)
    assert questions({"outer.value": (value, "yes")}, {})["outer.value"][0] == asked
    assert is_truth(value) == asked.startswith("Is it so")
