"""Log probabilities in 16 bits, as llama.cpp's perplexity tool stores them (tools/perplexity/perplexity.cpp).

A row stands for a token: a scale, the least log probability, and a number of 16 bits for each token of the vocabulary;
what is more than 16 nats below the likeliest counts as that.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edge_assistant_quantize.gguf.model import Logits

    Rows = NDArray[np.uint16]

RANGE = 16.0  # nats below the likeliest token
_FIELDS = 4  # numbers of 16 bits that scale and least log probability take
_LEVELS = 65535.0
_ROWS = 32  # rows that are computed at once: 20 MB of a vocabulary of 152,000


def width(vocabulary: int) -> int:
    """Numbers of 16 bits in a row.

    >>> width(5), width(6)
    (10, 10)
    """
    return 2 * ((vocabulary + 1) // 2) + _FIELDS


def blocks(count: int) -> Iterator[slice]:
    """Parts of so many rows that are small enough to be computed at once."""
    return (slice(start, min(start + _ROWS, count)) for start in range(0, count, _ROWS))


def log_sum_exp(logits: Logits) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """The largest logit of each row, and the logarithm of the sum of all exponentials relative to it, [rows] each."""
    top = logits.max(axis=1)
    return top, np.log(np.exp(logits - top[:, None]).sum(axis=1, dtype=np.float64))


def encode(logits: Logits) -> Rows:
    """Logits, [tokens, vocabulary], as rows, [tokens, width]."""
    rows = np.zeros((len(logits), width(logits.shape[1])), "<u2")
    for part in blocks(len(logits)):
        given = logits[part]
        top, log_sum = log_sum_exp(given)
        least = np.maximum(given.min(axis=1), top - np.float32(RANGE))
        scale = ((top - least) / np.float32(_LEVELS)).astype(np.float32)
        inverse = np.divide(1, scale, out=np.zeros_like(scale), where=scale > np.finfo(np.float32).tiny)
        levels = np.rint(inverse[:, None] * (given - least[:, None]))
        rows[part, _FIELDS : _FIELDS + given.shape[1]] = np.clip(levels, 0, _LEVELS)
        fields = np.stack((scale, least - top - log_sum.astype(np.float32)), axis=1).astype("<f4")
        rows[part, :_FIELDS] = fields.view("<u2")
    return rows


def decode(rows: Rows, vocabulary: int) -> NDArray[np.float32]:
    """Log probabilities, [tokens, vocabulary], of rows."""
    fields = np.ascontiguousarray(rows[:, :_FIELDS]).view("<f4")
    found: NDArray[np.float32] = rows[:, _FIELDS : _FIELDS + vocabulary] * fields[:, :1] + fields[:, 1:]
    return found
