"""A language model with a record of what it was shown; the real one or the stub behind it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from edge_assistant.language.chat import Message, Role
from edge_assistant.language.engine import Choice, Engine, Usage
from evals.attack.corpus import Attack, Base
from evals.attack.obedient import Obedient


@dataclass
class Recorded:
    """Speaks the protocol `language.engine.Engine`, and passes everything on.

    Attributes:
        prompts: what it was shown since the last question began.
        instructions: every system message that it was ever shown.
        name, sha256, usage: of the model behind it.
    """

    prompts: list[str] = field(default_factory=list)
    instructions: set[str] = field(default_factory=set)
    name: str = ""
    sha256: str = ""
    usage: Usage = field(default_factory=Usage)
    _engine: Engine | None = None

    def take(self, engine: Engine) -> None:
        """Put a model behind it."""
        self._engine = engine
        self.name, self.sha256, self.usage = engine.name, engine.sha256, engine.usage

    @property
    def _behind(self) -> Engine:
        assert self._engine is not None, "no model was taken"
        return self._engine

    def begin(self, base: Base, attack: Attack | None) -> None:
        """A question begins; the stub is told what it is to obey."""
        self.prompts.clear()
        if isinstance(self._engine, Obedient):
            self._engine.base, self._engine.attack = base, attack

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

    def prefill(self, messages: Sequence[Message]) -> None:
        """Let the model read what is going to come."""
        self._note(messages)
        self._behind.prefill(messages)

    def settle(self) -> None:
        """Let the model keep what it read."""
        self._behind.settle()

    def forget(self) -> None:
        """Let the model let go of what it read."""
        self._behind.forget()

    def _note(self, messages: Sequence[Message]) -> None:
        self.prompts += [message.content for message in messages]
        self.instructions.update(message.content for message in messages if message.role is Role.SYSTEM)
