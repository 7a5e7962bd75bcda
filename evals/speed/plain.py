"""llama.cpp plain: the same file, threads and prompt tokens as the product, decoded greedily one token at a time.

Its own greedy sampler, nothing kept from one prompt to the next. So that the decoding alone is compared, a prompt is
read in the batches that the product reads it in, and the weights are opened as the product opens them: llama.cpp
computes batches of another size, and repacked weights, in another order, which gives other words in many texts.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from edge_assistant.core.errors import UsageError
from edge_assistant.language import llama
from edge_assistant.language.chat import Message, render
from edge_assistant.language.engine import CONTEXT
from edge_assistant.language.tokens import Tokenizer


@dataclass(frozen=True, slots=True)
class Generation:
    """What a model wrote."""

    text: str  # of it
    tokens: int  # in it
    first_s: float  # seconds until the first token
    decode_s: float  # seconds from the first token until the end


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
        self._tokenizer = Tokenizer(self._model)
        params = self._llama.llama_context_default_params()
        params.n_ctx = CONTEXT
        params.n_threads = params.n_threads_batch = threads
        self._context = self._llama.llama_init_from_model(self._model, params)
        self._sampler = self._llama.llama_sampler_init_greedy()

    def close(self) -> None:
        """Free its memory."""
        self._llama.llama_sampler_free(self._sampler)
        llama.free(self._context, self._model)

    def write(self, messages: Sequence[Message], max_tokens: int) -> Generation:
        """Write greedily until it ends its turn, or `max_tokens` are written."""
        began = time.perf_counter()
        prompt = self._tokenizer.prompt(render(messages, self._family, self._opening))
        self._llama.llama_memory_clear(self._llama.llama_get_memory(self._context), True)
        for start, end in pairwise((0, *prompt.cuts)):
            self._decode(prompt.tokens[start:end])
        written: list[int] = []
        token = self._llama.llama_sampler_sample(self._sampler, self._context, -1)
        first = time.perf_counter()
        while not self._tokenizer.ends(token):
            written.append(token)
            if len(written) == max_tokens:
                break
            self._decode([token])
            token = self._llama.llama_sampler_sample(self._sampler, self._context, -1)
        ended = time.perf_counter()
        text = b"".join(map(self._tokenizer.piece, written)).decode("utf-8", "replace")
        return Generation(text, len(written), first - began, ended - first)

    def count(self, text: str) -> int:
        """Tokens of a text."""
        return len(self._tokenizer.tokens(text))

    def _decode(self, tokens: Sequence[int]) -> None:
        array = (self._llama.llama_token * len(tokens))(*tokens)
        if self._llama.llama_decode(self._context, self._llama.llama_batch_get_one(array, len(tokens))) != 0:
            raise UsageError("llama.cpp cannot decode", "close other programs, or take a smaller profile")
