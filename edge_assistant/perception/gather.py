"""Signals to evidence: each signal goes through its senses; a fault in one does not take the others down."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from edge_assistant.answer import Failure
from edge_assistant.errors import InputError, ModelMissing
from edge_assistant.events import Failed, Noted, Perceived, Perceiving, Watch
from edge_assistant.evidence import Evidence
from edge_assistant.limits import EVIDENCE
from edge_assistant.perception.sense import Percept, Request, Sense
from edge_assistant.perception.shown import NOTE, cleaned
from edge_assistant.perception.table import Table
from edge_assistant.signals import Signal

Perceive = Callable[[Signal, Request], Percept]


@dataclass(frozen=True, slots=True)
class Sensed:
    """A signal with all that was perceived in it; the table where it is readings."""

    signal: Signal
    evidence: tuple[Evidence, ...]
    table: Table | None


class Gathering:
    """The evidence of several signals, numbered through: E1, E2, ...

    Attributes:
        sensed: the signals that could be perceived.
        failed: those that could not.
        error: the first fault.
        seconds: how long each took, by its id.
    """

    def __init__(
        self,
        perceiver: Callable[[type[Sense]], Perceive],
        watch: Watch,
        request: Request,
        *,
        strict: bool,
        failed: Sequence[Failure] = (),
    ) -> None:
        """Prepare.

        Args:
            perceiver: what perceives for a sense.
            watch: is called with each event.
            request: how to perceive.
            strict: raise the first fault.
            failed: signals that could not even be taken.
        """
        self._perceiver = perceiver
        self._watch = watch
        self._request = request
        self._strict = strict
        self._count = 0
        self.failed = list(failed)
        self.error: InputError | None = None
        self.sensed: list[Sensed] = []
        self.seconds: dict[str, float] = {}

    def take(self, signal: Signal, kinds: Sequence[type[Sense]]) -> None:
        """Perceive one signal with each of its senses.

        Raises:
            InputError: it cannot be used, and `strict` is set.
            ModelMissing: none of its senses has its models.
        """
        evidence: list[Evidence] = []
        table: Table | None = None
        missing: ModelMissing | None = None
        perceived = False
        for kind in kinds:
            try:
                percept = self._sense(signal, kind)
            except ModelMissing as error:
                missing = error
                self._watch(Noted(signal.id, f"{kind.name} is left out: {error}"))
                continue
            except InputError as error:
                self._fail(signal, error)
                return
            perceived = True
            evidence += percept.evidence
            table = table or percept.table
        if not perceived and missing is not None:
            raise missing
        self.sensed.append(Sensed(signal, tuple(evidence), table))

    def _sense(self, signal: Signal, kind: type[Sense]) -> Percept:
        perceive = self._perceiver(kind)
        start = time.perf_counter()
        self._watch(Perceiving(signal.id, kind.name, 0.0))
        progress = replace(self._request, progress=lambda f: self._watch(Perceiving(signal.id, kind.name, f)))
        percept = perceive(signal, progress)
        evidence, hidden = cleaned(percept.evidence)
        notes = (*percept.notes, f"{signal.name}: {NOTE}") if hidden else percept.notes
        percept = self._numbered(signal, replace(percept, evidence=evidence, notes=notes))
        seconds = time.perf_counter() - start
        self.seconds[signal.id] = self.seconds.get(signal.id, 0.0) + seconds
        for note in percept.notes:
            self._watch(Noted(signal.id, note))
        self._watch(Perceived(signal.id, kind.name, percept.evidence, seconds))
        return percept

    def _numbered(self, signal: Signal, percept: Percept) -> Percept:
        """The same with ids, as far as there is room for it among all evidence."""
        kept = percept.evidence[: max(0, EVIDENCE.now - self._count)]
        numbered = tuple(replace(item, id=f"E{self._count + i + 1}") for i, item in enumerate(kept))
        self._count += len(numbered)
        notes = percept.notes
        if left := len(percept.evidence) - len(kept):
            notes += (
                f"{signal.name}: over {EVIDENCE.now:,} pieces of evidence in all, its last {left:,} are left out",
            )
        return replace(percept, evidence=numbered, notes=notes)

    def _fail(self, signal: Signal, error: InputError) -> None:
        if self._strict:
            raise error
        self.error = self.error or error
        failure = Failure.of(signal.id, error)
        self.failed.append(failure)
        self._watch(Failed(failure))
