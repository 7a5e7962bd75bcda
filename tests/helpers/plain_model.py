"""A language model of no weights that reads by words in common: quick, always the same, and never clever.

It stands where tests are about what surrounds the reading: commands, screens, the trail. The folder `plain_model_path`
puts it in the place of llama.cpp in processes that tests start.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from edge_assistant.compute.runtime import Runtime
from edge_assistant.language.chat import Message
from edge_assistant.language.engine import Choice, Usage
from edge_assistant_models.model import InstalledModel

if TYPE_CHECKING:
    import pytest  # which every command that a test starts would import too

PLACE = Path(__file__).parent / "plain_model_path"
_WORD = re.compile(r"[^\W_]+")
_LITTLE = frozenset(
    _WORD.findall(
        "a an and are at be by did do does for from has have how in is it many much of on or the to was what when "
        "where which who with"
    )
)
_CALLS = (
    ("highest", "max"),
    ("hottest", "max"),
    ("maximum", "max"),
    ("lowest", "min"),
    ("minimum", "min"),
    ("average", "mean"),
)


def use(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let this process and those that it starts read with it in place of llama.cpp."""
    monkeypatch.setattr("edge_assistant.session.assistant.LlamaEngine", PlainEngine)
    before = os.environ.get("PYTHONPATH", "")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, (str(PLACE), before))))


class PlainEngine:
    """Reads a source by the line that shares most words with a question; takes what llama.cpp's engine takes."""

    def __init__(self, model: InstalledModel, runtime: Runtime, **_: object) -> None:
        self.name, self.sha256 = model.name, model.sha256
        self.usage = Usage()
        self._halt = runtime.halt

    def count(self, text: str) -> int:
        """Tokens are words."""
        return len(text.split())

    def choose(self, messages: Sequence[Message], options: Sequence[str]) -> Choice:
        """Surely."""
        return Choice([*options].index(self._answer(messages, options)), 0.95)

    def stream(
        self, messages: Sequence[Message], *, max_tokens: int, temperature: float = 0.0, seed: int = 0
    ) -> Iterator[str]:
        """A word at a time."""
        for word in re.findall(r"\s*\S+", self._answer(messages, ()))[:max_tokens]:
            self._halt.check()
            self.usage.completion_tokens += 1
            self.usage.decode_s += 0.01
            yield word

    def constrained(self, messages: Sequence[Message], grammar: str, *, max_tokens: int) -> str:
        """The form, or arguments, filled with what stands behind the labels that are its names."""
        source, form, *_ = re.split(r"^(?:Form|Arguments): (.+)$", messages[-1].content, maxsplit=1, flags=re.M)
        return json.dumps({name: _field(source, name, part) for name, part in json.loads(form).items()})

    def prefill(self, messages: Sequence[Message]) -> None:
        """Nothing is kept."""

    def settle(self) -> None:
        """Nothing is kept."""

    def forget(self) -> None:
        """Nothing is kept."""

    def close(self) -> None:
        """Nothing is held."""

    def _answer(self, messages: Sequence[Message], options: Sequence[str]) -> str:
        self._halt.check()
        self.usage.prompt_tokens += sum(self.count(message.content) for message in messages)
        return reply(messages[-1].content, options)


def reply(prompt: str, options: Sequence[str]) -> str:
    """What it answers to the last message of a prompt; where there are options, one of them."""
    if prompt.startswith("Functions:"):
        return max(options, key=lambda name: len(_shared(name.replace("_", " "), prompt.rpartition("Question: ")[2])))
    if "value" in options:
        return _sort(prompt, options)
    if tuple(options) == ("no", "yes"):
        return "yes" if not prompt.startswith("One: ") or _shared(*prompt.split("\n")) else "no"
    if options:
        return options[-1]  # the source tells it; this is the answer
    if prompt.startswith("Source, "):
        return _read(*prompt.rsplit("\n\nQuestion: ", 1))
    if prompt.startswith("Evidence:"):
        return _quoted(prompt)
    if "\n\nQuestion: " in prompt:
        return "Answer: not told"  # what takes several sources is not for a plain model
    if "\n" in prompt:
        return _call(*prompt.split("\n", 1))
    if marked := re.search(r"\[.+\]", prompt):
        return f"What is it: {' '.join(_WORD.findall(prompt.replace(marked[0], '').lower()))}?"
    about = re.search(r"\b(?:on|about) (?:the )?([\w ]+)", prompt)
    return f"What is the {about[1]}?" if about else "everything"


def _sort(question: str, options: Sequence[str]) -> str:
    lower = question.lower()
    if re.match(r"\W*(?:please )?(?:summar|describe|explain)", lower):
        return "summary"
    if re.search(r"\b(?:agree|contradict|match|differ|right|correct)", lower):
        return "agreement"
    wanted = any(word in lower for word, _ in _CALLS) or "exceeded" in lower
    return "computation" if wanted and "computation" in options else "value"


def _read(source: str, question: str) -> str:
    """What stands behind the label of the line that has most words of the question, else the line."""
    lines = source.split("\n")[1:]
    best = max(lines, key=lambda line: (len(_shared(line, question)), ": " in line), default="")
    wanted = [word for word, _ in _CALLS if word in question.lower()]
    if not _shared(best, question) or not all(word in best.lower() for word in wanted):
        return "not told"
    return best.partition(": ")[2] or best


def _field(source: str, name: str, part: object) -> object:
    """What stands behind a label: a number where it is one, a list where several are wanted; else None."""
    told = re.search(rf"^{re.escape(name)}: (.+?)\.?$", source.partition("\n\nQuestion: ")[0], re.M | re.I)
    if told is None or isinstance(part, dict):
        return None
    values = [float(one) if re.fullmatch(r"\d+\.\d+|\d+", one) else one for one in told[1].split(", ")]
    return values if isinstance(part, list) else values[0]


def _call(columns: str, question: str) -> str:
    names = [re.sub(r" \[.*", "", name) for name in columns.split(", ")]
    column = max(names, key=lambda name: len(_shared(name, question)))
    if "exceeded" in question.lower():
        return f'first_above({column}, ask "What is the limit?")'
    return next((f"{call}({column})" for word, call in _CALLS if word in question.lower()), "none")


def _quoted(prompt: str) -> str:
    line = re.search(r"\[(E\d+)\] (.+)", prompt)
    return f"{line[2].rstrip('.')} [{line[1]}]." if line else ""


def _shared(one: str, other: str) -> set[str]:
    """The words of two texts by their first five letters."""
    a, b = ({word.lower()[:5] for word in _WORD.findall(text)} - _LITTLE for text in (one, other))
    return a & b
