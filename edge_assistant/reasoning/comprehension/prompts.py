"""The prompts of the language model, from `prompts.toml`; what they have in common comes first, and is read once."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any

from edge_assistant.core.signals import Kind
from edge_assistant.language.chat import Message, Role
from edge_assistant.language.engine import Engine
from edge_assistant.reasoning.rules.vocabulary import Vocabulary, per_vocabulary, vocabulary
from edge_assistant_models import toml

KINDS = {
    Kind.IMAGE: "a picture (what it shows, and the writing on it)",
    Kind.AUDIO: "a recording (what is said)",
    Kind.VIDEO: "a video (what is seen and said)",
    Kind.READINGS: "sensor readings (what stands out in them)",
    Kind.TEXT: "a text",
}


NAMES = {Kind.IMAGE: "Picture", Kind.AUDIO: "Recording", Kind.VIDEO: "Video", Kind.TEXT: "Text"}


@cache
def prompts() -> Mapping[str, Any]:
    """The file."""
    return toml.parse(files(__package__).joinpath("prompts.toml").read_bytes())


def not_told() -> str:
    """What the model writes where a source does not tell."""
    text: str = prompts()["reading"]["untold"]
    return text


def reading(kind: Kind, lines: Sequence[str], question: str, *, lasting: bool = False) -> list[Message]:
    """A question to one source."""
    before = _source(kind, lines)
    asked = Message(Role.USER, f"{before}Question: {question}{_synonyms(question)}", len(before), lasting)
    return [*_reading_examples(), asked]


def several_sources(sources: Sequence[tuple[Kind, Sequence[str]]], question: str) -> list[Message]:
    """A question to several sources together, each with its kind and its lines."""
    before = "".join(f"{NAMES[kind]}:\n" + "\n".join(lines) + "\n\n" for kind, lines in sources)
    asked = Message(Role.USER, f"{before}Question: {question}{_synonyms(question)}", len(before))
    return [*_examples("joining"), asked]


def with_examples(name: str, *given: str) -> list[Message]:
    """A table's instruction and examples, and what is given now."""
    return [*_examples(name), Message(Role.USER, "\n".join(given))]


def beginnings() -> list[Sequence[Message]]:
    """What all prompts have in common, one list for each."""
    return [_reading_examples() if name == "reading" else _examples(name) for name in prompts()]


def read_prompts(engine: Engine) -> int:
    """Let a model read what its prompts begin with, and keep that for later processes; returns how many there are."""
    found = beginnings()
    for messages in found:
        engine.prefill(messages)
        engine.settle()
    return len(found)


@cache
def _examples(name: str) -> tuple[Message, ...]:
    table = prompts()[name]
    turns = [Message(Role.SYSTEM, table["system"])]
    for *given, answer in table["examples"]:
        turns += [Message(Role.USER, "\n".join(given)), Message(Role.ASSISTANT, answer)]
    turns[-1] = _stable(turns[-1])
    return tuple(turns)


@per_vocabulary
def _reading_examples(vocabulary: Vocabulary) -> tuple[Message, ...]:
    table = prompts()["reading"]
    examples = [(Kind(example["kind"]), example["lines"], example["asked"]) for example in table["examples"]]
    examples += [(Kind.TEXT, example.lines, example.asked) for example in vocabulary.examples]
    turns = [Message(Role.SYSTEM, table["system"])]
    for kind, lines, asked in examples:
        source = _source(kind, lines)
        for question, answer in asked:
            turns += [Message(Role.USER, f"{source}Question: {question}"), Message(Role.ASSISTANT, answer)]
            source = ""
    turns[-1] = _stable(turns[-1])
    return tuple(turns)


def _synonyms(question: str) -> str:
    """The other names of what a question names, as the domain has them."""
    lower = question.lower()
    every = ((name, *others) for name, others in vocabulary().names.items())
    named = (names for names in every if any(re.search(rf"(?<!\w){re.escape(n)}(?!\w)", lower) for n in names))
    return f" ({listed})" if (listed := "; ".join(" = ".join(names) for names in named)) else ""


def _stable(message: Message) -> Message:
    return Message(message.role, message.content, len(message.content), lasting=True)


def _source(kind: Kind, lines: Sequence[str]) -> str:
    return f"Source, {KINDS[kind]}:\n" + "\n".join(lines) + "\n\n"
