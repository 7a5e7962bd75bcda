"""What a question and its signals may take: what exceeds it fails alone, and what was not read is said."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from helpers import badfiles as bad
from helpers.assistants import Ask
from helpers.assistants import text as remark

from edge_assistant.core import limits
from edge_assistant.core.answer import Status
from edge_assistant.core.errors import InputTooLarge
from edge_assistant.core.events import Failed, Noted
from edge_assistant.core.signals import Kind, Origin, Signal, take_bytes
from edge_assistant.perception.senses.text import Text
from edge_assistant.reasoning.comprehension import extraction

QUESTION = "What is the alarm limit?"
GOOD = "The alarm limit for the motor is 85 degrees."


def text(content: str, number: int = 1) -> Signal:
    return remark(content.encode(), number)


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two sources are never read to their end."""
    claims = extraction.Comprehension.claims

    def slow(self: object, asked: object, sources: Sequence[object], ledger: object) -> object:
        while len(sources) > 1:
            pass
        return claims(self, asked, sources, ledger)

    slow = type(slow)(slow.__code__, extraction.__dict__, closure=slow.__closure__)
    monkeypatch.setattr(extraction.Comprehension, "claims", slow)


@pytest.mark.usefixtures("slow")
def test_where_all_together_takes_too_much_the_largest_is_left_out(ask: Ask) -> None:
    with limits.lowered({"question_seconds": 0.5}):
        answer, events = ask(QUESTION, [text("It squeaked.\n\nIt was oiled."), text(GOOD, 2)])
    assert (answer.status, "85" in answer.text) == (Status.SUPPORTED, True)
    assert [(failed.signal, failed.code) for failed in answer.failed] == [("text:1", "input.too_large")]
    assert answer.failed[0].message == "text 1 is left out: the answer takes over 1 s of computing"
    assert [event.failure for event in events if isinstance(event, Failed)] == list(answer.failed)
    with limits.lowered({"question_seconds": 0.5}), pytest.raises(InputTooLarge, match=r"^the answer takes over 1 s"):
        ask(QUESTION, [text("It squeaked."), text(GOOD, 2)], strict=True)


def test_a_signal_that_takes_too_much_to_be_perceived_fails_alone(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    perceive = Text.perceive

    def slow(self: Text, signal: Signal, request: object) -> object:
        while signal.id == "text:1":
            pass
        return perceive(self, signal, request)

    slow = type(slow)(slow.__code__, {"__name__": Text.__module__}, closure=slow.__closure__)
    monkeypatch.setattr(Text, "perceive", slow)
    with limits.lowered({"signal_seconds": 1}):
        answer, _ = ask(QUESTION, [text("Anything."), text(GOOD, 2)])
    assert [(failed.signal, failed.message) for failed in answer.failed] == [
        ("text:1", "text 1 takes over 1 s of computing")
    ]
    assert answer.status is Status.SUPPORTED


LOG = b"time,heat,level\n2024-01-01T00:00,20,1\n2024-01-01T00:01,>99,2\n2024-01-01T00:02,21.5,3\n"
WIDE = LOG + b"2024-01-01T00:03,1,2,3,4\n"


@pytest.mark.parametrize(
    ("data", "kind", "question", "said"),
    [
        (bad.pdf(3), Kind.IMAGE, "", "the pages after 2 were not read"),
        (bad.silence(3), Kind.AUDIO, "", "only the first 1 seconds were heard"),
        (LOG, Kind.READINGS, "highest heat", "1 cell is not a number, first in row 2, and could not be read"),
        (
            WIDE,
            Kind.READINGS,
            "highest level",
            "1 row with more cells than the header, first row 4, could not be read",
        ),
        (LOG, Kind.READINGS, "highest level", ""),  # what could not be read of another column is no doubt
    ],
    ids=["pages", "sound", "a cell of the column", "a row", "another column"],
)
def test_what_of_a_signal_was_not_read_stands_in_the_answer(
    ask: Ask, data: bytes, kind: Kind, question: str, said: str
) -> None:
    signal = take_bytes(data, kind, 1, origin=Origin.FILE, name="a.file")
    with limits.lowered({"pages": 2, "sound_seconds": 1}):
        answer, events = ask(question and f"What was the {question}?", [signal, text("Nothing is said.", 2)])
    assert answer.text.endswith(f" Of a.file {said}; the rest may say otherwise.") == bool(said)
    assert ("the rest may say otherwise" in answer.text) == bool(said)
    assert {event.signal for event in events if isinstance(event, Noted)} == {signal.id}


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
        answer, events = ask(question, [text(content), text("Nothing is said.", 2)])
    said = f"Of text 1 only the first {read} of 4 pieces were read; the rest may say otherwise."
    assert answer.text.endswith(said)
    assert [event.text for event in events if isinstance(event, Noted)] == [said.removesuffix(".")]
    assert len(answer.evidence) == 5
