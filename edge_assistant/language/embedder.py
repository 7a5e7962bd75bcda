"""Sentence embeddings: how near two texts are in meaning."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from edge_assistant.runtime import Runtime
from edge_assistant_models import paths
from edge_assistant_models.installed import InstalledModel

if TYPE_CHECKING:
    from numpy.typing import NDArray

MAX_TOKENS = 128  # of one text; MiniLM was trained on 128 (model card of all-MiniLM-L6-v2)
_BATCH = 32  # texts of one run, sorted by length, so that little is padded
_FOLDER = "embeddings"  # of the cache directory


class Embedder:
    """MiniLM in ONNX Runtime.

    Args:
        model: files: `model`, `tokenizer`.
        runtime: opens the session.
    """

    def __init__(self, model: InstalledModel, runtime: Runtime) -> None:
        from tokenizers import Tokenizer

        self._sha256 = model.sha256
        self._known: dict[str, NDArray[np.float32]] = {}
        self._session = runtime.session(model.files["model"])
        self._inputs = [given.name for given in self._session.get_inputs()]
        self._tokenizer = Tokenizer.from_file(str(model.files["tokenizer"]))
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

        They are kept in the cache directory, where it can be written to: 3 ms a text are seconds for all examples.
        What a user says or shows is not for this: it would be kept, too.
        """
        digest = hashlib.sha256("\n".join([self._sha256, *texts]).encode()).hexdigest()
        if digest not in self._known:
            path = paths.cache_dir() / _FOLDER / f"{digest}.npy"
            found = _read(path, len(texts))
            if found is None:
                found = self.embed(texts)
                _write(path, found)
            self._known[digest] = found
        return self._known[digest]

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


def _read(path: Path, rows: int) -> NDArray[np.float32] | None:
    """The vectors in a file of `_write`; None where there is none, or something else."""
    try:
        found = np.load(path, allow_pickle=False)
    except (OSError, ValueError):
        return None
    whole = found.ndim == 2 and len(found) == rows and np.isfinite(found).all()
    return found.astype(np.float32) if whole else None


def _write(path: Path, vectors: NDArray[np.float32]) -> None:
    """Keep vectors with half precision, whole or not at all; without space or permission they are made again."""
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, suffix=".part")
        try:
            with os.fdopen(handle, "wb") as file:
                np.save(file, vectors.astype(np.float16), allow_pickle=False)
            Path(name).replace(path)
        except OSError:
            Path(name).unlink(missing_ok=True)
            raise
