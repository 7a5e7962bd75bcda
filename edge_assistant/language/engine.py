"""The language model in llama.cpp: prompts in, text or a choice out.

A prompt's tokens that the last one shared with it stay in the KV cache and are not computed again. Decoding is greedy,
so that the same prompt gives the same text; a seed changes only what `temperature` samples.
"""

from __future__ import annotations

import codecs
import ctypes
import math
import time
import weakref
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from edge_assistant import limits
from edge_assistant.errors import CatalogInvalid, ModelTooLarge, UsageError
from edge_assistant.language import llama
from edge_assistant.language.chat import Message, Part, render, template
from edge_assistant.runtime import Runtime
from edge_assistant_models.installed import InstalledModel

if TYPE_CHECKING:
    from numpy.typing import NDArray

CONTEXT = limits.CONTEXT_TOKENS.value
BATCH = 256  # tokens of one llama_decode call: prefill at full speed, and an interruption waits for no more than one


@dataclass(slots=True)
class Usage:
    """What the model did since it was opened."""

    prompt_tokens: int = 0
    reused_tokens: int = 0
    completion_tokens: int = 0
    decode_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Choice:
    """An option chosen, and the probability that the model gives its tokens among all options' tokens."""

    index: int
    probability: float


class Engine(Protocol):
    """What reasoning needs of a language model."""

    name: str
    sha256: str
    usage: Usage

    def count(self, text: str) -> int:
        """Tokens of a text."""

    def choose(self, messages: Sequence[Message], options: Sequence[str]) -> Choice:
        """Let the model answer with exactly one of the options."""

    def stream(
        self, messages: Sequence[Message], *, max_tokens: int, temperature: float = 0.0, seed: int = 0
    ) -> Iterator[str]:
        """Let the model write, piece by piece, until it ends its turn."""


@dataclass(slots=True)
class _Node:
    """A prefix tree over the options' tokens."""

    option: int | None = None
    children: dict[int, _Node] = field(default_factory=dict)


class LlamaEngine:
    """A GGUF model.

    Args:
        model: files: `model`; options: `family` (see `chat.TEMPLATES`), `opening` (see `chat.render`).
        runtime: gives the threads.
        context: tokens of the KV cache.

    Raises:
        ModelCorrupt: the file is not the one that was hashed, its header is unsound, or llama.cpp cannot load it.
        Stopped: that was asked while it was loaded.
        CatalogInvalid: the chat family is not known.
    """

    def __init__(self, model: InstalledModel, runtime: Runtime, context: int = CONTEXT) -> None:
        self.name = model.name
        self.sha256 = model.sha256
        self.usage = Usage()
        self._halt = runtime.halt
        self._family = str(model.options.get("family", "chatml"))
        end_of_turn = template(self._family).end_of_turn  # an unknown family is refused before anything is loaded
        self._opening = str(model.options.get("opening", ""))
        self._cached: list[int] = []
        trained = model.options.get("context")
        self._context_tokens = min(context, trained) if isinstance(trained, int) else context
        self._llama: Any = llama.library()
        self._model = llama.load(model.files["model"], runtime.halt)
        self._vocab = self._llama.llama_model_get_vocab(self._model)
        self._ctx = self._new_context(runtime.threads)
        self._free = weakref.finalize(self, llama.free, self._ctx, self._model)  # who switches models needs it
        self._free.atexit = False
        self._n_vocab = self._llama.llama_vocab_n_tokens(self._vocab)
        end = self._tokenize(Part(end_of_turn, control=True))
        if len(end) != 1:
            raise CatalogInvalid(f"{model.name} does not know {end_of_turn}", "correct 'family' in its catalog file")
        self._end = end[0]

    def close(self) -> None:
        """Free the model's memory, as is done when nothing refers to this any more; it cannot be used afterwards."""
        self._free()
        self._ctx = self._model = None

    def count(self, text: str) -> int:
        """Tokens of a text."""
        return len(self._tokenize(Part(text)))

    def choose(self, messages: Sequence[Message], options: Sequence[str]) -> Choice:
        """Let the model answer with exactly one of the options; ties go to the first.

        Raises:
            UsageError: the prompt does not fit into the context.
        """
        end = [self._end]
        root = _Node()
        for index, option in enumerate(options):
            node = root
            for token in self._tokenize(Part(option)) + end:
                node = node.children.setdefault(token, _Node())
            node.option = index if node.option is None else node.option
        logits = self._prefill(render(messages, self._family, self._opening))
        node, log_probability, forced = root, 0.0, list[int]()
        while node.option is None:
            tokens = list(node.children)
            best = 0
            if len(tokens) > 1:
                if forced:
                    logits = self._decode(forced)
                    forced.clear()
                scores = logits[tokens]
                best = int(np.argmax(scores))
                log_probability += float(scores[best]) - _log_sum_exp(scores)
            forced.append(tokens[best])
            node = node.children[tokens[best]]
        return Choice(node.option, math.exp(log_probability))

    def stream(
        self, messages: Sequence[Message], *, max_tokens: int, temperature: float = 0.0, seed: int = 0
    ) -> Iterator[str]:
        """Let the model write, piece by piece, until it ends its turn or `max_tokens` are written.

        Raises:
            UsageError: the prompt does not fit into the context.
        """
        generator = np.random.default_rng(seed)
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        logits = self._prefill(render(messages, self._family, self._opening))
        room = self._context_tokens - len(self._cached)
        for _ in range(min(max_tokens, room)):
            token = _sample(logits, temperature, generator)
            if self._llama.llama_vocab_is_eog(self._vocab, token):
                break
            if piece := decoder.decode(self._piece(token)):
                yield piece
            logits = self._decode([token])
        if rest := decoder.decode(b"", final=True):
            yield rest

    def _prefill(self, parts: Sequence[Part]) -> NDArray[np.float32]:
        """Compute a prompt behind the prefix that it shares with the last one; logits of its last token, [vocab]."""
        tokens = [token for part in parts for token in self._tokenize(part)]
        if len(tokens) >= self._context_tokens:
            raise UsageError(
                f"the prompt has {len(tokens):,} tokens, over the limit of {self._context_tokens:,}",
                "ask a shorter question",
            )
        shared = 0
        for old, new in zip(self._cached, tokens[:-1], strict=False):
            if old != new:
                break
            shared += 1
        self._keep(shared)
        self.usage.prompt_tokens += len(tokens)
        self.usage.reused_tokens += shared
        return self._evaluate(tokens[shared:])

    def _keep(self, count: int) -> None:
        """Keep the first tokens of the KV cache, and nothing behind them."""
        self._llama.llama_memory_seq_rm(self._llama.llama_get_memory(self._ctx), 0, count, -1)
        del self._cached[count:]

    def _decode(self, tokens: Sequence[int]) -> NDArray[np.float32]:
        """Append the model's own tokens and return the next logits, [vocab]."""
        began = time.perf_counter()
        logits = self._evaluate(tokens)
        self.usage.decode_s += time.perf_counter() - began
        self.usage.completion_tokens += len(tokens)
        return logits

    def _evaluate(self, tokens: Sequence[int]) -> NDArray[np.float32]:
        for start in range(0, len(tokens), BATCH):
            self._halt.check()
            batch = tokens[start : start + BATCH]
            array = (self._llama.llama_token * len(batch))(*batch)
            status = self._llama.llama_decode(self._ctx, self._llama.llama_batch_get_one(array, len(batch)))
            if status == llama.ABORTED:
                self._keep(len(self._cached))
                self._halt.check()
            if status != 0:
                self._cached.clear()
                self._llama.llama_memory_clear(self._llama.llama_get_memory(self._ctx), True)
                raise UsageError("the language model has no room for this prompt", "ask a shorter question")
            self._cached.extend(batch)
        pointer = self._llama.llama_get_logits_ith(self._ctx, -1)
        return np.ctypeslib.as_array(pointer, shape=(self._n_vocab,)).copy()

    def _tokenize(self, part: Part) -> list[int]:
        data = part.text.encode("utf-8", "replace")
        size = len(data) + 8
        tokens = (self._llama.llama_token * size)()
        count = self._llama.llama_tokenize(self._vocab, data, len(data), tokens, size, False, part.control)
        return list(tokens[:count])

    def _piece(self, token: int) -> bytes:
        buffer = ctypes.create_string_buffer(256)
        length = self._llama.llama_token_to_piece(self._vocab, token, buffer, len(buffer), 0, False)
        return buffer.raw[:length]

    def _new_context(self, threads: int) -> Any:  # noqa: ANN401 - a pointer of llama.cpp
        params = self._llama.llama_context_default_params()
        params.n_ctx = self._context_tokens
        params.n_batch = params.n_ubatch = BATCH
        params.n_threads = params.n_threads_batch = threads
        llama.stop_by(params, self._halt)
        context = self._llama.llama_init_from_model(self._model, params)
        if not context:
            self._llama.llama_model_free(self._model)
            raise ModelTooLarge(
                f"there is no memory to run {self.name}", "close other programs, or take a smaller profile"
            )
        return context


def _log_sum_exp(scores: NDArray[np.float32]) -> float:
    top = float(scores.max())
    return top + math.log(float(np.exp(scores - top).sum()))


def _sample(logits: NDArray[np.float32], temperature: float, generator: np.random.Generator) -> int:
    """The likeliest token, or one drawn by its probability (Gumbel-max) where there is a temperature."""
    if temperature <= 0:
        return int(np.argmax(logits))
    return int(np.argmax(logits / temperature + generator.gumbel(size=logits.shape)))
