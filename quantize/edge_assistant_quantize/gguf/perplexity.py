"""Perplexity of a model over a text, and its divergence from a reference, as llama.cpp's perplexity tool defines them.

The text is cut into chunks of one context each; the first half of a chunk is context only, and the tokens behind it are
predicted one by one (https://huggingface.co/docs/transformers/perplexity). Perplexity is the exponential of the mean
negative log likelihood. The Kullback-Leibler divergence is that of the model's distribution over the next token from
the reference's, in nats. What the reference predicts has half precision, relative to the likeliest token, where the
tool has 65,535 steps of its range; divergences agree to three digits. tools/perplexity/perplexity.cpp.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import repeat
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from edge_assistant.compute.runtime import Halt
from edge_assistant_quantize.errors import UsageError, WeightsRefused
from edge_assistant_quantize.gguf.model import Model
from edge_assistant_quantize.progress import ProgressStep, Watch

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edge_assistant_quantize.gguf.model import Logits, Tokens

    Figures = NDArray[np.float64]
    Rows = NDArray[np.float16]
    Predictions = Iterable[tuple[Tokens, Rows]]  # of each chunk what the model is given, and what it predicts

CONTEXT = 512  # tokens of a chunk: the tool's default, with which figures are published
_ROWS = 32  # rows that are computed at once: 20 MB of a vocabulary of 152,000


@dataclass(frozen=True, slots=True, eq=False)
class TextQuality:
    """How well a model predicts a text, token by token.

    Attributes:
        loss: negative log likelihood, nats, [chunks, predicted tokens of a chunk].
        divergence: Kullback-Leibler divergence from the reference, nats, likewise; zeros without one.
        agreeing: 1 where the likeliest token is the reference's, likewise.
        sums: sha256 over the tokens of each chunk.
    """

    loss: Figures
    divergence: Figures
    agreeing: Figures
    sums: tuple[str, ...]

    @property
    def perplexity(self) -> float:
        """Exponential of the mean negative log likelihood."""
        return math.exp(self.loss.mean())


def standard_error(values: Figures) -> float:
    """Of the mean of values."""
    return float(values.std() / math.sqrt(max(values.size - 1, 1)))


def measure(
    model: Path,
    text_file: Path,
    *,
    reference: Predictions | None = None,
    context: int = CONTEXT,
    chunks: int | None = None,
    threads: int,
    watch: Watch,
    halt: Halt | None = None,
) -> TextQuality:
    """Measure a model over a text.

    Args:
        model: a GGUF file.
        text_file: plain text, at least two chunks long.
        reference: for the divergence: its `predictions` over the same text, context and chunks.
        context: tokens of a chunk.
        chunks: the most to take; None for all.
        threads: that compute.
        watch: receives each chunk.
        halt: stops the measurement.

    Raises:
        ModelCorrupt, ModelTooLarge: the model cannot be opened.
        InputMissing, CalibrationInvalid: the text cannot be read, or is too short.
        UsageError: the reference has another vocabulary or other tokens, or the context is too short.
        WeightsRefused: the model predicts NaN or infinity.
        QuantizationFailed: llama.cpp cannot compute it.
    """
    with Model(model, threads=threads, context=context, halt=halt) as opened:
        tokens, pieces = opened.chunks(text_file, chunks)
        targets = tokens[:, context // 2 + 1 :]
        rows = repeat(None) if reference is None else _of_same(reference, pieces)
        figures = np.stack([*map(_figures, _predicted(opened, pieces, watch), targets, rows)])
    sums = (hashlib.sha256(each.tobytes()).hexdigest() for each in tokens)
    return TextQuality(figures[:, 0], figures[:, 1], figures[:, 2], tuple(sums))


def predictions(
    model: Path,
    text_file: Path,
    *,
    context: int = CONTEXT,
    chunks: int | None = None,
    threads: int,
    watch: Watch,
    halt: Halt | None = None,
) -> Iterator[tuple[Tokens, Rows]]:
    """What a reference is given and predicts over a text, one chunk after the other.

    Arguments and errors are those of `measure`. A chunk of 512 tokens has 25 MB for a vocabulary of 49,000, and 78 MB
    for one of 152,000.
    """
    with Model(model, threads=threads, context=context, halt=halt) as opened:
        _, pieces = opened.chunks(text_file, chunks)
        for piece, found in zip(pieces, _predicted(opened, pieces, watch), strict=True):
            yield piece, np.asarray(found - found.max(axis=1, keepdims=True), np.float16)


def _of_same(reference: Predictions, pieces: Tokens) -> Iterator[Rows]:
    """The predictions of a reference, each of which has to be of the same tokens.

    Raises:
        UsageError: one is not, or there are fewer.
    """
    others = iter(reference)
    for piece in pieces:
        beside = next(others, None)
        if beside is None or not np.array_equal(beside[0], piece):
            what = "the reference splits the text into other tokens than the model"
            raise UsageError(what, "compare a model with the one that it was quantized from")
        yield beside[1]


def _predicted(model: Model, pieces: Tokens, watch: Watch) -> Iterator[Logits]:
    """Of each chunk the logits of the tokens that are predicted; the next computation overwrites them."""
    for number, piece in enumerate(pieces):
        watch(ProgressStep(f"predictions of {model.name}", number, len(pieces)))
        yield model.evaluate(piece, model.context // 2)[:-1]
    watch(ProgressStep(f"predictions of {model.name}", len(pieces), len(pieces)))


def _figures(found: Logits, targets: Tokens, rows: Rows | None) -> Figures:
    """Of the tokens of a chunk, [3, tokens]: loss; divergence from and agreement with the reference.

    Args:
        found: logits, [tokens, vocabulary].
        targets: the true next tokens, [tokens].
        rows: the reference's; None for zeros.

    Raises:
        UsageError: the reference has another vocabulary.
        WeightsRefused: a logit is not finite, so that nothing can be measured.
    """
    if rows is not None and rows.shape != found.shape:
        what = f"the reference has a vocabulary of {rows.shape[1]:,} tokens, and the model one of {found.shape[1]:,}"
        raise UsageError(what, "compare a model with the one that it was quantized from")
    figures = np.zeros((3, len(targets)))
    for start in range(0, len(targets), _ROWS):
        part = slice(start, start + _ROWS)
        said = log_probabilities(found[part])
        figures[0, part] = -said[np.arange(len(said)), targets[part]]
        if rows is not None:
            expected = log_probabilities(rows[part].astype(np.float32))
            figures[1, part] = (np.exp(expected) * (expected - said)).sum(axis=1, dtype=np.float64)
            figures[2, part] = expected.argmax(axis=1) == said.argmax(axis=1)
    if not np.isfinite(figures).all():
        raise WeightsRefused("the model predicts what is no number", "its weights are damaged; quantize anew")
    return figures


def log_probabilities(logits: Logits) -> NDArray[np.float32]:
    """Of logits, [tokens, vocabulary]."""
    below = logits - logits.max(axis=1, keepdims=True)
    sums = np.exp(below).sum(axis=1, keepdims=True, dtype=np.float64)
    return np.asarray(below - np.log(sums), np.float32)
