"""A signal is perceived within its budget of processor time and memory, whatever its bytes make of a decoder."""

from __future__ import annotations

from edge_assistant.compute.scheduling.budget import Budget, kept
from edge_assistant.compute.scheduling.side import Wish
from edge_assistant.core.errors import InputTooLarge
from edge_assistant.core.limits import SIGNAL_SECONDS, SOUND_SECONDS, WORK_BYTES
from edge_assistant.core.signals import Kind, Signal
from edge_assistant.perception.gather import Perceive, megabytes
from edge_assistant.perception.sense import Percept, Request

_SECONDS_A_MEGABYTE = 500  # of sound at most, but for speech that hardly anybody keeps so small


def bounded(perceive: Perceive, halt: Wish) -> Perceive:
    """What perceives and raises `InputTooLarge` beyond the budget, `Stopped` once that is wished."""

    def perceived(signal: Signal, request: Request) -> Percept:
        def over(much: str) -> InputTooLarge:
            return InputTooLarge(f"{signal.name} takes over {much}", "give a smaller part")

        return kept(lambda: perceive(signal, request), _budget(signal), "perception", halt, over)

    return perceived


def _budget(signal: Signal) -> Budget:
    lasts = signal.kind in (Kind.AUDIO, Kind.VIDEO)
    more = min(SOUND_SECONDS.value, megabytes(signal) * _SECONDS_A_MEGABYTE) if lasts else 0
    return Budget(SIGNAL_SECONDS.now + more, WORK_BYTES.now)
