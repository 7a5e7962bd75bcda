"""What is computed once for a machine, so that no question waits for it: vectors of examples, patterns, prompts."""

from __future__ import annotations

import pkgutil
from importlib import import_module

from edge_assistant import patterns, reasoning
from edge_assistant.language.embedder import Embedder
from edge_assistant.language.engine import Engine
from edge_assistant.reasoning import talk
from edge_assistant.reasoning.comprehension import prompts
from edge_assistant.reasoning.rules import vocabulary


def prepare(embedder: Embedder) -> int:
    """Compute the vectors of all examples that messages are compared with and that are not kept yet.

    Returns:
        How many examples there are.
    """
    return len(embedder.known(talk.compared_with()))


def read_prompts(engine: Engine) -> int:
    """Let a language model read what its prompts begin with, and keep that for later processes.

    Returns:
        How many prompts there are.
    """
    beginnings = prompts.beginnings()
    for messages in beginnings:
        engine.prefill(messages)
        engine.settle()
    return len(beginnings)


def compile_patterns() -> int:
    """Compile all patterns of the vocabulary in force, and keep those that are not kept yet.

    Returns:
        How many were added.
    """
    for module in pkgutil.walk_packages(reasoning.__path__, f"{reasoning.__name__}."):
        import_module(module.name)
    vocabulary.build_all()
    return patterns.keep()
