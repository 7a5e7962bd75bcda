"""Every event, by reflection."""

from __future__ import annotations

import inspect
from dataclasses import fields, is_dataclass
from typing import get_args

from edge_assistant.core import answer, events, evidence

EVENTS = get_args(events.Event)


def test_every_class_of_the_module_is_an_event() -> None:
    classes = {value for value in vars(events).values() if getattr(value, "__module__", "") == events.__name__}
    assert classes == set(EVENTS)


VALUES = [
    value
    for module in (events, answer, evidence)
    for value in vars(module).values()
    if inspect.isclass(value) and value.__module__ == module.__name__ and is_dataclass(value)
]


def test_what_flows_is_a_frozen_dataclass_with_a_docstring() -> None:
    for value in VALUES:
        assert value.__dataclass_params__.frozen, value
        assert hasattr(value, "__slots__"), value
        assert value.__doc__, value
        assert not value.__doc__.startswith(f"{value.__name__}("), value
        assert all(field.type for field in fields(value)), value
