"""A GGUF model opened to be measured: whole pieces of text in, the logits of their tokens out."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from edge_assistant.compute.runtime import Halt
from edge_assistant.language import llama
from edge_assistant_quantize import room
from edge_assistant_quantize.candidate import loading
from edge_assistant_quantize.errors import ModelTooLarge, QuantizationFailed

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Tokens = NDArray[np.int32]
    Logits = NDArray[np.float32]

UBATCH = 512  # tokens of one computation, as in llama.cpp's tools, so that figures are comparable
Node = Callable[[Any, bool, Any], bool]  # llama.cpp's evaluation callback: tensor, whether it only asks, user data


class Model:
    """A model with room for one sequence.

    Weights are not repacked, so that the measurement reads them as the product does.

    Args:
        path: a GGUF file.
        threads: that compute.
        context: tokens of the sequence.
        node: llama.cpp's evaluation callback, called for each node of the graph.
        halt: stops a computation.

    Raises:
        ModelCorrupt: the file is no sound GGUF, or llama.cpp cannot load it.
        ModelTooLarge: memory does not suffice.
        Stopped: `halt` was asked.
    """

    def __init__(
        self,
        path: Path,
        *,
        threads: int,
        context: int = UBATCH,
        node: Node | None = None,
        halt: Halt | None = None,
    ) -> None:
        self.name = path.name
        self.context = context
        self._halt = halt or Halt()
        self._llama = llama.library()
        with loading():
            self._model, _ = llama.load(path, self._halt)
        self._vocab = self._llama.llama_model_get_vocab(self._model)
        self.vocabulary = int(self._llama.llama_vocab_n_tokens(self._vocab))
        self._node = self._llama.ggml_backend_sched_eval_callback(node) if node else None
        try:
            self._ctx = self._new_context(threads, path.stat().st_size)
        except BaseException:
            self._llama.llama_model_free(self._model)
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        llama.free(self._ctx, self._model)

    @property
    def beginning(self) -> int | None:
        """The token that a text begins with; None if the model wants none."""
        wanted = self._llama.llama_vocab_get_add_bos(self._vocab)
        return int(self._llama.llama_vocab_bos(self._vocab)) if wanted else None

    @property
    def adds_end(self) -> bool:
        """Whether the model ends each text with a token, so that it predicts no text that goes on."""
        return bool(self._llama.llama_vocab_get_add_eos(self._vocab))

    def tokenize(self, text: bytes) -> Tokens:
        """The tokens of a text, with the one that it begins with if the model wants one; control tokens are text."""
        count = self._tokenized(text, tokens := np.zeros(len(text) + 2, np.int32))
        if count < 0:  # a tokenizer of pieces may make more tokens than there are bytes: it puts a blank before them
            count = self._tokenized(text, tokens := np.zeros(-count, np.int32))
        return tokens[:count]

    def _tokenized(self, text: bytes, tokens: Tokens) -> int:
        """Fill in the tokens of a text; their number, negated if there is no room for them."""
        place = tokens.ctypes.data_as(ctypes.POINTER(self._llama.llama_token))
        return int(self._llama.llama_tokenize(self._vocab, text, len(text), place, len(tokens), True, False))

    def evaluate(self, tokens: Tokens, first: int = 0) -> Logits:
        """Compute a text from its beginning.

        Args:
            tokens: no more than the context.
            first: the place of the first token whose logits are wanted.

        Returns:
            [tokens - first, vocabulary]; the next computation overwrites it.

        Raises:
            QuantizationFailed: llama.cpp cannot compute it.
            Stopped: `halt` was asked.
        """
        self._llama.llama_memory_clear(self._llama.llama_get_memory(self._ctx), True)
        array = (self._llama.llama_token * len(tokens))(*tokens.tolist())
        batch = self._llama.llama_batch_get_one(array, len(tokens))
        batch.logits = (ctypes.c_int8 * len(tokens))(*(number >= first for number in range(len(tokens))))
        status = self._llama.llama_decode(self._ctx, batch)
        if status == llama.ABORTED:
            self._halt.check()
        if status != 0:
            raise QuantizationFailed(f"{self.name} cannot be computed (llama.cpp says {status})", "look at the model")
        found = self._llama.llama_get_logits(self._ctx)
        if not found:
            raise QuantizationFailed(f"{self.name} predicts no tokens", "measure a model that writes")
        return np.ctypeslib.as_array(found, shape=(len(tokens) - first, self.vocabulary))

    def _new_context(self, threads: int, size: int) -> Any:  # noqa: ANN401 - a pointer of llama.cpp
        params = self._llama.llama_context_default_params()
        params.n_ctx = params.n_batch = self.context
        params.n_ubatch = min(UBATCH, self.context)
        params.n_threads = params.n_threads_batch = threads
        if self._node:
            params.cb_eval = self._node
        llama.stop_by(params, self._halt)
        room.check_memory(f"measuring {self.name}", size + self.context * self.vocabulary * 4)
        context = self._llama.llama_init_from_model(self._model, params)
        if not context:
            raise ModelTooLarge(
                f"there is not enough memory to run {self.name}", "close other programs, or take fewer tokens"
            )
        return context
