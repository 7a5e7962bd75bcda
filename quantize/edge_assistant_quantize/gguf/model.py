"""A GGUF model opened to be measured: whole pieces of text in, the logits of their tokens out."""

from __future__ import annotations

import ctypes
import weakref
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

UBATCH = 512  # tokens that are computed at once, as in llama.cpp's tools: their figures are compared with
Node = Callable[[Any, bool, Any], bool]  # llama.cpp's evaluation callback: tensor, whether it only asks, user data


class Model:
    """A model with room for one sequence.

    Weights are not repacked, so that what is measured reads them as the product does.

    Args:
        path: a GGUF file.
        threads: that compute.
        context: tokens of the sequence.
        batch: the most tokens of one computation.
        node: is called for each node of the graph, as llama.cpp's evaluation callback is.
        halt: the wish to stop.

    Raises:
        ModelCorrupt: the file is no sound GGUF, or llama.cpp cannot load it.
        ModelTooLarge: memory does not suffice.
        Stopped: that was asked.
    """

    def __init__(
        self,
        path: Path,
        *,
        threads: int,
        context: int = UBATCH,
        batch: int = UBATCH,
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
            self._ctx = self._new_context(threads, batch, path.stat().st_size)
        except BaseException:
            self._llama.llama_model_free(self._model)
            raise
        self._batch = self._llama.llama_batch_init(context, 0, 1)
        self._free = weakref.finalize(self, _freed, self._ctx, self._model, self._batch)
        self._free.atexit = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Free its memory; it cannot be used afterwards."""
        self._free()

    @property
    def beginning(self) -> int | None:
        """The token that a text begins with; None where the model wants none."""
        return (
            int(self._llama.llama_vocab_bos(self._vocab)) if self._llama.llama_vocab_get_add_bos(self._vocab) else None
        )

    @property
    def adds_end(self) -> bool:
        """Whether the model ends each text with a token, so that it predicts no text that goes on."""
        return bool(self._llama.llama_vocab_get_add_eos(self._vocab))

    def tokenize(self, text: bytes) -> Tokens:
        """The tokens of a text, with the one that it begins with where the model wants one; control tokens are text."""
        count = self._tokenized(text, tokens := np.zeros(len(text) + 2, np.int32))
        if count < 0:  # a tokenizer of pieces may make more tokens than there are bytes: it puts a blank before them
            count = self._tokenized(text, tokens := np.zeros(-count, np.int32))
        return tokens[:count]

    def _tokenized(self, text: bytes, tokens: Tokens) -> int:
        """Fill in the tokens of a text; how many they are, negated where there is no room for them."""
        place = tokens.ctypes.data_as(ctypes.POINTER(self._llama.llama_token))
        return int(self._llama.llama_tokenize(self._vocab, text, len(text), place, len(tokens), True, False))

    def evaluate(self, tokens: Tokens, first: int = 0) -> Logits:
        """Compute a text from its beginning.

        Args:
            tokens: no more than the context.
            first: the place of the first token whose logits are wanted.

        Returns:
            [tokens - first, vocabulary]; it is overwritten by the next computation.

        Raises:
            QuantizationFailed: llama.cpp cannot compute it.
            Stopped: that was asked.
        """
        self.forget()
        self.go_on(tokens, 0, first)
        found = self._llama.llama_get_logits(self._ctx)
        if not found:
            raise QuantizationFailed(f"{self.name} predicts no tokens", "measure a model that writes")
        return np.ctypeslib.as_array(found, shape=(len(tokens) - first, self.vocabulary))

    def forget(self) -> None:
        """Begin a new text."""
        self._llama.llama_memory_clear(self._llama.llama_get_memory(self._ctx), True)

    def go_on(self, tokens: Tokens, place: int, first: int) -> None:
        """Compute the tokens that stand at a place of the text.

        Args:
            tokens: that follow what was computed.
            place: of the first one in the text.
            first: the place among `tokens` of the first one whose logits are wanted.

        Raises:
            QuantizationFailed: llama.cpp cannot compute it.
            Stopped: that was asked.
        """
        batch = self._batch
        batch.n_tokens = len(tokens)
        for number, token in enumerate(tokens.tolist()):
            batch.token[number], batch.pos[number] = token, place + number
            batch.n_seq_id[number], batch.seq_id[number][0] = 1, 0
            batch.logits[number] = number >= first
        status = self._llama.llama_decode(self._ctx, batch)
        if status == llama.ABORTED:
            self._halt.check()
        if status != 0:
            raise QuantizationFailed(f"{self.name} cannot be computed (llama.cpp says {status})", "look at the model")

    def _new_context(self, threads: int, batch: int, size: int) -> Any:  # noqa: ANN401 - a pointer of llama.cpp
        params = self._llama.llama_context_default_params()
        params.n_ctx = self.context
        params.n_batch = self.context
        params.n_ubatch = min(batch, self.context)
        params.n_threads = params.n_threads_batch = threads
        if self._node:
            params.cb_eval = self._node
        llama.stop_by(params, self._halt)
        room.check_memory(f"measuring {self.name}", size + self.context * self.vocabulary * 4)
        context = self._llama.llama_init_from_model(self._model, params)
        if not context:
            raise ModelTooLarge(f"there is no memory to run {self.name}", "close other programs, or take fewer tokens")
        return context


def _freed(context: Any, model: Any, batch: Any) -> None:  # noqa: ANN401 - what llama.cpp allocated
    llama.library().llama_batch_free(batch)
    llama.free(context, model)
