"""The language model in llama.cpp: prompts in, text or a choice out.

What prompts have in common is read once (`states`); where the model repeats what it has read, several tokens are
decoded at a time (`lookup`). Decoding is greedy, so that the same prompt gives the same text on the same machine,
whatever was asked before; a seed changes only what `temperature` samples.
"""

from __future__ import annotations

import codecs
import math
import time
import weakref
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Protocol

import numpy as np

from edge_assistant.compute.runtime import Runtime
from edge_assistant.core import limits
from edge_assistant.core.errors import CatalogInvalid, UsageError
from edge_assistant.language import llama
from edge_assistant.language.chat import Message, render, template
from edge_assistant.language.context import Context
from edge_assistant.language.lookup import ALIKE, MARGIN, Costs, Lookup, Pace, likely
from edge_assistant.language.states import PromptReader, StateCache, States
from edge_assistant.language.tokens import TokenizedPrompt, Tokenizer
from edge_assistant_models.model import InstalledModel

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edge_assistant.vault.caches import SealedCache

CONTEXT = limits.CONTEXT_TOKENS.value


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

    def constrained(self, messages: Sequence[Message], grammar: str, *, max_tokens: int) -> str:
        """Let the model write what a grammar (GBNF) admits; broken off where it takes more tokens."""

    def prefill(self, messages: Sequence[Message]) -> None:
        """Read the stable beginning of a prompt that is going to come, so that only its rest remains to be read."""

    def settle(self) -> None:
        """Keep for a later process what was read; called where nobody waits for an answer."""

    def forget(self) -> None:
        """Let go of all that was read."""


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
        cache: keeps what was read between processes; None to keep nothing.
        speculative: whether several tokens may be decoded at a time. Without it a run is plain llama.cpp, token by
            token, which a bench compares with.

    Raises:
        ModelCorrupt: the file is not the one that was hashed, its header is unsound, or llama.cpp cannot load it.
        ModelTooLarge: there is no memory for it.
        Stopped: that was asked while it was loaded.
        CatalogInvalid: the chat family is not known.
    """

    def __init__(
        self,
        model: InstalledModel,
        runtime: Runtime,
        context: int = CONTEXT,
        *,
        cache: SealedCache | None = None,
        speculative: bool = True,
    ) -> None:
        self.name = model.name
        self.sha256 = model.sha256
        self.usage = Usage()
        self._family = str(model.options.get("family", "chatml"))
        end_of_turn = template(self._family).end_of_turn  # an unknown family is refused before anything is loaded
        self._opening = str(model.options.get("opening", ""))
        trained = model.options.get("context")
        size = min(context, trained) if isinstance(trained, int) else context
        self._model, offload = llama.load(model.files["model"], runtime.halt, runtime.gpu, size)
        free_model = weakref.finalize(self, llama.free_model, self._model)
        self._context = Context(self._model, runtime, size, self.name)
        free_model.detach()
        self._free = weakref.finalize(self, llama.free, self._context.pointer, self._model)
        self._free.atexit = False  # who switches models needs the memory; a process that ends does not
        self._tokenizer = Tokenizer(self._model)
        cached = StateCache(cache, f"{self.sha256} {llama.build()} {size} {offload}")
        self._reading = PromptReader(self._context, States(), cached)
        self._pace = Pace if speculative else None
        self._costs = Costs()
        end = self._tokenizer.tokens(end_of_turn, control=True)
        if len(end) != 1:
            raise CatalogInvalid(f"{model.name} does not know {end_of_turn}", "correct 'family' in its catalog file")
        self._end = end[0]

    def close(self) -> None:
        """Free the model's memory, as is done when nothing refers to this any more; it cannot be used afterwards."""
        self._free()
        self._model = None

    def count(self, text: str) -> int:
        """Tokens of a text."""
        return len(self._tokenizer.tokens(text))

    def choose(self, messages: Sequence[Message], options: Sequence[str]) -> Choice:
        """Let the model answer with exactly one of the options; ties go to the first.

        Raises:
            UsageError: the prompt does not fit into the context.
        """
        root = self._tree(options)
        logits = self._read(self._prompt(messages))
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
        logits = self._read(self._prompt(messages))
        most = min(max_tokens, self._context.size - len(self._context.tokens))
        if temperature > 0 or self._pace is None or not self._costs.pay:
            tokens = self._one_by_one(logits, temperature, seed)
        else:
            tokens = self._drafting(logits, [*likely(messages)], most, self._pace())
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        for token in islice(tokens, most):
            if self._tokenizer.ends(token):
                break
            if piece := decoder.decode(self._tokenizer.piece(token)):
                yield piece
        if rest := decoder.decode(b"", final=True):
            yield rest

    def constrained(self, messages: Sequence[Message], grammar: str, *, max_tokens: int) -> str:
        """Let the model write what a grammar (GBNF) admits, the likeliest token each time.

        Raises:
            UsageError: the prompt does not fit into the context, or the grammar cannot be used.
        """
        from edge_assistant.language.grammar import TokenGrammar

        rules = TokenGrammar(self._model, grammar)  # first: with none that can be read nothing is written
        try:
            logits = self._read(self._prompt(messages))
            written = bytearray()
            for _ in range(min(max_tokens, self._context.size - len(self._context.tokens))):
                if self._tokenizer.ends(token := rules.take(logits)):
                    break
                written += self._tokenizer.piece(token)
                logits = self._decode([token])
            return written.decode("utf-8", "replace")
        finally:
            rules.close()

    def _one_by_one(self, logits: NDArray[np.float32], temperature: float, seed: int) -> Iterator[int]:
        """The likeliest token each time, or at a temperature one drawn by its probability (Gumbel-max)."""
        generator = np.random.default_rng(seed)
        while True:
            drawn = logits / temperature + generator.gumbel(size=logits.shape) if temperature > 0 else logits
            yield (token := int(np.argmax(drawn)))
            logits = self._decode([token])

    def _drafting(self, logits: NDArray[np.float32], texts: Sequence[str], most: int, pace: Pace) -> Iterator[int]:
        """The likeliest token each time, several of them from one batch where a draft of them was right."""
        lookup = Lookup([self._context.tokens.copy(), *(self._tokenizer.tokens(text) for text in texts)])
        token, alike = int(np.argmax(logits)), len(self._context.tokens)
        while True:
            lookup.add(token)
            yield token
            following, found = lookup.draft()
            drafted = min(len(following), most - lookup.written) if self._costs.pay else 0
            draft = following[: pace.length(drafted, found)]
            right, token, alike = self._verify(token, draft, alike)
            if draft:
                pace.judged(found, right, len(draft))
            elif following:
                pace.judged(found, int(following[0] == token), 1)
            for accepted in draft[:right]:
                lookup.add(accepted)
                yield accepted

    def _verify(self, token: int, draft: list[int], alike: int) -> tuple[int, int, int]:
        """Append a token and what of a draft behind it is right.

        Args:
            token: what was written last.
            draft: what may follow.
            alike: tokens at the beginning that were computed as llama.cpp alone computes them.

        Returns:
            How many of the draft are right, the token that comes then, and how many were computed alike now.
        """
        began = time.perf_counter()
        before = len(self._context.tokens)
        likeliest = self._context.verify([token, *draft])
        self._costs.took(1 + len(draft), time.perf_counter() - began)
        margin = 0.0 if alike == before and len(draft) < ALIKE else MARGIN
        checked = enumerate(zip(draft, likeliest, strict=False))
        right = next((i for i, (drafted, (best, gap)) in checked if drafted != best or gap < margin), len(draft))
        self._context.keep(before + 1 + right)
        after, gap = likeliest[right]
        if gap < margin:
            after = self._again(alike)
        if not margin or gap < margin:
            alike = len(self._context.tokens)
        self.usage.decode_s += time.perf_counter() - began
        self.usage.completion_tokens += 1 + right
        return right, after, alike

    def _again(self, alike: int) -> int:
        """Compute what stands behind those tokens once more, as llama.cpp alone does; the token that comes then."""
        tokens = self._context.tokens[alike:]
        self._context.keep(alike)
        for start in range(0, len(tokens), ALIKE):
            likeliest = self._context.verify(tokens[start : start + ALIKE])
        return likeliest[-1][0]

    def prefill(self, messages: Sequence[Message]) -> None:
        """Read the stable beginning of a prompt that is going to come, so that only its rest remains to be read.

        Raises:
            UsageError: the prompt does not fit into the context.
            Stopped: that was asked; what was read until then need not be read again.
        """
        prompt = self._prompt(messages)
        if prompt.stable:
            self._reading.prefill(prompt.beginning(prompt.stable[-1]))

    def settle(self) -> None:
        """Keep for a later process what was read; called where nobody waits for an answer."""
        self._reading.settle()

    def forget(self) -> None:
        """Let go of all that was read."""
        self._reading.forget()

    def _tree(self, options: Sequence[str]) -> _Node:
        root = _Node()
        for index, option in enumerate(options):
            node = root
            for token in [*self._tokenizer.tokens(option), self._end]:
                node = node.children.setdefault(token, _Node())
            node.option = index if node.option is None else node.option
        return root

    def _prompt(self, messages: Sequence[Message]) -> TokenizedPrompt:
        prompt = self._tokenizer.prompt(render(messages, self._family, self._opening))
        if len(prompt.tokens) >= self._context.size:
            raise UsageError(
                f"the prompt has {len(prompt.tokens):,} tokens, over the limit of {self._context.size:,}",
                "ask a shorter question",
            )
        return prompt

    def _read(self, prompt: TokenizedPrompt) -> NDArray[np.float32]:
        """Read a prompt; logits behind it, [vocab]."""
        logits, known = self._reading.read(prompt)
        self.usage.prompt_tokens += len(prompt.tokens)
        self.usage.reused_tokens += known
        return logits

    def _decode(self, tokens: Sequence[int]) -> NDArray[np.float32]:
        """Append the model's own tokens and return the next logits, [vocab]."""
        began = time.perf_counter()
        logits = self._context.evaluate(tokens)
        self.usage.decode_s += time.perf_counter() - began
        self.usage.completion_tokens += len(tokens)
        return logits


def _log_sum_exp(scores: NDArray[np.float32]) -> float:
    top = float(scores.max())
    return top + math.log(float(np.exp(scores - top).sum()))
