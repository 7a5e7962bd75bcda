"""llama.cpp plain: the same file, threads and prompt tokens as the product, decoded greedily one token at a time.

Its own greedy sampler, nothing kept from one prompt to the next. The weights are opened as the product opens them, for
repacked ones, llama.cpp's default, are multiplied in another order and give other words in half of all texts.
"""

from __future__ import annotations

import ctypes
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge_assistant.errors import UsageError
from edge_assistant.language import llama
from edge_assistant.language.chat import Message, render
from edge_assistant.language.engine import CONTEXT

_MAX_PIECE = 256  # bytes of one token


@dataclass(frozen=True, slots=True)
class Written:
    """What a model wrote.

    Attributes:
        text: of it.
        tokens: in it.
        first_s: seconds until the first token.
        decode_s: seconds from the first token until the end.
    """

    text: str
    tokens: int
    first_s: float
    decode_s: float


class Plain:
    """A GGUF model in a context of llama.cpp's defaults."""

    def __init__(self, path: Path, threads: int, family: str, opening: str, *, repacked: bool = False) -> None:
        """Open it.

        Args:
            path: of the GGUF file.
            threads: of decoding and of prompts.
            family: of the chat template, as `language.chat.render` takes it.
            opening: of the answer, as it takes that.
            repacked: whether the weights are repacked for the processor, as llama.cpp does it by default.

        Raises:
            UsageError: llama.cpp cannot open it.
        """
        self._llama: Any = llama.library()
        self._family, self._opening = family, opening
        settings = self._llama.llama_model_default_params()
        settings.n_gpu_layers = 0
        settings.use_extra_bufts = repacked
        self._model = self._llama.llama_model_load_from_file(str(path).encode(), settings)
        if not self._model:
            raise UsageError(f"llama.cpp cannot open {path.name}", "run 'edge-assistant models verify'")
        self._vocab = self._llama.llama_model_get_vocab(self._model)
        params = self._llama.llama_context_default_params()
        params.n_ctx = CONTEXT
        params.n_threads = params.n_threads_batch = threads
        self._batch = params.n_batch
        self._context = self._llama.llama_init_from_model(self._model, params)
        self._sampler = self._llama.llama_sampler_init_greedy()

    def close(self) -> None:
        """Free its memory."""
        self._llama.llama_sampler_free(self._sampler)
        llama.free(self._context, self._model)

    def write(self, messages: Sequence[Message], max_tokens: int) -> Written:
        """Write greedily until it ends its turn, or `max_tokens` are written."""
        began = time.perf_counter()
        prompt = self.tokens(messages)
        self._llama.llama_memory_clear(self._llama.llama_get_memory(self._context), True)
        for start in range(0, len(prompt), self._batch):
            self._decode(prompt[start : start + self._batch])
        written: list[int] = []
        token = self._llama.llama_sampler_sample(self._sampler, self._context, -1)
        first = time.perf_counter()
        while len(written) < max_tokens and not self._llama.llama_vocab_is_eog(self._vocab, token):
            written.append(token)
            self._decode([token])
            token = self._llama.llama_sampler_sample(self._sampler, self._context, -1)
        ended = time.perf_counter()
        text = b"".join(map(self._piece, written)).decode("utf-8", "replace")
        return Written(text, len(written), first - began, ended - first)

    def tokens(self, messages: Sequence[Message]) -> list[int]:
        """A prompt's tokens, rendered as the product does."""
        found: list[int] = []
        for part in render(messages, self._family, self._opening):
            data = part.text.encode("utf-8", "replace")
            array = (self._llama.llama_token * (len(data) + 8))()
            found += array[
                : self._llama.llama_tokenize(self._vocab, data, len(data), array, len(array), False, part.control)
            ]
        return found

    def count(self, text: str) -> int:
        """Tokens of a text."""
        data = text.encode("utf-8", "replace")
        array = (self._llama.llama_token * (len(data) + 8))()
        return int(self._llama.llama_tokenize(self._vocab, data, len(data), array, len(array), False, False))

    def _decode(self, tokens: Sequence[int]) -> None:
        array = (self._llama.llama_token * len(tokens))(*tokens)
        if self._llama.llama_decode(self._context, self._llama.llama_batch_get_one(array, len(tokens))) != 0:
            raise UsageError("llama.cpp cannot decode", "close other programs, or take a smaller profile")

    def _piece(self, token: int) -> bytes:
        buffer = ctypes.create_string_buffer(_MAX_PIECE)
        length = self._llama.llama_token_to_piece(self._vocab, token, buffer, len(buffer), 0, False)
        return buffer.raw[:length]
