"""The product around a model that is measured: it counts what the model computes, and takes gold evidence."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge_assistant.compute.runtime import Runtime
from edge_assistant.core.evidence import Evidence
from edge_assistant.core.signals import Signal
from edge_assistant.language.engine import Engine, LlamaEngine
from edge_assistant.perception.gather import Perceive
from edge_assistant.perception.sense import Percept, Request, Sense, senses
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


class GoldAssistant(Assistant):
    """Answers as the assistant does, over gold evidence where there is some, one signal after another.

    Attributes:
        gold: evidence by id of the signal, in place of what would be perceived in the next question's signals.
    """

    gold: Mapping[str, tuple[Evidence, ...]] = {}
    side_by_side = False

    def perceiver(self, kind: type[Sense]) -> Perceive:
        """What perceives for a sense, whose models are opened only if a signal has no gold evidence."""
        real = super().perceiver

        def perceived(signal: Signal, request: Request) -> Percept:
            if signal.id not in self.gold:
                return real(kind)(signal, request)
            first = next(sense for sense in senses() if signal.kind in sense.kinds)
            return Percept(self.gold[signal.id] if kind is first else ())

        return perceived


_said: dict[Hashable, Any] = {}  # by model and words, for all measurements of this process


def recalling(model: InstalledModel, runtime: Runtime) -> Engine:
    """The language model beside a model that is measured: what it said to the same words, it says again at once.

    A candidate and its reference mostly perceive the same in a signal. Only the questions over what they perceive
    differently then take the language model's time. It decodes greedily, so what is recalled is what it would say.
    """
    engine: Engine = LlamaEngine(model, runtime)

    def recalled(ask: Callable[..., Any], *lists: Any, **how: Any) -> Any:  # noqa: ANN401 - as the engine's methods
        key = model.sha256, repr(model.options), ask.__name__, *map(tuple, lists), *how.items()
        if key not in _said:
            found = ask(*lists, **how)
            _said[key] = tuple(found) if ask.__name__ == "stream" else found
        return _said[key]

    for name in ("choose", "stream"):
        setattr(engine, name, partial(recalled, getattr(engine, name)))
    setattr(engine, "prefill", lambda messages: None)  # noqa: B010 - nothing is read before it is known that it must be
    return engine
