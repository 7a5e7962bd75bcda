"""Tokens a second of answers that quote their evidence and of free text, against llama.cpp plain; is it the same?"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

from edge_assistant.bench.speed import prompts
from edge_assistant.bench.speed.part import Setting
from edge_assistant.bench.speed.plain import Plain, Written
from edge_assistant.bench.speed.rows import How, Limit, Row
from edge_assistant.language.chat import Message

if TYPE_CHECKING:
    from edge_assistant.language.engine import LlamaEngine

NAME = "decode"
HELP = "tokens a second, quoting evidence and free text, against llama.cpp plain; is the text the same"
SECONDS = (750.0, 130.0)
ORDER = 6
SIGNALS = False
AGAINST = "llama.cpp plain, greedy"
AGAINST_REPACKED = "llama.cpp plain, greedy, weights repacked"
_COUNT = {"quoting": (100, 15), "free": (30, 6)}
_TOKENS = {"quoting": 64, "free": 64}
_LEAST = {"quoting": 1.5, "free": 0.97}
_WHAT = {"quoting": "decoding, quoting evidence", "free": "decoding, free text"}
_LEAST_SAME = 98.0  # percent of the prompts
_GROUPS = 5  # of prompts; each gives one figure of tokens a second


@dataclass(frozen=True, slots=True)
class Both:
    """What both wrote to one prompt."""

    question: str
    ours: Written
    theirs: Written

    @property
    def same(self) -> bool:
        """Whether it is the same text."""
        return self.ours.text == self.theirs.text


def measure(setting: Setting) -> Iterator[Row]:
    """Measure; the last row is against llama.cpp's default of weights that are repacked for the processor."""
    from edge_assistant.language.engine import LlamaEngine
    from edge_assistant.runtime import Runtime

    model = setting.portfolio.open(setting.portfolio.resolve(setting.profile)["language"])
    runtime = Runtime.detect()
    family, opening = str(model.options.get("family", "chatml")), str(model.options.get("opening", ""))
    asked = {kind: _MAKE[kind](count[setting.quick]) for kind, count in _COUNT.items()}
    total, done = sum(map(len, asked.values())) + len(asked["free"]), 0

    def both(kind: str, *, repacked: bool) -> Iterator[Both]:
        nonlocal done
        with closing(Plain(model.files["model"], runtime.threads, family, opening, repacked=repacked)) as plain:
            for number, messages in enumerate(asked[kind]):
                yield _both(messages, engine, plain, _TOKENS[kind], ours_first=number % 2 == 0)
                done += 1
                setting.step(done / total)

    with closing(LlamaEngine(model, runtime)) as engine:
        for kind in asked:
            yield from _rows(kind, [*both(kind, repacked=False)])
        yield _rates("repacked", "decoding, free text", [*both("free", repacked=True)], AGAINST_REPACKED, None)


_MAKE = {"quoting": prompts.quoting, "free": prompts.free}


def _both(messages: Sequence[Message], engine: LlamaEngine, plain: Plain, most: int, *, ours_first: bool) -> Both:
    question = messages[-1].content.rpartition("Question: ")[2]
    if ours_first:
        ours = written(engine, plain, messages, most)
        return Both(question, ours, plain.write(messages, most))
    theirs = plain.write(messages, most)
    return Both(question, written(engine, plain, messages, most), theirs)


def written(engine: LlamaEngine, plain: Plain, messages: Sequence[Message], most: int) -> Written:
    """What the product's engine writes; its tokens are counted by the tokenizer, for it may decode several at once."""
    began = time.perf_counter()
    pieces = engine.stream(messages, max_tokens=most)
    head = next(pieces, "")
    first = time.perf_counter()
    text = "".join(chain([head], pieces))
    ended = time.perf_counter()
    return Written(text, plain.count(text), first - began, ended - first)


def _rows(kind: str, both: Sequence[Both]) -> Iterator[Row]:
    yield _rates(kind, f"{_WHAT[kind]}, {len(both)} prompts", both, AGAINST, Limit(_LEAST[kind], most=False))
    different = [one for one in both if not one.same]
    shown = [{"question": one.question, "ours": one.ours.text, "theirs": one.theirs.text} for one in different]
    same = 100 * (1 - len(different) / len(both))
    yield Row(
        f"decode.{kind}_same",
        f"{_WHAT[kind]}: the same text",
        "%",
        (same,),
        against=AGAINST,
        how=How.VALUE,
        limit=Limit(_LEAST_SAME, most=False),
        smaller=False,
        details={"different": shown},
    )


def _rates(name: str, what: str, both: Sequence[Both], against: str, limit: Limit | None) -> Row:
    groups = [both[start::_GROUPS] for start in range(min(_GROUPS, len(both)))]
    ours = tuple(_rate([one.ours for one in group]) for group in groups)
    theirs = tuple(_rate([one.theirs for one in group]) for group in groups)
    return Row(f"decode.{name}", what, "tokens/s", ours, theirs, against, limit=limit, smaller=False)


def _rate(written: Sequence[Written]) -> float:
    """Tokens a second of several texts together; the first token of each belongs to its prompt."""
    seconds = sum(one.decode_s for one in written)
    return sum(one.tokens for one in written) / seconds if seconds else 0.0
