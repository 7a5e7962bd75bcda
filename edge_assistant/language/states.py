"""What the model has read before is not read again: states of the KV cache, kept in memory and between processes.

Asked about one source, then another, then the first again, the model reads the question alone. A state is copied out
when another prompt takes its place and copied in when it is wanted, 28 KiB a token for Qwen 1.5B, at memory's speed;
held side by side in llama.cpp's own cache they would slow every token down, which looks at the cells of all sequences.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from edge_assistant.core import limits
from edge_assistant.language.context import Context
from edge_assistant.language.tokens import TokenizedPrompt, shared

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edge_assistant.vault.caches import SealedCache
    from edge_assistant.vault.vault import Vault

MAX_BYTES = limits.STATE_BYTES.value
_LOADED_WORTH = 16  # tokens: to read fewer takes no longer than to copy a state in
_CACHED_WORTH = 32  # tokens: to read fewer takes no longer than to read a file and open its seal
_TOKEN_BYTES = 64  # of a token in a tuple, roughly
_FORMAT = b"2"  # of what is kept between processes


def state_cache(vault: Vault | None) -> SealedCache | None:
    """The user's, sealed with a key of this vault; None without one."""
    from edge_assistant.vault.caches import SealedCache

    return None if vault is None else SealedCache("language", limits.CACHED_STATES_BYTES.value, vault)


@dataclass(frozen=True, slots=True)
class PrefixState:
    """What the model computed for a prompt, or for its beginning.

    Attributes:
        prompt: that was read.
        cuts: lengths behind which a batch ended, see `TokenizedPrompt.cuts`.
        data: of the KV cache, as `Context.save` gives it.
        logits: behind the last token, [vocab], where they are known.
    """

    prompt: TokenizedPrompt
    cuts: tuple[int, ...]
    data: NDArray[np.uint8]
    logits: NDArray[np.float32] | None = None

    @property
    def key(self) -> tuple[int, ...]:
        """What it is kept under: prompts with the same source take each other's place."""
        return self.prompt.tokens[: self.prompt.source] or self.prompt.tokens

    @property
    def size(self) -> int:
        """Bytes."""
        logits = 0 if self.logits is None else self.logits.nbytes
        return self.data.nbytes + logits + _TOKEN_BYTES * len(self.prompt.tokens)


class States:
    """States in memory; those used least are dropped.

    Attributes:
        bytes: of all of them.
    """

    bytes: int

    def __init__(self, max_bytes: int = MAX_BYTES) -> None:
        self._max_bytes = max_bytes
        self._kept: OrderedDict[tuple[int, ...], PrefixState] = OrderedDict()
        self.bytes = 0

    def __iter__(self) -> Iterator[PrefixState]:
        """All of them, those used last at the end."""
        return iter(tuple(self._kept.values()))

    def find(self, prompt: TokenizedPrompt) -> tuple[PrefixState | None, int]:
        """The state that holds the longest beginning of a prompt, of equals the smallest, and that length."""
        best: PrefixState | None = None
        most = 0
        for state in self._kept.values():
            length = usable(state.prompt.tokens, state.cuts, prompt)
            if length > most or (best is not None and length == most and state.size < best.size):
                best, most = state, length
        return best, most

    def use(self, tokens: tuple[int, ...]) -> bool:
        """Whether the state of just these tokens is there; it counts as used."""
        found = next((key for key, state in self._kept.items() if state.prompt.tokens == tokens), None)
        if found is not None:
            self._kept.move_to_end(found)
        return found is not None

    def put(self, state: PrefixState) -> None:
        """Keep a state, in place of one with the same key."""
        self.drop(state.key)
        if state.size > self._max_bytes:
            return
        self._kept[state.key] = state
        self.bytes += state.size
        while self.bytes > self._max_bytes:
            self.drop(next(iter(self._kept)))

    def clear(self) -> None:
        """Drop all of them."""
        self._kept.clear()
        self.bytes = 0

    def drop(self, key: tuple[int, ...]) -> None:
        """Drop the state with a key, where there is one."""
        if (state := self._kept.pop(key, None)) is not None:
            self.bytes -= state.size


def usable(tokens: Sequence[int], cuts: Sequence[int], prompt: TokenizedPrompt) -> int:
    """The longest beginning of a prompt that was read as the prompt would be, cut into the same batches."""
    common = shared(tokens, prompt.tokens)
    return max((cut for cut in prompt.cuts[: shared(cuts, prompt.cuts)] if cut <= common), default=0)


class StateCache:
    """States between processes: each is kept under the tokens that it is for, of this model in this build alone.

    What is kept ends before the question: a person's words stay in memory.
    """

    def __init__(self, cache: SealedCache | None, identity: str) -> None:
        """Take the cache.

        Args:
            cache: where; None to keep nothing.
            identity: what else a state depends on: the model's sum, llama.cpp's version and build, the context's size,
                the layers on cards. The chat family and the opening are among the tokens.
        """
        self._sealed = cache
        self._identity = identity.encode()
        self._since: str | None = None  # the mark of the time from which on what is read may be kept

    def forgotten(self) -> bool:
        """Whether something was forgotten, here or by another process, since this was asked before."""
        former, self._since = self._since, None if self._sealed is None else self._sealed.mark()
        return self._since != former

    def get(self, prompt: TokenizedPrompt, more_than: int) -> PrefixState | None:
        """The state for the longest stable beginning of a prompt; none for one that saves too little.

        Args:
            prompt: to be read.
            more_than: tokens of it that are known without.
        """
        for length in reversed(prompt.stable):
            if self._sealed is None or length < more_than + _CACHED_WORTH:
                return None
            beginning = prompt.beginning(length)
            key = self._key(beginning)
            if (data := self._sealed.get(key)) is not None and (state := _unpacked(data, key, beginning)) is not None:
                return state
        return None

    def lacks(self, beginning: TokenizedPrompt) -> bool:
        """Whether the state for this beginning of a prompt is worth putting there."""
        if self._sealed is None or self._since is None or len(beginning.tokens) < _CACHED_WORTH:
            return False
        return self._sealed.lacks(self._key(beginning))

    def put(self, state: PrefixState) -> None:
        """Keep a state that is lacked, as far as there is room; it was made since `forgotten` was asked."""
        if self._sealed is not None:
            key = self._key(state.prompt)
            data = msgspec.msgpack.encode(_Packed(key, state.cuts, state.data.data))
            self._sealed.put(key, data, self._since)

    def _key(self, prompt: TokenizedPrompt) -> str:
        tokens = np.asarray(prompt.tokens, np.int32).tobytes()
        return hashlib.sha256(_FORMAT + self._identity + b"\0" + tokens).hexdigest()


class _Packed(msgspec.Struct, array_like=True, frozen=True):
    """A state as bytes, with the key that it was made for."""

    key: str
    cuts: tuple[int, ...]
    data: memoryview


def _unpacked(data: bytes, key: str, prompt: TokenizedPrompt) -> PrefixState | None:
    """The state that was packed, or None where the data is anything else: llama.cpp gets no bytes but its own."""
    try:
        found = msgspec.msgpack.decode(data, type=_Packed)
    except msgspec.MsgspecError:
        return None
    return PrefixState(prompt, found.cuts, np.frombuffer(found.data, np.uint8)) if found.key == key else None


class PromptReader:
    """Reads prompts, and of each only what is not known."""

    def __init__(self, context: Context, states: States, cached: StateCache) -> None:
        """Take what reads, and where its states are kept in memory and between processes."""
        self._context = context
        self._states = states
        self._cache = cached
        self._prompt = TokenizedPrompt(())  # the one that the context has read, or was reading when it was stopped
        self._logits: NDArray[np.float32] | None = None  # behind it

    def read(self, prompt: TokenizedPrompt) -> tuple[NDArray[np.float32], int]:
        """Have the context hold a prompt and nothing more.

        Returns:
            The logits behind it, [vocab], and how many of its tokens were not read, being known.

        Raises:
            UsageError, ModelFailed, Stopped: as `Context.evaluate`.
        """
        self._follow()
        known = self._fetch(prompt)
        if known == len(prompt.tokens):
            if self._prompt.tokens == prompt.tokens and self._logits is not None:
                self._context.keep(known)
                return self._logits, known
            known = max((cut for cut in prompt.cuts if cut < known), default=0)  # the last batch gives its logits again
        self._context.keep(known)
        self._prompt, self._logits = prompt, None
        self._logits = self._context.read(prompt)
        return self._logits, known

    def prefill(self, beginning: TokenizedPrompt) -> None:
        """Read the beginning of a prompt, unless it is known.

        Raises:
            UsageError, ModelFailed, Stopped: as `Context.evaluate`.
        """
        self._follow()
        here = usable(self._context.tokens, self._context.cuts, beginning)
        if max(here, self._states.find(beginning)[1]) < len(beginning.tokens):
            self.read(beginning)

    def settle(self) -> None:
        """Keep for a later process what was read of files and instructions; tens of milliseconds for a source."""
        self._follow()
        self._leave()
        for state in self._states:
            for end in reversed(state.prompt.kept):
                self._keep(state, state.prompt.beginning(end))

    def forget(self) -> None:
        """Let go of all that was read."""
        self._states.clear()
        self._context.clear()
        self._prompt, self._logits = TokenizedPrompt(()), None

    def _follow(self) -> None:
        """Let go of what was read before something was forgotten, whoever did that: it would be kept past it."""
        if self._cache.forgotten():
            self.forget()

    def _keep(self, state: PrefixState, beginning: TokenizedPrompt) -> None:
        """Keep the beginning of a state, unless it is there."""
        if not self._cache.lacks(beginning):
            return
        if shared(self._context.tokens, beginning.tokens) < len(beginning.tokens) and not self._load(state):
            return
        self._context.keep(len(beginning.tokens))
        self._cache.put(PrefixState(beginning, tuple(self._context.cuts), self._context.save()))

    def _fetch(self, prompt: TokenizedPrompt) -> int:
        """Have the context hold the longest beginning of a prompt that is known; its length."""
        here = usable(self._context.tokens, self._context.cuts, prompt)
        state, known = self._states.find(prompt)
        cached = self._cache.get(prompt, max(here, known))
        if here < (self._prompt.source or len(self._prompt.tokens)):
            self._leave()
        if cached is not None:
            state, known = cached, usable(cached.prompt.tokens, cached.cuts, prompt)
        if state is None or known < here + _LOADED_WORTH:
            return here
        return known if self._load(state) else 0

    def _load(self, state: PrefixState) -> bool:
        self._states.use(state.prompt.tokens)
        if self._context.load(state.data, state.prompt.tokens, state.cuts):
            self._prompt, self._logits = state.prompt, state.logits
            return True
        self._states.drop(state.key)
        self._prompt, self._logits = TokenizedPrompt(()), None
        return False

    def _leave(self) -> None:
        """Copy the prompt that the context holds, before another one takes its place."""
        count = shared(self._context.tokens, self._prompt.tokens)
        if count < _LOADED_WORTH:
            return
        self._context.keep(count)
        held = self._prompt if count == len(self._prompt.tokens) else self._prompt.beginning(count)
        if not self._states.use(held.tokens):
            logits = self._logits if count == len(self._prompt.tokens) else None
            self._states.put(PrefixState(held, tuple(self._context.cuts), self._context.save(), logits))
