"""One sequence of tokens in llama.cpp's KV cache: computed further, cut back, copied out and in."""

from __future__ import annotations

import ctypes
import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from edge_assistant.compute import sd_notify
from edge_assistant.compute.runtime import Runtime
from edge_assistant.core.errors import ModelFailed, ModelTooLarge, UsageError
from edge_assistant.language import llama
from edge_assistant.language.tokens import BATCH, TokenizedPrompt

if TYPE_CHECKING:
    from numpy.typing import NDArray

MOST_OUTPUTS = 32  # tokens of a batch whose logits are wanted; llama.cpp holds memory for as many, 0.6 MB each
_log = logging.getLogger(__name__)
_SEQUENCE = 0  # the only one: cells of others would be looked at with every token


class Context:
    """What a model has read, and what it expects next.

    Attributes:
        tokens: what it has read.
        cuts: lengths of it behind which a batch ended, rising.
        size: the most tokens that it can hold.
        pointer: of llama.cpp, for `llama.free`.
    """

    def __init__(self, model: Any, runtime: Runtime, size: int, name: str) -> None:  # noqa: ANN401 - a pointer
        """Make room for tokens.

        Args:
            model: pointer of llama.cpp.
            runtime: gives the threads and the wish to stop.
            size: the most tokens.
            name: of the model, for the error.

        Raises:
            ModelTooLarge: there is no memory for it.
        """
        self.tokens: list[int] = []
        self.cuts: list[int] = []
        self.size = size
        self._halt = runtime.halt
        self._llama: Any = llama.library()
        self._n_vocab = self._llama.llama_vocab_n_tokens(self._llama.llama_model_get_vocab(model))
        params = self._llama.llama_context_default_params()
        params.n_ctx = size
        params.n_batch = params.n_ubatch = BATCH
        params.n_outputs_max = MOST_OUTPUTS
        params.n_threads = params.n_threads_batch = runtime.threads
        llama.stop_by(params, self._halt)
        self.pointer = self._llama.llama_init_from_model(model, params)
        if not self.pointer:
            raise ModelTooLarge(
                f"there is not enough memory to run {name}", "close other programs, or take a smaller profile"
            )

    @property
    def _memory(self) -> Any:  # noqa: ANN401 - a pointer of llama.cpp
        return self._llama.llama_get_memory(self.pointer)

    def keep(self, count: int) -> None:
        """Keep the first tokens, and nothing behind them."""
        self._llama.llama_memory_seq_rm(self._memory, _SEQUENCE, count, -1)
        del self.tokens[count:]
        while self.cuts and self.cuts[-1] > count:
            self.cuts.pop()

    def clear(self) -> None:
        """Keep nothing."""
        self.tokens.clear()
        self.cuts.clear()
        self._llama.llama_memory_clear(self._memory, False)

    def read(self, prompt: TokenizedPrompt) -> NDArray[np.float32]:
        """Read a prompt on, of which this holds the beginning; logits behind it, [vocab].

        Raises:
            UsageError, ModelFailed, Stopped: as `evaluate`.
        """
        for cut in prompt.cuts:
            if cut > (known := len(self.tokens)):
                self._decode(prompt.tokens[known:cut])
        return self._last()

    def evaluate(self, tokens: Sequence[int]) -> NDArray[np.float32]:
        """Read tokens on; logits behind the last one, [vocab].

        Raises:
            UsageError: there is no room for them; nothing is kept then.
            ModelFailed: it cannot compute any more, for want of memory or for its card; nothing is kept then.
            Stopped: that was asked; the batches that were done are kept.
        """
        for start in range(0, len(tokens), BATCH):
            self._decode(tokens[start : start + BATCH])
        return self._last()

    def _last(self) -> NDArray[np.float32]:
        pointer = self._llama.llama_get_logits_ith(self.pointer, -1)
        return np.ctypeslib.as_array(pointer, shape=(self._n_vocab,)).copy()

    def verify(self, tokens: Sequence[int]) -> list[tuple[int, float]]:
        """Read at most `MOST_OUTPUTS` tokens on in one batch.

        Returns:
            Behind each of them the likeliest token, and by how much its logit is above the next one's.

        Raises:
            UsageError, ModelFailed, Stopped: as `evaluate`.
        """
        self._decode(tokens, every=True)
        pointer = self._llama.llama_get_logits(self.pointer)
        logits = np.ctypeslib.as_array(pointer, shape=(len(tokens), self._n_vocab))
        return [_likeliest(row) for row in logits]

    def save(self) -> NDArray[np.uint8]:
        """The state of the sequence as llama.cpp writes it, [bytes]; 28 KiB a token for Qwen 1.5B."""
        data = np.empty(self._llama.llama_state_seq_get_size(self.pointer, _SEQUENCE), np.uint8)
        written = self._llama.llama_state_seq_get_data(self.pointer, _bytes(data), data.size, _SEQUENCE)
        return data[:written]

    def load(self, data: NDArray[np.uint8], tokens: Sequence[int], cuts: Sequence[int]) -> bool:
        """Take what `save` gave for these tokens in place of what is held; False where it cannot be read."""
        self.clear()
        read = self._llama.llama_state_seq_set_data(self.pointer, _bytes(data), data.size, _SEQUENCE)
        last = self._llama.llama_memory_seq_pos_max(self._memory, _SEQUENCE)
        if read != data.size or last != len(tokens) - 1:
            self.clear()
            return False
        self.tokens, self.cuts = list(tokens), list(cuts)
        return True

    def _decode(self, tokens: Sequence[int], *, every: bool = False) -> None:
        """One batch; positions follow on by themselves, logits are computed for the last token or for every one."""
        self._halt.check()
        array = (self._llama.llama_token * len(tokens))(*tokens)
        batch = self._llama.llama_batch_get_one(array, len(tokens))
        wanted = (ctypes.c_int8 * len(tokens))(*[1] * len(tokens))
        if every:
            batch.logits = wanted
        status = self._llama.llama_decode(self.pointer, batch)
        if status == llama.ABORTED:
            self.keep(len(self.tokens))
            self._halt.check()
        if status != 0:
            self.clear()
            if status == llama.NO_ROOM:
                raise UsageError("the language model has no room for this prompt", "ask a shorter question")
            _log.error("llama_decode returned %d for %d tokens", status, len(tokens))
            hint = "close other programs and ask again; with gpu = 'off' it computes without a graphics card"
            raise ModelFailed("the language model cannot compute, as where memory ran out or a card failed", hint)
        sd_notify.advanced()
        self.tokens.extend(tokens)
        self.cuts.append(len(self.tokens))


def _likeliest(row: NDArray[np.float32]) -> tuple[int, float]:
    """The index of the largest number, and how far it is above the second; the row is changed."""
    index = int(np.argmax(row))
    largest = float(row[index])
    row[index] = -np.inf
    return index, largest - float(row.max())


def _bytes(data: NDArray[np.uint8]) -> Any:  # noqa: ANN401 - a pointer
    return data.ctypes.data_as(ctypes.POINTER(ctypes.c_uint8))
