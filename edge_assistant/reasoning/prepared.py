"""What the embedder needs of the product's examples, computed once, so that no question waits for it."""

from __future__ import annotations

from edge_assistant.language.embedder import Embedder
from edge_assistant.reasoning import meaning, meant
from edge_assistant.reasoning.readings import likened
from edge_assistant.reasoning.told import asides


def texts() -> tuple[str, ...]:
    """All that questions and sentences are compared with, each once."""
    parts = (meaning.compared_with(), likened.compared_with(), meant.compared_with(), asides.compared_with())
    return tuple(dict.fromkeys(text for part in parts for text in part))


def prepare(embedder: Embedder) -> int:
    """Compute the vectors of all examples that are not kept yet.

    Returns:
        How many examples there are.
    """
    return len(embedder.known(texts()))
