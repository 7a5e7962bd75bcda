"""Sentence embeddings: how near two texts are in meaning."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from edge_assistant.compute.runtime import Runtime
from edge_assistant.storage import cachefile
from edge_assistant_models import loading, paths
from edge_assistant_models.model import InstalledModel

if TYPE_CHECKING:
    from numpy.typing import NDArray

MAX_TOKENS = 128  # of one text; MiniLM was trained on 128 (model card of all-MiniLM-L6-v2)
_BATCH = 32  # texts of one run, sorted by length, so that little is padded
MAX_BYTES = 64 << 20  # of the file of vectors; those of the product are 8 MB, a domain file adds some
_FOLDER = "embeddings"  # of the cache directory
_HEAD = b"edge-assistant vectors 1\n"
_COUNTS = struct.Struct("<QQ")  # how many vectors, and their width; then the sums of all texts, then all vectors
_SUM = hashlib.sha256().digest_size


class Embedder:
    """MiniLM in ONNX Runtime.

    Args:
        model: files: `model`, `tokenizer`.
        runtime: opens the session.
    """

    def __init__(self, model: InstalledModel, runtime: Runtime) -> None:
        from tokenizers import Tokenizer

        self._known: dict[tuple[str, ...], NDArray[np.float32]] = {}
        self._kept = _Kept(paths.cache_dir() / _FOLDER / f"{model.sha256}.bin")
        self._session = runtime.session(model.files["model"])
        self._inputs = [given.name for given in self._session.get_inputs()]
        self._tokenizer = Tokenizer.from_buffer(loading.read(model.files["tokenizer"]))
        self._tokenizer.enable_truncation(MAX_TOKENS)
        self._tokenizer.enable_padding()

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Unit vectors of texts, float32 [n, dimensions]; their dot product is the cosine of two texts."""
        order = sorted(range(len(texts)), key=lambda i: len(texts[i]))
        vectors: dict[int, NDArray[np.float32]] = {}
        for start in range(0, len(order), _BATCH):
            part = order[start : start + _BATCH]
            vectors.update(zip(part, self._run([texts[i] for i in part]), strict=True))
        return np.stack([vectors[i] for i in range(len(texts))]) if texts else np.zeros((0, 0), np.float32)

    def known(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """The vectors of texts that come with the product, as `embed`; they are computed once for a model.

        They are kept in the cache directory, where it can be written to: 2 ms a text are seconds for all examples.
        What a user says or shows is not for this: it would be kept, too.
        """
        key = tuple(texts)
        if key not in self._known:
            self._known[key] = self._kept.of(key, self.embed)
        return self._known[key]

    def _run(self, texts: list[str]) -> NDArray[np.float32]:
        """Mean of the token vectors under the attention mask, normalised (sentence-transformers' pooling)."""
        encoded = self._tokenizer.encode_batch([text.encode("utf-8", "replace").decode() for text in texts])
        mask = np.array([e.attention_mask for e in encoded], np.int64)
        given = {
            "input_ids": np.array([e.ids for e in encoded], np.int64),
            "attention_mask": mask,
            "token_type_ids": np.zeros_like(mask),
        }
        hidden = self._session.run(None, {name: given[name] for name in self._inputs})[0]
        if hidden.ndim == 3:  # [batch, tokens, dimensions]; an export with pooling inside gives [batch, dimensions]
            weights = mask[:, :, None].astype(np.float32)
            hidden = (hidden * weights).sum(1) / weights.sum(1)
        return np.asarray(hidden / np.linalg.norm(hidden, axis=1, keepdims=True), np.float32)


class _Kept:
    """Vectors by the sums of their texts, in memory and in one file.

    Args:
        path: of the file; it need not be there, and is made anew where it cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._vectors: dict[str, NDArray[np.float16]] | None = None

    def of(self, texts: Sequence[str], embed: Callable[[Sequence[str]], NDArray[np.float32]]) -> NDArray[np.float32]:
        """The vectors of texts; those that are not kept yet are computed, and kept."""
        vectors = self._vectors = _read(self._path) if self._vectors is None else self._vectors
        sums = [hashlib.sha256(text.encode()).hexdigest() for text in texts]
        missing = {digest: text for digest, text in zip(sums, texts, strict=True) if digest not in vectors}
        if missing:
            computed = embed(list(missing.values())).astype(np.float16)
            vectors.update(zip(missing, computed, strict=True))
            _write(self._path, vectors)
        return np.stack([vectors[digest] for digest in sums]).astype(np.float32)


def _read(path: Path) -> dict[str, NDArray[np.float16]]:
    """The vectors in a file of `_write`, by the sums of their texts; none where there is no such file."""
    content = cachefile.read(path, _HEAD, MAX_BYTES)
    if content is None or len(content) < _COUNTS.size:
        return {}
    count, width = _COUNTS.unpack_from(content)
    first = _COUNTS.size + _SUM * count
    if len(content) != first + 2 * count * width:
        return {}
    sums = (content[place : place + _SUM].hex() for place in range(_COUNTS.size, first, _SUM))
    vectors = np.frombuffer(content, np.float16, count * width, first).reshape(count, width)
    return dict(zip(sums, vectors, strict=True)) if np.isfinite(vectors).all() else {}


def _write(path: Path, vectors: Mapping[str, NDArray[np.float16]]) -> None:
    """Keep vectors in half precision, all or none of them; without space or permission they are made again."""
    matrix = np.stack(list(vectors.values()))
    with suppress(OSError):
        cachefile.write(path, _HEAD, [_COUNTS.pack(*matrix.shape), *map(bytes.fromhex, vectors), matrix.tobytes()])
