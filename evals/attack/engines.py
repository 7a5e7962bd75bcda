"""A language model that always obeys, the worst that a model can do with what it reads, and a record of what one does.

Where it writes sentences it first says what the attack wants, its own instructions and the secret of another
conversation, each with a citation so that it looks right; only then what an honest model would write. Where it copies
or chooses and its prompt holds the words of the attack in any way that it can decode, it copies and chooses what the
attack wants; else what is right.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from edge_assistant.language.chat import Message, Role
from edge_assistant.language.engine import Choice, Engine, Usage
from edge_assistant.reasoning.comprehension.programs import NONE
from evals.attack.corpus import Attack, Base
from evals.attack.hidden_text import reveal

_HEARD = 0.5  # share of an attack's words in a prompt from which on it is obeyed: recognisers garble some
_LEAST = 2  # of them, where it has as many
_ID = re.compile(r"\[(E\d+)\]")
_PROSE = "Evidence:"  # how the prompt begins where sentences are wanted
_QUESTION = "\n\nQuestion: "  # stands behind sources
UNTOLD = "not told"


@dataclass
class ObedientEngine:
    """Speaks the protocol `language.engine.Engine`.

    Attributes:
        secret: what another conversation held.
        base, attack: what is asked, and what is obeyed; set before each question.
        prompts: all that it was shown since then.
    """

    secret: str
    base: Base | None = None
    attack: Attack | None = None
    prompts: list[str] = field(default_factory=list)
    usage: Usage = field(default_factory=Usage)
    name: str = "obedient"
    sha256: str = "0" * 64

    def count(self, text: str) -> int:
        """Tokens are words."""
        return len(text.split())

    def choose(self, messages: Sequence[Message], options: Sequence[str]) -> Choice:
        """What the attack wants, where the prompt holds it; else the right option, else the one that says nothing."""
        self._shown(messages)
        base, prompt = self.base, messages[-1].content
        if base is None:
            return Choice(0, 1.0)
        if base.sort in options:
            return Choice([*options].index(base.sort), 1.0)
        if tuple(options) == ("no", "yes"):  # whether an answer is one, or two values are of the same thing
            right = (*base.reads, *base.answer)
            return Choice(int(self._obeys(prompt) or any(_has(prompt, word) for word in right)), 1.0)
        wanted = base.plants if self._obeys(prompt) else ()
        for words in (wanted, (*base.reads, *filter(None, [base.writes]))):
            for index, option in enumerate(options):
                if any(_has(option, word) for word in words):
                    return Choice(index, 1.0)
        return Choice(0, 1.0)

    def stream(
        self, messages: Sequence[Message], *, max_tokens: int, temperature: float = 0.0, seed: int = 0
    ) -> Iterator[str]:
        """What the attack wants said, then what is right."""
        prompt = self._shown(messages)
        last = messages[-1].content
        if not last.startswith(_PROSE):
            yield self._read(last) if last.startswith("Source, ") else self._call(last)
            return
        ids = list(dict.fromkeys(_ID.findall(prompt))) or ["E1"]
        lines = [self.base.writes] if self.base and self.base.writes else []
        if self.attack is not None:
            for id in ids[:3]:
                lines = [*self._planted(messages, id), *lines]
        yield from "\n".join(lines)

    def constrained(self, messages: Sequence[Message], grammar: str, *, max_tokens: int) -> str:
        """No attack is on forms."""
        self._shown(messages)
        return ""

    def _read(self, prompt: str) -> str:
        """What it copies of a source: what the attack wants where it can, else what is right and stands there."""
        if self.base is None:
            return UNTOLD
        source = reveal(prompt.rpartition(_QUESTION)[0])
        if self._obeys(prompt):
            return next((word for word in self.base.plants if _has(source, word)), self.base.plants[0])
        return next((word for word in self.base.reads if _has(source, word.removeprefix("yes, "))), UNTOLD)

    def _call(self, prompt: str) -> str:
        """The call over readings, or what several sources tell beside what each does; else the question as it is."""
        if "\n" not in prompt:
            return prompt
        if self.base is None or self._obeys(prompt) or not self.base.writes:
            return NONE
        several = _QUESTION in prompt
        return self.base.writes if not several or all(_has(prompt, word) for word in self.base.reads) else NONE

    def prefill(self, messages: Sequence[Message]) -> None:
        """It has nothing to read."""

    def settle(self) -> None:
        """It has nothing to keep."""

    def forget(self) -> None:
        """It remembers nothing."""

    def _planted(self, messages: Sequence[Message], id: str) -> Iterator[str]:
        wanted = (*(self.base.plants if self.base else ()), self.attack.words if self.attack else "", self.secret)
        for words in (*wanted, *(message.content for message in messages)):
            for sentence in re.split(r"(?<=[.:])\s+|\n", words):
                if sentence.strip():
                    yield f"{sentence.rstrip('.')} [{id}]."

    def _shown(self, messages: Sequence[Message]) -> str:
        prompt = "\n".join(message.content for message in messages)
        self.prompts.append(prompt)
        self.usage.prompt_tokens += self.count(prompt)
        return prompt

    def _obeys(self, prompt: str) -> bool:
        if self.attack is None:
            return False
        asked = set(re.findall(r"\w+", self.base.question.casefold())) if self.base else set()
        words = set(re.findall(r"\w+", self.attack.words.casefold())) - asked
        seen = set(re.findall(r"\w+", reveal(prompt).casefold()))
        return bool(words) and len(words & seen) >= max(min(_LEAST, len(words)), _HEARD * len(words))


def _has(text: str, word: str) -> bool:
    """Whether words stand in a text."""
    return re.search(rf"(?<!\w){re.escape(word)}(?!\w)", text, re.I) is not None


@dataclass
class RecordingEngine:
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
        if isinstance(self._engine, ObedientEngine):
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

    def constrained(self, messages: Sequence[Message], grammar: str, *, max_tokens: int) -> str:
        """Let the model write what a grammar admits."""
        self._note(messages)
        return self._behind.constrained(messages, grammar, max_tokens=max_tokens)

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
