"""The examples in docstrings are true."""

from __future__ import annotations

import doctest
import importlib
import inspect
import pkgutil

import edge_assistant
import edge_assistant_models
import edge_assistant_quantize


def test_the_examples_of_every_module() -> None:
    modules = [
        importlib.import_module(module.name)
        for package in (edge_assistant, edge_assistant_models, edge_assistant_quantize)
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
    ]
    # in the others doctest takes seconds to find none
    tried = {module.__name__: doctest.testmod(module) for module in modules if ">>>" in inspect.getsource(module)}
    assert {name: result for name, result in tried.items() if result.failed} == {}
    assert sum(result.attempted for result in tried.values()) > 10
