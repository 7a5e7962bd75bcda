"""The core's events as the app's messages; the one place that knows both."""

from __future__ import annotations

from collections.abc import Iterator

from textual.message import Message

from edge_assistant.core.errors import EdgeAssistantError
from edge_assistant.core.events import (
    Answered,
    Compared,
    Event,
    Failed,
    Noted,
    Perceived,
    Perceiving,
    Reading,
    Routed,
    Said,
    Thinking,
    Traced,
    Waiting,
)
from edge_assistant_tui import messages


def of_turn(turn: int, event: Event) -> Iterator[Message]:
    """The messages of an event that came while a turn was answered."""
    match event:
        case Routed(route):
            yield messages.TurnRouted(turn, route)
        case Waiting():
            yield messages.TurnWorking(turn, "waits: another edge-assistant is computing")
        case Thinking():
            yield messages.TurnWorking(turn, "thinking")
        case Reading(signal):
            yield messages.TurnWorking(turn, f"the language model reads {signal}")
        case Compared(verdict):
            yield messages.TurnCompared(turn, verdict)
        case Said(text):
            yield messages.TurnSaid(turn, text)
        case Answered(answer):
            yield messages.TurnEnded(turn, answer)
        case Traced():  # for `ask --trace`; the app shows verdicts and sources
            pass
        case Perceiving(signal, sense, _):
            yield messages.TurnWorking(turn, f"{sense} looks at {signal}" if sense != "speech" else f"hearing {signal}")
            yield from of_signal(event)
        case _:
            yield from of_signal(event)


def of_signal(event: Event) -> Iterator[Message]:
    """The messages of an event that came while a signal was perceived."""
    match event:
        case Perceiving(signal, sense, fraction):
            yield messages.Sensing(signal, sense, fraction)
        case Noted(signal, text):
            yield messages.Noted(signal, text)
        case Failed(failure):
            yield messages.SignalFailed(failure.signal, failure.message, failure.hint)
        case Perceived(signal, sense, evidence, seconds):
            yield messages.Sensed(signal, sense, evidence, seconds)
        case _:
            pass


def hint(error: EdgeAssistantError) -> str:
    """What to do about an error; models are at hand here."""
    from edge_assistant_models.errors import ModelError

    return f"press F9 for the models, or {error.hint}" if isinstance(error, ModelError) else error.hint
