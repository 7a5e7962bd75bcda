"""Signals to evidence, each within its budget of time and memory; a fault in one does not take the others down."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial

from edge_assistant.compute.scheduling import side
from edge_assistant.compute.scheduling.budget import Budget, kept
from edge_assistant.core.answer import Failure
from edge_assistant.core.errors import EdgeAssistantError, InputError, InputTooLarge, ModelMissing
from edge_assistant.core.events import Event, Failed, Noted, Perceived, Perceiving, Understood, Watch
from edge_assistant.core.evidence import Evidence
from edge_assistant.core.limits import EVIDENCE, SIGNAL_SECONDS, SOUND_SECONDS, WORK_BYTES
from edge_assistant.core.signals import Kind, Signal
from edge_assistant.perception.characters import NOTE, cleaned
from edge_assistant.perception.gap import Gap
from edge_assistant.perception.sense import Percept, Request, Sense
from edge_assistant.perception.table import Table

Perceive = Callable[[Signal, Request], Percept]

_SECONDS_A_MEGABYTE = 500  # of sound at most, but for speech that hardly anybody keeps so small


@dataclass(frozen=True, slots=True)
class Sensed:
    """A signal with all that was perceived in it; the table where it is readings; what was not read, or not kept."""

    signal: Signal
    evidence: tuple[Evidence, ...]
    table: Table | None
    left: int = 0
    gaps: tuple[Gap, ...] = ()


@dataclass(slots=True)
class _Taking:
    """A signal while it is perceived; `failed` is looked at and set where its senses run, one after the other."""

    signal: Signal
    evidence: list[Evidence] = field(default_factory=list)
    table: Table | None = None
    left: int = 0
    gaps: dict[str, Gap] = field(default_factory=dict)
    missing: ModelMissing | None = None
    perceived: bool = False
    failed: bool = False


@dataclass(slots=True)
class _Step:
    """A sense on a signal, and what came of it; both are `None` if the signal has failed before."""

    taking: _Taking
    kind: type[Sense]
    last: bool
    opened: Perceive | EdgeAssistantError | None
    found: Percept | InputError | ModelMissing | None = None
    seconds: float = 0.0


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

    def take(
        self, signals: Sequence[tuple[Signal, Sequence[type[Sense]]]], halt: side.StopRequest, lanes: int = 1
    ) -> None:
        """Perceive signals, each with its senses; what comes of it is told in the order of the signals.

        Args:
            signals: each with the senses that perceive it, one at least.
            halt: the wish to stop.
            lanes: kinds of signal that are perceived side by side; those of one kind come one after the other.

        Raises:
            InputError: one cannot be used, and `strict` is set.
            ModelMissing: none of a signal's senses has its models.
        """
        side.run(self._jobs(signals), lanes, halt, tell=self._watch, done=self._done)

    def _jobs(self, signals: Sequence[tuple[Signal, Sequence[type[Sense]]]]) -> Iterator[side.SideJob[Event, _Step]]:
        """A job for each sense on each signal; its models are opened here, in the thread that asks."""
        for signal, kinds in signals:
            taking = _Taking(signal)
            for kind in kinds:
                step = _Step(taking, kind, kind is kinds[-1], None if taking.failed else self._opened(kind))
                seconds = kind.seconds * max(1.0, megabytes(signal))
                yield side.SideJob(signal.kind, seconds, partial(self._perceive, step))

    def _opened(self, kind: type[Sense]) -> Perceive | EdgeAssistantError:
        try:
            return self._perceiver(kind)
        except EdgeAssistantError as error:
            return error  # it is told, or raised, when it is the signal's turn

    def _perceive(self, step: _Step, tell: Watch) -> _Step:
        """Perceive; this may run in another thread than the rest."""
        signal, name, start = step.taking.signal, step.kind.name, time.perf_counter()
        if step.taking.failed or step.opened is None:
            return step
        try:
            if isinstance(step.opened, EdgeAssistantError):
                raise step.opened
            tell(Perceiving(signal.id, name, 0.0))
            told = replace(
                self._request,
                progress=lambda f: tell(Perceiving(signal.id, name, f)),
                found=lambda evidence: tell(Understood(signal.id, cleaned(tuple(evidence))[0])),
            )
            percept = step.opened(signal, told)
            evidence, hidden = cleaned(percept.evidence)
            notes = (*percept.notes, f"{signal.name}: {NOTE}") if hidden else percept.notes
            step.found = replace(percept, evidence=evidence, notes=notes)
        except (InputError, ModelMissing) as error:
            step.taking.failed = isinstance(error, InputError)
            step.found = error
        step.seconds = time.perf_counter() - start
        return step

    def _done(self, step: _Step) -> None:
        """Number and tell what a sense made of a signal; the signal is there with the last of them."""
        taking = step.taking
        match step.found:
            case ModelMissing() as error:
                taking.missing = error
                self._watch(Noted(taking.signal.id, f"{step.kind.name} is left out: {error}"))
            case InputError() as error:
                self._fail(taking.signal, error)
            case Percept() as percept:
                self._told(taking, step, percept)
        if step.last and not taking.failed:
            if not taking.perceived and taking.missing is not None:
                raise taking.missing
            gaps = tuple(taking.gaps.values())
            self.sensed.append(Sensed(taking.signal, tuple(taking.evidence), taking.table, taking.left, gaps))

    def _told(self, taking: _Taking, step: _Step, percept: Percept) -> None:
        signal, found = taking.signal, len(percept.evidence)
        percept = self._numbered(signal, percept)
        taking.perceived = True
        taking.left += found - len(percept.evidence)
        taking.evidence += percept.evidence
        taking.table = taking.table or percept.table
        self.seconds[signal.id] = self.seconds.get(signal.id, 0.0) + step.seconds
        taking.gaps |= {note.said: note for note in percept.notes if isinstance(note, Gap)}
        for note in percept.notes:
            self._watch(Noted(signal.id, str(note)))
        self._watch(Perceived(signal.id, step.kind.name, percept.evidence, step.seconds))

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


def megabytes(signal: Signal) -> float:
    """The size of a signal; 0 where the file is gone, which is told when it is perceived."""
    if signal.path is None:
        return len(signal.data or b"") / 1e6
    with suppress(OSError):
        return signal.path.stat().st_size / 1e6
    return 0.0


def bounded(perceive: Perceive, halt: side.StopRequest) -> Perceive:
    """What perceives and raises `InputTooLarge` beyond the budget, `Stopped` once that is wished."""

    def perceived(signal: Signal, request: Request) -> Percept:
        def over(much: str) -> InputTooLarge:
            return InputTooLarge(f"{signal.name} takes over {much}", "give a smaller part")

        lasts = signal.kind in (Kind.AUDIO, Kind.VIDEO)
        more = min(SOUND_SECONDS.value, megabytes(signal) * _SECONDS_A_MEGABYTE) if lasts else 0
        budget = Budget(SIGNAL_SECONDS.now + more, WORK_BYTES.now)
        return kept(lambda: perceive(signal, request), budget, "perception", halt, over)

    return perceived
