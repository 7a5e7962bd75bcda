"""What is computed once for a machine, so that no question waits for it: vectors of examples, prompts."""

from __future__ import annotations

from edge_assistant.language.embedder import Embedder
from edge_assistant.language.engine import Engine
from edge_assistant.reasoning import talk
from edge_assistant.reasoning.comprehension import prompts


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
