"""The log probabilities of a reference model, kept in 16 bits as llama.cpp's perplexity tool keeps them.

One row stands for one token: a scale, the least log probability, and one number of 16 bits for each token of the
vocabulary; what is more than 16 nats below the likeliest counts as that. The file is the one of the tool's option
`--kl-divergence-base` (tools/perplexity/perplexity.cpp): it reads ours, and we read its.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from edge_assistant_quantize.errors import CalibrationInvalid, InputMissing

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edge_assistant_quantize.gguf.model import Logits, Tokens

    Rows = NDArray[np.uint16]

MAGIC = b"_logits_"
_HEAD = struct.Struct("<8sIii")  # magic, tokens of a chunk, vocabulary, chunks
_FIELDS = 4  # numbers of 16 bits that scale and least log probability take
RANGE = 16.0  # nats below the likeliest token
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
    """The largest logit of each row and the logarithm of the sum of the others' exponentials to it, [rows] each."""
    top = logits.max(axis=1)
    return top, np.log(np.exp(logits - top[:, None]).sum(axis=1, dtype=np.float64))


def encode(logits: Logits) -> Rows:
    """Logits, [tokens, vocabulary], as rows, [tokens, width]."""
    rows = np.zeros((len(logits), width(logits.shape[1])), np.uint16)
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


def is_kept(path: Path) -> bool:
    """Whether a file is one of these, and not a model."""
    try:
        with path.open("rb") as file:
            return file.read(len(MAGIC)) == MAGIC
    except OSError:
        return False


class Writer:
    """Writes the file, chunk by chunk.

    Args:
        file: that takes it.
        tokens: of all chunks, [chunks, tokens of a chunk].
        vocabulary: of the reference.
    """

    def __init__(self, file: BinaryIO, tokens: Tokens, vocabulary: int) -> None:
        self._file = file
        chunks, size = tokens.shape
        file.write(_HEAD.pack(MAGIC, size, vocabulary, chunks) + tokens.astype("<i4").tobytes())

    def add(self, rows: Rows) -> None:
        """Append the rows of the next chunk."""
        self._file.write(rows.astype("<u2", copy=False).tobytes())


class Reader:
    """Reads the file, chunk by chunk.

    Raises:
        InputMissing: it cannot be read.
        CalibrationInvalid: it is another kind of file, or not whole.
    """

    def __init__(self, path: Path) -> None:
        self._name = path.name
        try:
            self._file = path.open("rb")
        except OSError as error:
            raise InputMissing(f"{path.name} cannot be read ({error.strerror})", "keep a reference first") from None
        head = self._file.read(_HEAD.size).ljust(_HEAD.size, b"\0")
        magic, self.size, self.vocabulary, count = _HEAD.unpack(head)
        self._counted = self.size - 1 - self.size // 2
        row = width(max(self.vocabulary, 0)) * 2
        whole = _HEAD.size + count * (self.size * 4 + self._counted * row)
        if (
            magic != MAGIC
            or min(self.size, self.vocabulary, count) <= 0
            or os.fstat(self._file.fileno()).st_size != whole
        ):
            self.close()
            raise CalibrationInvalid(f"{path.name} holds no log probabilities of a reference", "keep a reference anew")
        self.tokens = np.frombuffer(self._file.read(count * self.size * 4), "<i4").reshape(count, self.size)

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def next(self) -> Rows:
        """The rows of the next chunk, [counted tokens, width]."""
        row = width(self.vocabulary)
        content = self._file.read(self._counted * row * 2)
        return np.frombuffer(content, "<u2").reshape(self._counted, row)


def bytes_of(chunks: int, size: int, vocabulary: int) -> int:
    """Bytes of the file of so many chunks of so many tokens."""
    return _HEAD.size + chunks * (size * 4 + (size - 1 - size // 2) * width(vocabulary) * 2)
