"""Sentence embeddings: how near two texts are in meaning."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from edge_assistant.runtime import Runtime
from edge_assistant_models.installed import InstalledModel

if TYPE_CHECKING:
    from numpy.typing import NDArray

MAX_TOKENS = 128  # of one text; MiniLM was trained on 128 (model card of all-MiniLM-L6-v2)
_BATCH = 32  # texts of one run, sorted by length, so that little is padded


class Embedder:
    """MiniLM in ONNX Runtime.

    Args:
        model: files: `model`, `tokenizer`.
        runtime: opens the session.
    """

    def __init__(self, model: InstalledModel, runtime: Runtime) -> None:
        from tokenizers import Tokenizer

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
