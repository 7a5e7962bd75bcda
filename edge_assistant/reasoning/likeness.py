"""How near a text is in meaning to groups of examples, over the sentence embedder."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from edge_assistant.language.embedder import Embedder

NEAREST = 3  # examples of one meaning that decide together


def nearness(cosines: Iterable[float]) -> float:
    """How near a text is to a meaning: the mean cosine of the nearest of its examples, of which there is at least one.

    >>> nearness([0.1, 0.9, 0.6, 0.3])
    0.6
    """
    best = sorted(cosines)[-NEAREST:]
    return sum(best) / len(best)


class Likeness:
    """Compares texts with examples. Without an embedder nothing is like anything.

    Args:
        embedder: opens the sentence embedder, where there is one.
        examples: all that texts are compared with; cosines are taken from their middle.
    """

    def __init__(self, embedder: Callable[[], Embedder | None], examples: tuple[str, ...]) -> None:
        self._embedder = embedder
        self._examples = examples

    def near(self, text: str, groups: Mapping[str, Sequence[str]]) -> dict[str, float]:
        """How near a text is to each group of examples; empty without an embedder."""
        embedder = self._embedder()
        if embedder is None:
            return {}
        known, middle = _centred(embedder, self._examples)
        cosines = dict(zip(self._examples, (known @ _unit(embedder.embed([text]) - middle)[0]).tolist(), strict=True))
        return {name: nearness(cosines[example] for example in examples) for name, examples in groups.items()}


@lru_cache(maxsize=8)
def _centred(embedder: Embedder, examples: tuple[str, ...]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The vectors of examples from their middle, each of length 1, and the middle."""
    known = embedder.known(examples)
    middle: NDArray[np.float32] = known.mean(axis=0)
    return _unit(known - middle), middle


def _unit(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    lengths: NDArray[np.float32] = np.linalg.norm(vectors, axis=1, keepdims=True).clip(1e-6)
    return vectors / lengths
