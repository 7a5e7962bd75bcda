"""Scripted language models that speak the protocol `language.engine.Engine`, and signals made in memory."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from edge_assistant.core.evidence import Evidence, Locator, Passage
from edge_assistant.core.signals import Kind, Origin, Signal, take_bytes
from edge_assistant.language.chat import Message
from edge_assistant.language.engine import Choice, Usage
from edge_assistant.perception.table import Table
from edge_assistant.reasoning.comprehension.extraction import Sort
from edge_assistant.reasoning.sources import Source

Reply = Callable[[str, Sequence[str]], str]
"""The answer to a prompt's last message; the options are empty where the model writes freely."""


@dataclass
class ScriptedEngine:
    """Answers from a queue, or by a function of the prompt; records what it was asked.

    Attributes:
        answers: one for each call of `choose` or `stream`; a choice must be one of the options.
        reply: answers where the queue is empty.
        probability: of every choice.
        prompts: the messages of each call.
        offered: the options of each call of `choose`.
        prefilled: the messages of each call of `prefill`.
        settled: how often it was let settle.
        forgotten: how often it was let forget.
    """

    answers: deque[str] = field(default_factory=deque)
    reply: Reply | None = None
    probability: float = 1.0
    prompts: list[tuple[Message, ...]] = field(default_factory=list)
    offered: list[tuple[str, ...]] = field(default_factory=list)
    prefilled: list[tuple[Message, ...]] = field(default_factory=list)
    settled: int = 0
    forgotten: int = 0
    usage: Usage = field(default_factory=Usage)
    name: str = "scripted"
    sha256: str = "0" * 64

    def count(self, text: str) -> int:
        """Tokens are words."""
        return len(text.split())

    def choose(self, messages: Sequence[Message], options: Sequence[str]) -> Choice:
        """The scripted option."""
        self.offered.append(tuple(options))
        answer = self._answer(messages, options)
        assert answer in options, f"{answer!r} is not offered among {options}"
        return Choice(list(options).index(answer), self.probability)

    def stream(
        self, messages: Sequence[Message], *, max_tokens: int, temperature: float = 0.0, seed: int = 0
    ) -> Iterator[str]:
        """The scripted text, a word at a time."""
        words = re.findall(r"\s*\S+|\s+$", self._answer(messages, ()))
        for word in words[:max_tokens]:
            self.usage.completion_tokens += 1
            self.usage.decode_s += 0.01
            yield word

    def constrained(self, messages: Sequence[Message], grammar: str, *, max_tokens: int) -> str:
        """The scripted text, whatever the grammar admits."""
        return self._answer(messages, ())

    def prefill(self, messages: Sequence[Message]) -> None:
        """It is recorded."""
        self.prefilled.append(tuple(messages))

    def settle(self) -> None:
        """It is counted."""
        self.settled += 1

    def forget(self) -> None:
        """It is counted."""
        self.forgotten += 1

    def _answer(self, messages: Sequence[Message], options: Sequence[str]) -> str:
        self.prompts.append(tuple(messages))
        self.usage.prompt_tokens += sum(self.count(message.content) for message in messages)
        if self.answers:
            return self.answers.popleft()
        assert self.reply is not None, f"nothing is scripted for {messages[-1].content!r}"
        return self.reply(messages[-1].content, options)


def scripted(*answers: str, reply: Reply | None = None, probability: float = 1.0) -> ScriptedEngine:
    """An engine with these answers in its queue."""
    return ScriptedEngine(deque(answers), reply, probability)


def signal(kind: Kind = Kind.TEXT, number: int = 1, data: bytes = b"x") -> Signal:
    """A signal that is held in memory."""
    return take_bytes(data, kind, number, origin=Origin.USER, name=f"{kind}-{number}")


def source(
    lines: Iterable[str], kind: Kind = Kind.TEXT, number: int = 1, first: int = 1, table: Table | None = None
) -> Source:
    """A source of lines; their ids count from `first`."""
    given = signal(kind, number)
    evidence = tuple(
        Evidence(f"E{first + i}", given.id, text, None, Locator(chars=(0, len(text))), Passage())
        for i, text in enumerate(lines)
    )
    return Source(given, evidence, table)


def model(
    told: Mapping[str, str], sort: str = "value", call: str = "none", writes: str = "Answer: not told"
) -> ScriptedEngine:
    """A model that reads: what it copies where a source's line and a question stand in its prompt.

    Args:
        told: what it copies, by words that stand in the prompt.
        sort: of the question.
        call: over readings.
        writes: the plain question behind one for agreement, or what several sources tell.
    """

    def reply(prompt: str, options: Sequence[str]) -> str:
        if set(options) & {str(one) for one in Sort}:
            return sort
        if options:
            return options[-1]  # the source tells it; this is the answer
        if prompt.startswith("Source, "):
            return next((text for key, text in told.items() if all(k in prompt for k in key.split("|"))), "not told")
        return call if "[degC]" in prompt else writes

    return scripted(reply=reply)
