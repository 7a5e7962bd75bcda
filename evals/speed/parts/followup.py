"""A follow-up question about the same signals: prompt ready to first token, against that of the first question.

The prompts are those that reasoning hands to the model, over what was really perceived in the signals.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from edge_assistant.core.signals import take_file
from edge_assistant.language.states import state_cache
from edge_assistant.vault.vault import Vault
from evals.speed.part import Setting
from evals.speed.process import clear_caches
from evals.speed.rows import Limit, Row

if TYPE_CHECKING:
    from edge_assistant.language.engine import LlamaEngine
    from edge_assistant.reasoning.sources import Source
    from edge_assistant_models.model import InstalledModel

NAME = "followup"
HELP = "a follow-up question about the same signals: prompt ready to first token, also after a restart"
SECONDS = (60.0, 30.0)
ORDER = 7
SIGNALS = True
QUESTIONS = (
    "What is the name of the doctor?",
    "Which medication does the patient take?",
    "Where does the patient live?",
)
_MOST = 0.15


@dataclass(frozen=True, slots=True)
class Prefilled:
    """One question over all sources: seconds until the first token of each together, tokens, and those of the cache."""

    seconds: float
    tokens: int
    reused: int


def measure(setting: Setting) -> Iterator[Row]:
    """Measure."""
    model = setting.portfolio.open(setting.portfolio.resolve(setting.profile)["language"])
    sources = perceive(setting)
    asked: dict[str, list[Prefilled]] = {"first": [], "followup": [], "restart": []}
    for number in range(setting.repeats):
        first, followup, restart = rounds(setting, model, sources, number)
        asked["first"].append(first)
        asked["followup"].append(followup)
        asked["restart"].append(restart)
        setting.step((number + 1) / setting.repeats)
    for name, what in (("followup", "a follow-up question"), ("restart", "a follow-up after a restart")):
        yield Row(
            f"followup.{name}", f"{what}, first token", "s",
            tuple(one.seconds for one in asked[name]), tuple(one.seconds for one in asked["first"]),
            "the first question", limit=Limit(_MOST),
            details={"tokens": asked[name][-1].tokens, "reused": asked[name][-1].reused,
                     "tokens_first": asked["first"][-1].tokens},
        )  # fmt: skip


def perceive(setting: Setting) -> list[Source]:
    """The signals with what is perceived in them; tables of readings are computed over, and not read."""
    from edge_assistant.compute.runtime import Runtime
    from edge_assistant.perception.gather import Gathering
    from edge_assistant.perception.sense import Request, senses
    from edge_assistant.reasoning.route import plan
    from edge_assistant.reasoning.sources import as_sources
    from edge_assistant.session.assistant import Assistant

    assistant = Assistant(setting.portfolio, setting.profile)
    signals = [take_file(Path(path), kind, number) for number, (kind, path) in enumerate(setting.signals, 1)]
    gathering = Gathering(assistant.perceiver, lambda event: None, Request("en"), strict=True)
    wanted = [(signal, [sense for _, sense in plan([signal], senses())]) for signal in signals]
    gathering.take(wanted, Runtime.detect().halt)
    return [source for source in as_sources(gathering.sensed) if source.table is None and source.lines]


def rounds(
    setting: Setting, model: InstalledModel, sources: Sequence[Source], number: int
) -> tuple[Prefilled, Prefilled, Prefilled]:
    """A question in a model that knows nothing yet, a follow-up, and another one in a model that was opened anew."""
    from edge_assistant.compute.runtime import Runtime
    from edge_assistant.language.engine import LlamaEngine

    clear_caches()
    vault = Vault()
    vault.subkey(NAME)  # makes the home's keys, as the first question of a person does
    cache = state_cache(vault)
    asked = [QUESTIONS[(number + place) % len(QUESTIONS)] for place in range(3)]
    with closing(LlamaEngine(model, Runtime.detect(), cache=cache)) as engine:
        first, followup = (prefill(engine, sources, question) for question in asked[:2])
        engine.settle()
    with closing(LlamaEngine(model, Runtime.detect(), cache=cache)) as engine:
        return first, followup, prefill(engine, sources, asked[2])


def prefill(engine: LlamaEngine, sources: Sequence[Source], question: str) -> Prefilled:
    """Let the model read each source for a question, as far as its first token."""
    from edge_assistant.reasoning.comprehension.reading import Reader

    before = replace(engine.usage)
    seconds = 0.0
    reader = Reader(lambda: engine, lambda: None)
    for source in sources:
        messages = reader.prompt(question, source)
        began = time.perf_counter()
        next(engine.stream(messages, max_tokens=1), None)
        seconds += time.perf_counter() - began
    usage = engine.usage
    return Prefilled(seconds, usage.prompt_tokens - before.prompt_tokens, usage.reused_tokens - before.reused_tokens)
