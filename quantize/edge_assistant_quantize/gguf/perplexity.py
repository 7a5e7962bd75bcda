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
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import repeat
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from edge_assistant.compute.runtime import Halt
from edge_assistant.storage import atomic
from edge_assistant_quantize import room
from edge_assistant_quantize.errors import UsageError, WeightsRefused
from edge_assistant_quantize.gguf import text
from edge_assistant_quantize.gguf.model import Model
from edge_assistant_quantize.progress import ProgressStep, Watch, ignore

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edge_assistant_quantize.gguf.model import Logits, Tokens

    Figures = NDArray[np.float64]
    Rows = NDArray[np.float16]

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
    reference: Path | None = None,
    predictions: Path | None = None,
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
        reference: for the divergence: a GGUF file, which is computed beside the model.
        predictions: instead of `reference`, its file of `store` over the same text and chunks.
        context: tokens of a chunk.
        chunks: the most to take; None for all.
        threads: that compute.
        watch: receives each chunk.
        halt: stops the measurement.

    Raises:
        ModelCorrupt, ModelTooLarge: a model cannot be opened.
        InputMissing, CalibrationInvalid: the text cannot be read, or is too short.
        UsageError: the reference has another vocabulary, or the context is too short.
        WeightsRefused: the model predicts NaN or infinity.
        QuantizationFailed: llama.cpp cannot compute it.
    """
    with ExitStack() as stack:
        opened = stack.enter_context(Model(model, threads=threads, context=context, halt=halt))
        tokens, pieces = text.chunks(opened, text.read(text_file), text_file.name, chunks)
        other: Iterator[Rows | None] = repeat(None)
        if predictions:
            stream = stack.enter_context(predictions.open("rb"))
            other = (np.load(stream) for _ in range(len(pieces)))
        elif reference:
            beside = stack.enter_context(Model(reference, threads=threads, context=context, halt=halt))
            if beside.vocabulary != opened.vocabulary:
                sizes = f"{beside.vocabulary:,} tokens and {model.name} one of {opened.vocabulary:,}"
                what = f"{reference.name} has a vocabulary of {sizes}"
                raise UsageError(what, "compare a model with the one that it was quantized from")
            other = map(_halves, _predicted(beside, pieces, ignore))
        first = context // 2 + 1
        figures = np.stack([
            _figures(found, targets[first:], rows)
            for found, targets, rows in zip(_predicted(opened, pieces, watch), tokens, other, strict=False)
        ])  # fmt: skip
    sums = (hashlib.sha256(each.tobytes()).hexdigest() for each in tokens)
    return TextQuality(figures[:, 0], figures[:, 1], figures[:, 2], tuple(sums))


def store(
    model: Path,
    text_file: Path,
    output: Path,
    *,
    context: int = CONTEXT,
    chunks: int | None = None,
    threads: int,
    watch: Watch,
) -> None:
    """Write what a reference predicts over a text, so that several models can be compared with it.

    The file has 25 MB a chunk of 512 for a vocabulary of 49,000, 78 MB for one of 152,000: an array of numpy for each
    chunk. The other arguments and more errors are those of `measure`.

    Raises:
        StorageFull: the disk has no room for it.
    """
    with Model(model, threads=threads, context=context) as opened:
        _, pieces = text.chunks(opened, text.read(text_file), text_file.name, chunks)
        needed = len(pieces) * context // 2 * opened.vocabulary * 2
        room.check_disk("the reference's predictions", needed, output.parent)
        with atomic.storing(output.name, "free some space"), output.open("wb") as file:
            for found in _predicted(opened, pieces, watch):
                np.save(file, _halves(found))


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
        WeightsRefused: a logit is not finite, so that nothing can be measured.
    """
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


def _halves(logits: Logits) -> Rows:
    """The logits as they are stored: relative to the largest of a token."""
    return np.asarray(logits - logits.max(axis=1, keepdims=True), np.float16)
