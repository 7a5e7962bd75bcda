"""Prompts as the product makes them, over evidence that is drawn by a seed: caught where it hands them to the model."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from itertools import islice

import numpy as np

from edge_assistant.core.evidence import Evidence, Line, Locator
from edge_assistant.language.chat import Message
from edge_assistant.language.engine import Choice, Engine, Usage
from edge_assistant.reasoning import guard, talk
from edge_assistant_quantize.datasets import pages
from evals.speed import speaking

QUOTING = (
    "What does the document say?",
    "Repeat what is written, line by line.",
    "Which lines have numbers in them, and what do they say?",
    "What exactly is told, in its own words?",
    "Quote everything that has a name or a date in it.",
)
FREE = (
    "Why does bread rise?",
    "Explain to a child how a bicycle stays upright.",
    "What should I look at before I buy a used car?",
    "Write a short story about a lighthouse.",
    "How is cheese made?",
    "What are the advantages of working at night?",
    "Describe a walk through a forest in autumn.",
    "How do I sharpen a kitchen knife?",
    "Why is the sky blue in the day and red in the evening?",
    "Give me three reasons to learn a second language.",
)
_ROWS = 9  # of a page that stand in a prompt: 100 to 200 tokens


class _Caught(Engine):
    """An engine that keeps what it is asked, and writes nothing."""

    name = sha256 = ""

    def __init__(self) -> None:
        self.usage = Usage()
        self.messages: list[list[Message]] = []

    def count(self, text: str) -> int:
        return len(text.split())

    def choose(self, messages: Sequence[Message], options: Sequence[str]) -> Choice:
        self.messages.append([*messages])
        return Choice(0, 1.0)

    def prefill(self, messages: Sequence[Message]) -> None:
        pass

    def settle(self) -> None:
        pass

    def forget(self) -> None:
        pass

    def stream(
        self, messages: Sequence[Message], *, max_tokens: int, temperature: float = 0.0, seed: int = 0
    ) -> Iterator[str]:
        self.messages.append([*messages])
        return iter(())


def cited(count: int, seed: int = 0) -> list[list[Message]]:
    """Prompts over numbered evidence that most answers quote: rows of rendered pages or spoken sentences."""
    caught, draw = _Caught(), random.Random(seed)  # noqa: S311 - for variety, not for secrets
    said = speaking.sentences(seed)
    for number in range(count):
        texts = _rows(seed + number) if number % 3 else [*islice(said, _ROWS)]
        lines = [
            Evidence(f"E{place}", "image:1", text, None, Locator(), Line(())) for place, text in enumerate(texts, 1)
        ]
        [*guard.write(draw.choice(QUOTING), lines, caught)]
    return caught.messages


def free(count: int) -> list[list[Message]]:
    """Prompts whose answer quotes nothing; every one is another as far as there are questions."""
    prompts: list[list[Message]] = []
    for number in range(count):
        turn, place = divmod(number, len(FREE))
        prompts.append(talk.free_talk_prompt(FREE[place] + (f" Answer in {turn + 2} sentences." if turn else "")))
    return prompts


def _rows(seed: int) -> list[str]:
    """Rows of the page of a seed, from one place on."""
    rows = [row for row in pages.sheet(seed).rows if row.strip()]
    first = int(np.random.default_rng(seed).integers(0, max(1, len(rows) - _ROWS)))
    return rows[first : first + _ROWS]
