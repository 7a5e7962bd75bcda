"""Perplexity of a model over a text, and its divergence from a reference, as llama.cpp's perplexity tool defines them.

The text is cut into chunks of one context each; the first half of a chunk is context only, and the tokens behind it are
predicted one by one (https://huggingface.co/docs/transformers/perplexity). Perplexity is the exponential of the mean
negative log likelihood. The Kullback-Leibler divergence is that of the model's distribution over the next token from
the reference's, in nats, whose log probabilities are taken in 16 bits (`kept`). tools/perplexity/perplexity.cpp.
"""

from __future__ import annotations

import math
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np

from edge_assistant.compute.runtime import Halt
from edge_assistant.storage import atomic
from edge_assistant_quantize import room
from edge_assistant_quantize.errors import UsageError, WeightsRefused
from edge_assistant_quantize.gguf import kept, text
from edge_assistant_quantize.gguf.model import Model
from edge_assistant_quantize.progress import Step, Watch

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edge_assistant_quantize.gguf.kept import Rows
    from edge_assistant_quantize.gguf.model import Logits, Tokens

CONTEXT = 512  # tokens of a chunk: the tool's default, with which figures are published


@dataclass(frozen=True, slots=True)
class Chunk:
    """Sums over the tokens of one chunk that were predicted.

    Attributes:
        tokens: how many they are.
        loss: negative log likelihood, nats.
        divergence: from the reference, nats; 0 without one.
        agreeing: tokens whose likeliest prediction is the reference's; 0 without one.
    """

    tokens: int
    loss: float
    divergence: float = 0.0
    agreeing: int = 0


@dataclass(frozen=True, slots=True)
class Divergence:
    """How far a model is from its reference, token by token.

    Attributes:
        mean: Kullback-Leibler divergence, nats.
        uncertainty: standard error of the mean.
        median: of the tokens.
        p99: the 99th percentile.
        largest: of all tokens.
        agreement: share of tokens whose likeliest prediction is the reference's.
        reference_perplexity: of the reference over the same tokens.
    """

    mean: float
    uncertainty: float
    median: float
    p99: float
    largest: float
    agreement: float
    reference_perplexity: float


@dataclass(frozen=True, slots=True)
class TextQuality:
    """What a model makes of a text.

    Attributes:
        perplexity: exponential of the mean negative log likelihood.
        uncertainty: its standard error.
        chunks: sums of each chunk, in order: what a paired bootstrap resamples.
        divergence: from the reference; None without one.
    """

    perplexity: float
    uncertainty: float
    chunks: tuple[Chunk, ...]
    divergence: Divergence | None = None

    @property
    def tokens(self) -> int:
        """How many were predicted."""
        return sum(chunk.tokens for chunk in self.chunks)


def measure(
    model: Path,
    text_file: Path,
    *,
    reference: Path | None = None,
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
        reference: what divergence is measured from: a GGUF file, which is computed beside the model, or a file that
            `keep` (or llama-perplexity --kl-divergence-base) has written. None for perplexity alone.
        context: tokens of a chunk.
        chunks: the most that are taken; None for all.
        threads: that compute.
        watch: is told of each chunk.
        halt: the wish to stop.

    Raises:
        ModelCorrupt, ModelTooLarge: a model cannot be opened.
        InputMissing, CalibrationInvalid: the text cannot be read, or is too short.
        UsageError: the reference has another vocabulary or was measured on another text.
        WeightsRefused: the model predicts what is no number.
        QuantizationFailed: llama.cpp cannot compute it.
    """
    text.check_context(context)
    with ExitStack() as open_:
        opened = open_.enter_context(Model(model, threads=threads, context=context, halt=halt))
        pieces = text.chunks(opened, text.read(text_file), text_file.name, chunks)
        compared = _reference(open_, reference, pieces, opened, threads, halt)
        tokens = _Tokens()
        for number in range(len(pieces)):
            watch(Step(f"perplexity of {model.name}", number, len(pieces)))
            first = context // 2
            logits = opened.evaluate(pieces.given(number), first)[:-1]
            targets = pieces.tokens[number, first + 1 :]
            tokens.add(logits, targets, compared.rows(number) if compared else None)
        watch(Step(f"perplexity of {model.name}", len(pieces), len(pieces)))
        return tokens.quality(len(pieces))


def keep(
    model: Path,
    text_file: Path,
    output: Path,
    *,
    context: int = CONTEXT,
    chunks: int | None = None,
    threads: int,
    watch: Watch,
) -> TextQuality:
    """Write a reference's log probabilities over a text, so that several models can be compared with it.

    Args:
        model: the reference, a GGUF file.
        text_file: plain text, at least two chunks long.
        output: the file; 25 MB a chunk of 512 for a vocabulary of 49,000, 78 MB for one of 152,000.
        context: tokens of a chunk.
        chunks: the most that are taken; None for all.
        threads: that compute.
        watch: is told of each chunk.

    Returns:
        What the reference itself makes of the text.

    Raises:
        StorageFull: the disk has no room for it.
        ModelCorrupt, ModelTooLarge, InputMissing, CalibrationInvalid, QuantizationFailed: see `measure`.
    """
    text.check_context(context)
    with Model(model, threads=threads, context=context) as opened:
        pieces = text.chunks(opened, text.read(text_file), text_file.name, chunks)
        needed = kept.bytes_of(len(pieces), context, opened.vocabulary)
        room.check_disk("the reference's predictions", needed, output.parent)
        what, first, tokens = f"predictions of {model.name}", context // 2, _Tokens()
        with atomic.storing(output.name, "free some space"), atomic.writing(output) as file:
            writer = kept.Writer(file, pieces.tokens, opened.vocabulary)
            for number in range(len(pieces)):
                watch(Step(what, number, len(pieces)))
                logits = opened.evaluate(pieces.given(number), first)[:-1]
                tokens.add(logits, pieces.tokens[number, first + 1 :], None)
                writer.add(kept.encode(logits))
        watch(Step(what, len(pieces), len(pieces)))
        return tokens.quality(len(pieces))


class _Reference(Protocol):
    """Gives the reference's rows, chunk by chunk from the first."""

    def rows(self, number: int) -> Rows:
        """Those of one chunk."""


def _reference(
    open_: ExitStack, path: Path | None, pieces: text.Chunks, model: Model, threads: int, halt: Halt | None
) -> _Reference | None:
    if path is None:
        return None
    if kept.is_kept(path):
        reader = kept.Reader(path)
        open_.callback(reader.close)
        _check_same(path, model, reader.vocabulary, reader.tokens[: len(pieces)], pieces.tokens)
        return _Kept(reader)
    reference = open_.enter_context(Model(path, threads=threads, context=model.context, halt=halt))
    _check_same(path, model, reference.vocabulary, pieces.tokens, pieces.tokens)
    return _Beside(reference, pieces)


def _check_same(path: Path, model: Model, vocabulary: int, theirs: Tokens, ours: Tokens) -> None:
    if vocabulary != model.vocabulary:
        said = f"{path.name} has a vocabulary of {vocabulary:,} tokens and {model.name} one of {model.vocabulary:,}"
        raise UsageError(said, "compare a model with the one that it was quantized from")
    if theirs.shape != ours.shape or not np.array_equal(theirs, ours):
        raise UsageError(f"{path.name} was measured on another text", "keep the reference anew for this text")


@dataclass(frozen=True, slots=True)
class _Kept:
    reader: kept.Reader

    def rows(self, number: int) -> Rows:
        return self.reader.next()


@dataclass(frozen=True, slots=True)
class _Beside:
    model: Model
    pieces: text.Chunks

    def rows(self, number: int) -> Rows:
        return kept.encode(self.model.evaluate(self.pieces.given(number), self.model.context // 2)[:-1])


class _Tokens:
    """Figures of every predicted token: loss, and against the reference its loss, divergence and agreement."""

    def __init__(self) -> None:
        self._columns: list[list[NDArray[np.float64]]] = [[], [], [], []]

    def add(self, logits: Logits, targets: Tokens, rows: Rows | None) -> None:
        """Take the tokens of one chunk.

        Args:
            logits: [tokens, vocabulary].
            targets: what really follows, [tokens].
            rows: of the reference.

        Raises:
            WeightsRefused: a logit is no finite number, so that nothing can be measured.
        """
        for part in kept.blocks(len(targets)):
            for column, values in zip(self._columns, _figures(logits[part], targets[part], rows, part), strict=True):
                column.append(values)
        if not np.isfinite(self._columns[0][-1]).all():
            raise WeightsRefused("the model predicts what is no number", "its weights are damaged; quantize anew")

    def quality(self, chunks: int) -> TextQuality:
        """What they come to, over so many chunks of equal length."""
        loss, reference, divergence, agreeing = (np.concatenate(column) for column in self._columns)
        perplexity = math.exp(loss.mean())
        sums = tuple(
            Chunk(len(one), float(one.sum()), float(kl.sum()), int(same.sum()))
            for one, kl, same in zip(
                *(np.split(column, chunks) for column in (loss, divergence, agreeing)), strict=True
            )
        )
        found = None
        if len(reference):
            found = Divergence(
                float(divergence.mean()),
                _standard_error(divergence),
                float(np.median(divergence)),
                float(np.quantile(divergence, 0.99)),
                float(divergence.max()),
                float(agreeing.mean()),
                math.exp(reference.mean()),
            )
        return TextQuality(perplexity, perplexity * _standard_error(loss), sums, found)


def _standard_error(values: NDArray[np.float64]) -> float:
    return float(values.std() / math.sqrt(max(len(values) - 1, 1)))


def _figures(logits: Logits, targets: Tokens, rows: Rows | None, part: slice) -> tuple[NDArray[np.float64], ...]:
    """Of some tokens: loss, the reference's loss, divergence, and whether both have the same likeliest token."""
    places = np.arange(len(targets))
    top, log_sum = kept.log_sum_exp(logits)
    norm = top + log_sum.astype(np.float32)
    loss = (norm - logits[places, targets]).astype(np.float64)
    if rows is None:
        return loss, np.empty(0), np.zeros(len(targets)), np.zeros(len(targets))
    expected = kept.decode(rows[part], logits.shape[1])
    shares = np.exp(expected)
    shares[expected <= -kept.RANGE] = 0  # as the tool leaves them out
    divergence = (shares * (expected - logits + norm[:, None])).sum(axis=1, dtype=np.float64)
    agreeing = (expected.argmax(axis=1) == logits.argmax(axis=1)).astype(np.float64)
    return loss, -expected[places, targets].astype(np.float64), divergence, agreeing
