"""The assistant of a bench: its models are warm, and a question pays for the perception that it recalls."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Any

from edge_assistant.core.answer import Answer
from edge_assistant.core.errors import EdgeAssistantError, InputError, ModelError, ModelMissing
from edge_assistant.core.evidence import Evidence
from edge_assistant.core.signals import Signal
from edge_assistant.language.chat import Message, Role
from edge_assistant.language.engine import Engine
from edge_assistant.perception.gather import Perceive
from edge_assistant.perception.sense import Percept, Request, Sense, senses
from edge_assistant.reasoning.guard import ungrounded
from edge_assistant.reasoning.route import plan
from edge_assistant.reasoning.rules.vocabulary import within
from edge_assistant_quantize.datasets.scenarios import ScenarioJob
from edge_assistant_quantize.metrics.cross_signal import GoldAssistant
from evals.results import EVERYTHING, Reply

_log = logging.getLogger("edge_assistant.evals")  # below the logger whose handler writes the log


class WarmAssistant(GoldAssistant):
    """Answers as the assistant does, question after question."""

    # Seconds of perception that belong to the questions since it was set to 0 and were not spent in them (the signal
    # was perceived before), less those that were spent and do not belong (a sense loads its models)
    unpaid_s: float

    def start(self) -> None:
        """Open the language model and the embedder, and let the model read once.

        Raises:
            ModelError: the language model is missing or corrupt.
        """
        self.unpaid_s = 0.0
        self._seconds: dict[tuple[str, str], float] = {}  # of perceiving, by sense and sum
        self._started: set[type[Sense]] = set()
        for _ in self.engine.stream([Message(Role.USER, "Good morning.")], max_tokens=1):
            pass
        self.models.meaning()

    @property
    def engine(self) -> Engine:
        """The language model, for baselines that use the same."""
        return self.models.language()

    def ungrounded(self, answer: Answer) -> tuple[str, ...]:
        """What an answer says and its evidence does not, in the words of the assistant's domain."""
        with within(self._vocabulary):
            return tuple(ungrounded(answer))

    def perceiver(self, kind: type[Sense]) -> Perceive:
        """What recalls, or perceives, for a sense; gold evidence takes no time."""
        gold = super().perceiver(kind)
        return lambda signal, request: (gold if signal.id in self.gold else partial(self._recall, kind))(
            signal, request
        )

    def evidence(self, signals: Sequence[Signal]) -> list[Evidence]:
        """All evidence of the signals with its ids, for baselines that reason over the same.

        Raises:
            ModelMissing: no sense can perceive a signal without a model that is not there.
        """
        found: list[Evidence] = []
        for signal in signals:
            percepts = [self._evidence(signal, kind) for _, kind in plan([signal], senses())]
            missing = [percept for percept in percepts if isinstance(percept, ModelMissing)]
            if len(missing) == len(percepts):
                raise missing[0]
            found += [item for percept in percepts if isinstance(percept, Percept) for item in percept.evidence]
        return [replace(item, id=f"E{number}") for number, item in enumerate(found, 1)]

    def _evidence(self, signal: Signal, kind: type[Sense]) -> Percept | ModelMissing:
        try:
            return self.perceiver(kind)(signal, Request())
        except InputError:
            return Percept(())
        except ModelMissing as error:
            return error

    def _recall(self, kind: type[Sense], signal: Signal, request: Request) -> Percept:
        began = time.perf_counter()
        try:
            return self.recall.perceiver(kind.name, partial(self._perceive, kind))(signal, request)
        finally:
            if (seconds := self._seconds.get((kind.name, signal.sha256))) is not None:
                self.unpaid_s += seconds - (time.perf_counter() - began)

    def _perceive(self, kind: type[Sense], signal: Signal, request: Request) -> Percept:
        """Perceive; a sense's first signal twice, for it loads its models with it."""
        sense = self.sense(kind)
        if kind not in self._started:
            with suppress(InputError):
                sense.perceive(signal, request)
                self._started.add(kind)
        began = time.perf_counter()
        try:
            return sense.perceive(signal, request)
        finally:
            self._seconds[kind.name, signal.sha256] = time.perf_counter() - began


class Product:
    """The product in this process, with warm models."""

    name = EVERYTHING

    def __init__(self, assistant: WarmAssistant, *, gold: bool) -> None:
        self._assistant = assistant
        self._gold = gold

    def answer(self, job: ScenarioJob) -> Reply:
        """Answer one question.

        Raises:
            ModelError: a model is missing or corrupt.
        """

        def ask() -> tuple[Mapping[str, Any], tuple[str, ...] | None]:
            answer = self._assistant.ask(job.question.ask, job.scenario.take(), lambda event: None)
            return answer.to_json(), self._assistant.ungrounded(answer)

        return timed(self._assistant, job, self._gold, ask)


def timed(
    assistant: WarmAssistant,
    job: ScenarioJob,
    gold: bool,
    ask: Callable[[], tuple[Mapping[str, Any], tuple[str, ...] | None]],
) -> Reply:
    """Ask, with the scenario's gold evidence where it is wanted, and pay for the perception that was recalled."""
    assistant.gold = job.scenario.gold() if gold else {}
    assistant.unpaid_s = 0.0
    began = time.perf_counter()
    said: Mapping[str, Any] = {}
    unbacked: tuple[str, ...] | None = None
    error = None
    try:
        said, unbacked = ask()
    except ModelError:
        raise
    except EdgeAssistantError as caught:
        error = str(caught)
    except Exception as caught:
        _log.exception("%s: %s", job.scenario.id, job.question.ask)
        error = f"a fault of ours ({type(caught).__name__}: {caught})"
    return Reply(said, time.perf_counter() - began + assistant.unpaid_s, error, unbacked)
