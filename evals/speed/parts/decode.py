"""Tokens a second of answers that quote their evidence and of free text, against llama.cpp plain; is it the same?"""

from __future__ import annotations

import random
import re
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import chain, islice
from typing import TYPE_CHECKING

import numpy as np

from edge_assistant.core.evidence import Evidence, Line, Locator
from edge_assistant.language.chat import Message
from edge_assistant.language.engine import Choice, Engine, Usage
from edge_assistant.reasoning import guard, talk
from edge_assistant_quantize.datasets import pages
from evals.speed import recordings
from evals.speed.part import Setting
from evals.speed.plain import Generation, Plain
from evals.speed.rows import How, Limit, Row

if TYPE_CHECKING:
    from edge_assistant.language.engine import LlamaEngine

NAME = "decode"
HELP = "tokens a second, quoting evidence and free text, against llama.cpp plain; is the text the same"
SECONDS = (750.0, 130.0)
ORDER = 6
SIGNALS = False
AGAINST = "llama.cpp plain, greedy"
AGAINST_REPACKED = "llama.cpp plain, greedy, weights repacked"
_COUNT = {"cited": (100, 15), "free": (30, 6)}
_TOKENS = 64
_LEAST = {"quoting": 1.5, "free": 0.97}
_WHAT = {
    "quoting": "answers that quote evidence",
    "telling": "other answers over it",
    "free": "free text",
    "repacked": "free text",
}
_WORD, _NUMBER = re.compile(r"\w+"), re.compile(r"\[E\d+\]")
_QUOTING = 0.5  # of an answer's words, from which on it is one that quotes its evidence
_RUN = 4  # words in a row that count as quoted where the evidence has them
_LEAST_SAME = 98.0  # percent of the prompts
_GROUPS = 5  # of prompts; each gives one figure of tokens a second


@dataclass(frozen=True, slots=True)
class Both:
    """What both wrote to one prompt."""

    prompt: str
    ours: Generation
    theirs: Generation

    @property
    def same(self) -> bool:
        """Whether it is the same text."""
        return self.ours.text == self.theirs.text

    @property
    def question(self) -> str:
        """What was asked."""
        return self.prompt.rpartition("Question: ")[2]

    @property
    def quotes(self) -> bool:
        """Whether what llama.cpp wrote is for the most part in the words of its evidence."""
        return quoted_share(self.theirs.text, self.prompt) >= _QUOTING


def measure(setting: Setting) -> Iterator[Row]:
    """Measure; the last row is against llama.cpp's default of weights that are repacked for the processor."""
    from edge_assistant.compute.runtime import Runtime
    from edge_assistant.language.engine import LlamaEngine

    model = setting.portfolio.open(setting.portfolio.resolve(setting.profile)["language"])
    runtime = Runtime.detect()
    family, opening = str(model.options.get("family", "chatml")), str(model.options.get("opening", ""))
    counts = {kind: count[setting.quick] for kind, count in _COUNT.items()}
    asked = {"cited": cited_prompts(counts["cited"]), "free": free_prompts(counts["free"])}
    total, done = sum(map(len, asked.values())) + len(asked["free"]), 0

    def both(kind: str, *, repacked: bool) -> list[Both]:
        nonlocal done
        found = list[Both]()
        with closing(Plain(model.files["model"], runtime.threads, family, opening, repacked=repacked)) as plain:
            for number, messages in enumerate(asked[kind]):
                found.append(_both(messages, engine, plain, ours_first=number % 2 == 0))
                done += 1
                setting.step(done / total)
        return found

    with closing(LlamaEngine(model, runtime)) as engine:
        cited = both("cited", repacked=False)
        yield from _rates("quoting", [one for one in cited if one.quotes], AGAINST)
        yield from _rates("telling", [one for one in cited if not one.quotes], AGAINST)
        yield _same("cited", cited)
        free = both("free", repacked=False)
        yield from _rates("free", free, AGAINST)
        yield _same("free", free)
        yield from _rates("repacked", both("free", repacked=True), AGAINST_REPACKED)


def quoted_share(text: str, evidence: str) -> float:
    """The share of a text's words that stand in the evidence, four of them in a row; numbers of evidence are none.

    >>> quoted_share("It stands still now [E1].", "[E1] It stands still now, and it is hot.")
    1.0
    """
    words, known = (_WORD.findall(_NUMBER.sub("", each).lower()) for each in (text, evidence))
    runs = {tuple(known[at : at + _RUN]) for at in range(len(known) - _RUN + 1)}
    taken = set[int]()
    for at in range(len(words) - _RUN + 1):
        if tuple(words[at : at + _RUN]) in runs:
            taken.update(range(at, at + _RUN))
    return len(taken) / len(words) if words else 0.0


def _both(messages: Sequence[Message], engine: LlamaEngine, plain: Plain, *, ours_first: bool) -> Both:
    prompt = messages[-1].content
    if ours_first:
        ours = write_with_engine(engine, plain, messages, _TOKENS)
        return Both(prompt, ours, plain.write(messages, _TOKENS))
    theirs = plain.write(messages, _TOKENS)
    return Both(prompt, write_with_engine(engine, plain, messages, _TOKENS), theirs)


def write_with_engine(engine: LlamaEngine, plain: Plain, messages: Sequence[Message], most: int) -> Generation:
    """What the product's engine writes; its tokens are counted by the tokenizer, for it may decode several at once."""
    began = time.perf_counter()
    pieces = engine.stream(messages, max_tokens=most)
    head = next(pieces, "")
    first = time.perf_counter()
    text = "".join(chain([head], pieces))
    ended = time.perf_counter()
    return Generation(text, plain.count(text), first - began, ended - first)


def _same(name: str, both: Sequence[Both]) -> Row:
    different = [one for one in both if not one.same]
    shown = [{"question": one.question, "ours": one.ours.text, "theirs": one.theirs.text} for one in different]
    same = 100 * (1 - len(different) / len(both))
    return Row(
        f"decode.{name}_same", f"the same text, {len(both)} prompts", "%", (same,), against=AGAINST,
        how=How.VALUE, limit=Limit(_LEAST_SAME, most=False), smaller=False, details={"different": shown},
    )  # fmt: skip


def _rates(name: str, both: Sequence[Both], against: str) -> Iterator[Row]:
    """Tokens a second of some texts; nothing where there are none."""
    groups = [both[start::_GROUPS] for start in range(min(_GROUPS, len(both)))]
    ours, theirs = (
        tuple(_rate([getattr(one, who) for one in group]) for group in groups) for who in ("ours", "theirs")
    )
    if groups:
        what, least = _WHAT[name], _LEAST.get(name)
        limit = None if least is None else Limit(least, most=False)
        yield Row(
            f"decode.{name}", f"decoding, {what}, {len(both)} prompts", "tokens/s", ours, theirs, against,
            limit=limit, smaller=False,
        )  # fmt: skip


def _rate(written: Sequence[Generation]) -> float:
    """Tokens a second of several texts together; the first token of each belongs to its prompt."""
    seconds = sum(one.decode_s for one in written)
    return sum(one.tokens for one in written) / seconds if seconds else 0.0


QUOTING_QUESTIONS = (
    "What does the document say?",
    "Repeat what is written, line by line.",
    "Which lines have numbers in them, and what do they say?",
    "What exactly is told, in its own words?",
    "Quote everything that has a name or a date in it.",
)
FREE_QUESTIONS = (
    "Why does bread rise?", "Explain to a child how a bicycle stays upright.",
    "What should I look at before I buy a used car?", "Write a short story about a lighthouse.", "How is cheese made?",
    "What are the advantages of working at night?", "Describe a walk through a forest in autumn.",
    "How do I sharpen a kitchen knife?", "Why is the sky blue in the day and red in the evening?",
    "Give me three reasons to learn a second language.",
)  # fmt: skip
_PAGE_ROWS = 9  # of a page that stand in a prompt: 100 to 200 tokens


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

    def constrained(self, messages: Sequence[Message], grammar: str, *, max_tokens: int) -> str:
        return ""

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


def cited_prompts(count: int, seed: int = 0) -> list[list[Message]]:
    """Prompts over numbered evidence that most answers quote: rows of rendered pages or spoken sentences."""
    caught, draw = _Caught(), random.Random(seed)  # noqa: S311 - for variety, not for secrets
    said = recordings.sentences(seed)
    for number in range(count):
        texts = _page_rows(seed + number) if number % 3 else [*islice(said, _PAGE_ROWS)]
        lines = [
            Evidence(f"E{place}", "image:1", text, None, Locator(), Line(())) for place, text in enumerate(texts, 1)
        ]
        [*guard.write(draw.choice(QUOTING_QUESTIONS), lines, caught)]
    return caught.messages


def free_prompts(count: int) -> list[list[Message]]:
    """Prompts whose answer quotes nothing; every one is another as far as there are questions."""
    prompts: list[list[Message]] = []
    for number in range(count):
        turn, place = divmod(number, len(FREE_QUESTIONS))
        prompts.append(
            talk.free_talk_prompt(FREE_QUESTIONS[place] + (f" Answer in {turn + 2} sentences." if turn else ""))
        )
    return prompts


def _page_rows(seed: int) -> list[str]:
    """Rows of the page of a seed, from one place on."""
    rows = [row for row in pages.sheet(seed).rows if row.strip()]
    first = int(np.random.default_rng(seed).integers(0, max(1, len(rows) - _PAGE_ROWS)))
    return rows[first : first + _PAGE_ROWS]
