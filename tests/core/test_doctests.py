"""The examples in docstrings are true."""

from __future__ import annotations

import doctest
import importlib
import pkgutil
from functools import cache

import pytest

import edge_assistant
import edge_assistant_models
import edge_assistant_quantize

MODULES = [
    module.name
    for package in (edge_assistant, edge_assistant_models, edge_assistant_quantize)
    for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
]


@cache
def tried(name: str) -> doctest.TestResults:
    """What became of a module's examples."""
    return doctest.testmod(importlib.import_module(name), raise_on_error=False)


@pytest.mark.parametrize("name", MODULES)
def test_examples_of_a_module(name: str) -> None:
    assert tried(name).failed == 0


def test_there_are_examples() -> None:
    assert sum(tried(name).attempted for name in MODULES) > 10
