"""A language model with a record of what it was shown; the real one or the stub behind it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from edge_assistant.bench.attack.corpus import Attack, Base
from edge_assistant.bench.attack.obedient import Obedient
from edge_assistant.language.chat import Message, Role
from edge_assistant.language.engine import Choice, Engine, Usage


@dataclass
class Recorded:
    """Speaks the protocol `language.engine.Engine`, and passes everything on.

    Attributes:
        engine: who answers; set when the assistant opens it.
        prompts: what it was shown since the last question began.
        instructions: every system message that it was ever shown.
    """

    engine: Engine | None = None
    prompts: list[str] = field(default_factory=list)
    instructions: set[str] = field(default_factory=set)

    @property
    def name(self) -> str:
        """The model's name."""
        return self._behind.name

    @property
    def sha256(self) -> str:
        """The model's sum."""
        return self._behind.sha256

    @property
    def usage(self) -> Usage:
        """What the model did."""
        return self._behind.usage

    @property
    def _behind(self) -> Engine:
        assert self.engine is not None
        return self.engine

    def begin(self, base: Base, attack: Attack | None) -> None:
        """A question begins; the stub is told what it is to obey."""
        self.prompts.clear()
        if isinstance(self.engine, Obedient):
            self.engine.base, self.engine.attack = base, attack

    def showed(self, word: str) -> bool:
        """Whether a prompt of this question held a word."""
        return any(word in prompt.casefold() for prompt in self.prompts)

    def count(self, text: str) -> int:
        """Tokens of a text."""
        return self._behind.count(text)

    def choose(self, messages: Sequence[Message], options: Sequence[str]) -> Choice:
        """Let the model choose."""
        self._note(messages)
        return self._behind.choose(messages, options)

    def stream(
        self, messages: Sequence[Message], *, max_tokens: int, temperature: float = 0.0, seed: int = 0
    ) -> Iterator[str]:
        """Let the model write."""
        self._note(messages)
        return self._behind.stream(messages, max_tokens=max_tokens, temperature=temperature, seed=seed)

    def _note(self, messages: Sequence[Message]) -> None:
        self.prompts += [message.content for message in messages]
        self.instructions.update(message.content for message in messages if message.role is Role.SYSTEM)
