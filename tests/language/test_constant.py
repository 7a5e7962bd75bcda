"""A prompt whose beginning is the same whatever is asked, before what was chosen for a question: that much is known."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pytest

from edge_assistant.compute.runtime import Runtime
from edge_assistant.language.chat import TEMPLATES, Message, Role, render
from edge_assistant.language.engine import LlamaEngine
from edge_assistant_models.installed import InstalledModel

CONTEXT = 512
NOTES = ["The pump was checked by Ana. " * 6, "Bob paid 12.40 for bolts. " * 9, "Line 4 stands still. " * 12]
SYSTEM = (
    "You answer questions from evidence, with its exact words and as short as possible. If the evidence does not tell "
    "what is asked, answer that it is not told, and nothing else than that."
)
WHOLE = f"Evidence:\n{NOTES[0]}"


def about(chosen: str, *, lasting: bool = True) -> list[Message]:
    told = f"{WHOLE}\n{chosen}\n\nQuestion:"
    return [Message(Role.SYSTEM, SYSTEM), Message(Role.USER, f"{told} who?", len(told), lasting, len(WHOLE))]


class Shelf(dict[str, bytes]):
    """Keeps in memory what outlives an engine."""

    def mark(self) -> str | None:
        return "never forgets"

    def lacks(self, key: str) -> bool:
        return key not in self

    def put(self, key: str, data: bytes, since: str | None = None) -> None:
        self[key] = data


@pytest.fixture
def opened(models: Callable[[str], InstalledModel]) -> Iterator[Callable[[Shelf | None], LlamaEngine]]:
    engines: list[LlamaEngine] = []

    def opens(shelf: Shelf | None) -> LlamaEngine:
        engines.append(LlamaEngine(models("language"), Runtime(1), CONTEXT, shelf=shelf))
        return engines[-1]

    yield opens
    for engine in engines:
        engine.close()


@pytest.mark.parametrize("lasting", [True, False])
def test_the_constant_beginning_is_read_once_and_kept_where_it_may_be(
    opened: Callable[[Shelf | None], LlamaEngine], lasting: bool
) -> None:
    first, second = about(NOTES[1], lasting=lasting), about(NOTES[2], lasting=lasting)
    shelf = Shelf()
    engine, alone = opened(shelf), opened(None)
    prompt = engine._prompt(first)
    instruction, constant, source = prompt.stable
    assert source - constant > constant - instruction > 30
    assert prompt.kept == ((instruction, constant) if lasting else (instruction,))

    def read(where: LlamaEngine, messages: list[Message]) -> int:
        """How much of a prompt was known; its logits are those of a model that has read nothing else."""
        alone._context.clear()
        before = where.usage.reused_tokens
        logits = where._read(where._prompt(messages))
        assert np.array_equal(logits, alone._context.read(alone._prompt(messages)))
        return where.usage.reused_tokens - before

    assert read(engine, first) == 0
    assert read(engine, second) == constant
    assert read(engine, first) >= source, "what was chosen before is known, too"
    engine.settle()
    assert len(shelf) == len(prompt.kept)
    assert read(opened(shelf), second) == prompt.kept[-1]


@pytest.mark.parametrize("family", TEMPLATES)
def test_a_constant_beginning_ends_where_its_text_does(
    opened: Callable[[Shelf | None], LlamaEngine], family: str
) -> None:
    """In a family without a system turn it stands behind the instruction in one text."""
    tokenizer = opened(None)._tokenizer
    prompts = [tokenizer.prompt(render(about(note), family)) for note in NOTES[1:]]
    assert len({prompt.tokens[: prompt.lasting] for prompt in prompts}) == 1
    told = b"".join(map(tokenizer.piece, prompts[0].tokens[: prompts[0].lasting])).decode()
    assert told.rstrip().endswith(WHOLE.rstrip())
    assert prompts[0].lasting < prompts[0].source
