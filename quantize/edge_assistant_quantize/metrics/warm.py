"""The assistant of a bench: its models are warm, and what it perceived in a signal it recalls for later questions."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge_assistant.compute.runtime import Runtime
from edge_assistant.core.answer import Answer
from edge_assistant.core.errors import InputError, ModelMissing
from edge_assistant.core.evidence import Evidence
from edge_assistant.core.signals import Signal
from edge_assistant.language.chat import Message, Role
from edge_assistant.language.engine import Engine
from edge_assistant.perception.gather import Perceive
from edge_assistant.perception.sense import Percept, Request, Sense, senses
from edge_assistant.reasoning.guard import ungrounded
from edge_assistant.reasoning.route import plan
from edge_assistant.reasoning.rules.vocabulary import within
from edge_assistant.session.assistant import Assistant
from edge_assistant_models.model import InstalledModel

if TYPE_CHECKING:
    import onnxruntime


@dataclass(frozen=True)
class CountedRuntime(Runtime):
    """A runtime that counts how often sessions of some files run.

    Attributes:
        files: whose runs are counted.
    """

    files: frozenset[Path] = frozenset()
    _ran: Counter[Path] = field(default_factory=Counter, compare=False)

    @classmethod
    def of(cls, model: InstalledModel, runtime: Runtime) -> CountedRuntime:
        """A runtime like another that counts the runs of a model."""
        return cls(runtime.threads, runtime.halt, runtime.gpu, frozenset(model.files.values()))

    @property
    def runs(self) -> int:
        """How often the files ran so far."""
        return self._ran.total()

    def session(self, model: Path, *, threads: int | None = None, lanes: int = 1) -> onnxruntime.InferenceSession:
        """See `Runtime.session`."""
        opened = super().session(model, threads=threads, lanes=lanes)
        for name in ("run", "run_with_ort_values") if model in self.files else ():
            setattr(opened, name, partial(self._count, model, getattr(opened, name)))
        return opened

    def _count(self, model: Path, run: Callable[..., Any], *args: Any, **how: Any) -> Any:  # noqa: ANN401 - the library's
        self._ran[model] += 1
        return run(*args, **how)


class WarmAssistant(Assistant):
    """Answers as the assistant does, question after question."""

    # Evidence by id of the signal, in place of what would be perceived in the next question's signals
    gold: Mapping[str, tuple[Evidence, ...]]
    # Seconds of perception that belong to the questions since it was set to 0 and were not spent in them (the signal
    # was perceived before), less those that were spent and do not belong (a sense loads its models)
    unpaid_s: float
    side_by_side = False  # what each signal takes is paid by later questions about it

    def start(self) -> None:
        """Open the language model and the embedder, and let the model read once.

        Raises:
            ModelError: the language model is missing or corrupt.
        """
        self.gold, self.unpaid_s = {}, 0.0
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
        """What recalls, or perceives, for a sense."""
        return partial(self._recall, kind)

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
        if signal.id in self.gold:
            first = next(sense for sense in senses() if signal.kind in sense.kinds)
            return Percept(self.gold[signal.id] if kind is first else ())
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
