"""What tests ask the facade with, and what every answer promises."""

from __future__ import annotations

import json
from collections.abc import Callable

from edge_assistant.core.answer import Answer
from edge_assistant.core.events import Answered, Event, Routed, Said
from edge_assistant.core.signals import Kind, Origin, Signal, take_bytes

Ask = Callable[..., tuple[Answer, list[Event]]]

REMARK = b"The belt squeaked after the break.\n\nThe alarm limit for the motor is 85 degrees.\n"
CSV = b"time,motor temperature [degC]\n" + b"".join(
    b"2025-03-14T14:%02d:00,%d\n" % (minute, 60 + minute) for minute in range(40)
)


def text(data: bytes = REMARK, number: int = 1) -> Signal:
    return take_bytes(data, Kind.TEXT, number, origin=Origin.USER, name=f"text {number}")


def readings(data: bytes = CSV, number: int = 1) -> Signal:
    return take_bytes(data, Kind.READINGS, number, origin=Origin.SENSOR, name="motor.csv")


def promises(answer: Answer, events: list[Event]) -> None:
    ids = [item.id for item in answer.evidence]
    assert len(set(ids)) == len(ids)
    assert all(ids)
    known = set(ids)
    assert set(answer.citations) <= known
    assert len(set(answer.citations)) == len(answer.citations)
    assert all(set(c.evidence) <= known for c in answer.computed)
    assert all(set(told.evidence) <= known for verdict in answer.verdicts for told in verdict.values)
    assert {item.signal for item in answer.evidence} <= {signal.id for signal in answer.signals}
    assert isinstance(events[0], Routed)
    assert events[-1] == Answered(answer)
    assert " ".join(event.text for event in events if isinstance(event, Said)) == answer.text
    json.dumps(answer.to_json(), allow_nan=False)
