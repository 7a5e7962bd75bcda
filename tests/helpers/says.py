"""What a worker says of a signal or a turn, as messages."""

from __future__ import annotations

from edge_assistant.core import events
from edge_assistant.core.answer import Answer, Failure, Route, Verdict
from edge_assistant.core.evidence import Evidence
from edge_assistant_tui.messages import SignalTold, TurnTold


def sensing(signal: str, sense: str, fraction: float) -> SignalTold:
    return SignalTold(events.Perceiving(signal, sense, fraction))


def sensed(signal: str, sense: str, evidence: tuple[Evidence, ...], seconds: float = 0.1) -> SignalTold:
    return SignalTold(events.Perceived(signal, sense, evidence, seconds))


def noted(signal: str, text: str) -> SignalTold:
    return SignalTold(events.Noted(signal, text))


def failed(signal: str, message: str, hint: str) -> SignalTold:
    return SignalTold(events.Failed(Failure(signal, "input", message, hint)))


def routed(turn: int, route: Route) -> TurnTold:
    return TurnTold(turn, events.Routed(route))


def compared(turn: int, verdict: Verdict) -> TurnTold:
    return TurnTold(turn, events.Compared(verdict))


def said(turn: int, text: str) -> TurnTold:
    return TurnTold(turn, events.Said(text))


def ended(turn: int, answer: Answer) -> TurnTold:
    return TurnTold(turn, events.Answered(answer))
