"""The language model beside a model that is measured: what it said to the same words, it says again at once.

A candidate and its reference mostly perceive the same in a signal. Only the questions over what they perceive
differently then take the language model's time. The engine decodes greedily (see `language.engine`), so what is
recalled is what it would say.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from typing import TypeVar

from edge_assistant.compute.runtime import Runtime
from edge_assistant.language.chat import Message
from edge_assistant.language.engine import Choice, Engine, LlamaEngine
from edge_assistant_models.model import InstalledModel

_Said = TypeVar("_Said")

_said: dict[Hashable, object] = {}  # by model and words, for all measurements of this process


class RecallingEngine:
    """An engine that asks another one only what that was not asked yet in this process.

    Args:
        model: the language model.
        runtime: gives the threads.
    """

    def __init__(self, model: InstalledModel, runtime: Runtime) -> None:
        self._engine: Engine = LlamaEngine(model, runtime)
        self._options = repr(sorted(model.options.items()))
        self.name, self.sha256, self.usage = self._engine.name, self._engine.sha256, self._engine.usage

    def count(self, text: str) -> int:
        """See `Engine`."""
        return self._engine.count(text)

    def choose(self, messages: Sequence[Message], options: Sequence[str]) -> Choice:
        """See `Engine`."""
        return self._recall((*messages, *options), lambda: self._engine.choose(messages, options))

    def stream(
        self, messages: Sequence[Message], *, max_tokens: int, temperature: float = 0.0, seed: int = 0
    ) -> Iterator[str]:
        """See `Engine`; the pieces come when all of them are there."""

        def ask() -> tuple[str, ...]:
            return tuple(self._engine.stream(messages, max_tokens=max_tokens, temperature=temperature, seed=seed))

        yield from self._recall((*messages, max_tokens, temperature, seed), ask)

    def prefill(self, messages: Sequence[Message]) -> None:
        """Nothing is read before it is known that it has to be."""

    def settle(self) -> None:
        """See `Engine`."""
        self._engine.settle()

    def forget(self) -> None:
        """See `Engine`."""
        self._engine.forget()

    def _recall(self, said: tuple[Hashable, ...], ask: Callable[[], _Said]) -> _Said:
        key = self.sha256, self._options, *said
        if key not in _said:
            _said[key] = ask()
        return _said[key]  # type: ignore[return-value]
