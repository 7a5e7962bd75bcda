"""What a question and its signals may take: what exceeds it fails alone, and what was not read is said."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from helpers import badfiles as bad
from helpers.plain_model import PlainEngine

from edge_assistant.compute.runtime import Runtime
from edge_assistant.core import limits
from edge_assistant.core.answer import Answer, Status
from edge_assistant.core.errors import InputTooLarge
from edge_assistant.core.events import Event, Failed, Noted
from edge_assistant.core.signals import Kind, Origin, Signal, take_bytes
from edge_assistant.perception.text import Text
from edge_assistant.reasoning.comprehension import answering
from edge_assistant.reasoning.reason import UNCERTAIN
from edge_assistant.session.assistant import Assistant
from edge_assistant_models.portfolio import Portfolio

QUESTION = "What is the alarm limit?"
GOOD = "The alarm limit for the motor is 85 degrees."


def text(content: str, number: int = 1) -> Signal:
    return take_bytes(content.encode(), Kind.TEXT, number, origin=Origin.USER, name=f"text {number}")


Ask = Callable[..., tuple[Answer, list[Event]]]


@pytest.fixture
def ask(store: Path, home: Path) -> Ask:
    def run(signals: Sequence[Signal], question: str = QUESTION, **options: bool) -> tuple[Answer, list[Event]]:
        events: list[Event] = []
        facade = Assistant(Portfolio(store, home / "catalog"), "test", runtime=Runtime(1), engine=PlainEngine)
        if not question:
            return facade.check(signals, events.append), events
        return facade.ask(question, signals, events.append, **options), events

    return run


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two sources are never read to their end."""
    claims = answering.Comprehension.claims

    def slow(self: object, asked: object, sources: Sequence[object], ledger: object) -> object:
        while len(sources) > 1:
            pass
        return claims(self, asked, sources, ledger)

    slow = type(slow)(slow.__code__, answering.__dict__, closure=slow.__closure__)
    monkeypatch.setattr(answering.Comprehension, "claims", slow)


@pytest.mark.usefixtures("slow")
def test_where_all_together_takes_too_much_the_largest_is_left_out(ask: Ask) -> None:
    with limits.lowered({"question_seconds": 1}):
        answer, events = ask([text("It squeaked.\n\nIt was oiled."), text(GOOD, 2)])
    assert (answer.status, "85" in answer.text) == (Status.SUPPORTED, True)
    assert [(failed.signal, failed.code) for failed in answer.failed] == [("text:1", "input.too_large")]
    assert answer.failed[0].message == "text 1 is left out: the answer takes over 2 s of computing"
    assert [event.failure for event in events if isinstance(event, Failed)] == list(answer.failed)
    with limits.lowered({"question_seconds": 1}), pytest.raises(InputTooLarge, match=r"^the answer takes over 2 s"):
        ask([text("It squeaked."), text(GOOD, 2)], strict=True)


def test_a_signal_that_takes_too_much_to_be_perceived_fails_alone(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    perceive = Text.perceive

    def slow(self: Text, signal: Signal, request: object) -> object:
        while signal.id == "text:1":
            pass
        return perceive(self, signal, request)

    slow = type(slow)(slow.__code__, {"__name__": Text.__module__}, closure=slow.__closure__)
    monkeypatch.setattr(Text, "perceive", slow)
    with limits.lowered({"signal_seconds": 1}):
        answer, _ = ask([text("Anything."), text(GOOD, 2)])
    assert [(failed.signal, failed.message) for failed in answer.failed] == [
        ("text:1", "text 1 takes over 1 s of computing")
    ]
    assert answer.status is Status.SUPPORTED


LOG = b"time,heat,level\n2024-01-01T00:00,20,1\n2024-01-01T00:01,>99,2\n2024-01-01T00:02,21.5,3\n"
WIDE = LOG + b"2024-01-01T00:03,1,2,3,4\n"


@pytest.mark.parametrize(
    ("signal", "question", "said"),
    [
        (
            take_bytes(bad.pdf(3), Kind.IMAGE, 1, origin=Origin.FILE, name="a.pdf"),
            "",
            "Of a.pdf the pages after 2 were not read",
        ),
        (
            take_bytes(bad.silence(3), Kind.AUDIO, 1, origin=Origin.FILE, name="a.wav"),
            "",
            "Of a.wav only the first 1 seconds were heard",
        ),
        (
            take_bytes(LOG, Kind.READINGS, 1, origin=Origin.FILE, name="a.csv"),
            "What was the highest heat?",
            "Of a.csv 1 cell is not a number, first in row 2, and could not be read",
        ),
        (
            take_bytes(WIDE, Kind.READINGS, 1, origin=Origin.FILE, name="a.csv"),
            "What was the highest level?",
            "Of a.csv 1 row with more cells than the header, first row 4, could not be read",
        ),
    ],
    ids=["pages", "sound", "a cell of the column", "a row"],
)
def test_what_of_a_signal_was_not_read_stands_in_the_answer(ask: Ask, signal: Signal, question: str, said: str) -> None:
    with limits.lowered({"pages": 2, "sound_seconds": 1}):
        answer, events = ask([signal, text("Nothing is said.", 2)], question)
    assert answer.text.endswith(f" {said}; the rest may say otherwise.")
    assert {event.signal for event in events if isinstance(event, Noted)} == {signal.id}


def test_what_could_not_be_read_of_another_column_is_no_doubt(ask: Ask) -> None:
    answer, _ = ask(
        [take_bytes(LOG, Kind.READINGS, 1, origin=Origin.FILE, name="a.csv")], "What was the highest level?"
    )
    assert answer.text.removesuffix(f" {UNCERTAIN}") == "3 [C1][E11], by the readings."
    assert "only the first" not in answer.text
    assert len(answer.notes) == 1


@pytest.mark.parametrize(
    ("lowered", "read"),
    [({"read_pieces": 2}, 2), ({"read_characters": len(GOOD) + 1}, 1)],
    ids=["pieces", "characters"],
)
@pytest.mark.parametrize(
    ("question", "first"), [(QUESTION, GOOD), (QUESTION, "It squeaked."), ("Summarise the text.", GOOD), ("", GOOD)]
)
def test_that_not_all_was_read_stands_in_the_answer(
    ask: Ask, lowered: dict[str, int], read: int, first: str, question: str
) -> None:
    content = "\n\n".join([first, "It squeaked and squeaked and it squeaked again.", "It was oiled.", "It ran."])
    with limits.lowered(lowered):
        answer, events = ask([text(content), text("Nothing is said.", 2)], question)
    said = f"Of text 1 only the first {read} of 4 pieces were read; the rest may say otherwise."
    assert answer.text.endswith(said)
    assert [event.text for event in events if isinstance(event, Noted)] == [said.removesuffix(".")]
    assert len(answer.evidence) == 5
