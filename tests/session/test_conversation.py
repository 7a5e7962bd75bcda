"""A conversation over text, readings and speech with a plain model: signals come and go, and are asked about."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator, Sequence
from itertools import count
from pathlib import Path

import pytest
from helpers.plain_model import PlainEngine

from edge_assistant.compute.runtime import Runtime
from edge_assistant.core.answer import Answer, Status
from edge_assistant.core.errors import (
    InputEmpty,
    InputError,
    InputMissing,
    InputUnsupported,
    Stopped,
    UsageError,
)
from edge_assistant.core.events import Answered, Event, Perceived, Perceiving
from edge_assistant.core.limits import QUESTION_CHARACTERS
from edge_assistant.core.signals import SAID, Kind, Origin, Signal
from edge_assistant.language.chat import Message
from edge_assistant.perception.senses.readings import Readings
from edge_assistant.session.assistant import Assistant
from edge_assistant.session.conversation import Conversation
from edge_assistant_models.portfolio import Portfolio

REMARK = b"The belt squeaked after the break.\n\nThe alarm limit for the motor is 85 degrees.\n"
LIMIT = "When was the alarm limit first exceeded?"
HIGHEST = "What was the highest temperature?"
SPOKEN = Path(__file__).parents[1] / "fixtures" / "speech" / "pressure.wav"
Watched = Callable[..., tuple[Answer, list[Event]]]
ALLERGIES = SPOKEN.with_name("allergies.wav")


def csv(rows: int) -> bytes:
    return b"time,motor temperature [degC]\n" + b"".join(
        b"2025-03-14T14:%02d:00,%d\n" % (minute, 60 + minute) for minute in range(rows)
    )


@pytest.fixture
def conversation(store: Path, home: Path) -> Conversation:
    portfolio = Portfolio(store, home / "catalog")
    return Conversation(Assistant(portfolio, "test", runtime=Runtime(1), engine=PlainEngine))


@pytest.fixture
def watched(conversation: Conversation) -> Watched:
    """Asks, and checks what is true of every answer of a conversation."""

    def ask(text: str, spoken: bytes | None = None) -> tuple[Answer, list[Event]]:
        events: list[Event] = []
        answer = conversation.ask(text, events.append, spoken=spoken)
        assert answer.question == text
        assert events[-1] == Answered(answer)
        assert {item.signal for item in answer.evidence} <= {signal.id for signal in answer.signals}
        assert set(answer.signals) <= set(conversation.signals)
        return answer, events

    return ask


def nothing(event: Event) -> None:
    """A watch that does not look."""


def ids(signals: Sequence[Signal]) -> list[str]:
    return [signal.id for signal in signals]


@pytest.fixture
def files(tmp_path: Path) -> Path:
    (tmp_path / "remark.txt").write_bytes(REMARK)
    (tmp_path / "motor.csv").write_bytes(csv(40))
    (tmp_path / "remark").write_bytes(REMARK)
    return tmp_path


def test_what_was_perceived_is_not_perceived_again(
    conversation: Conversation,
    files: Path,
    watched: Watched,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    signal = conversation.attach(files / "motor.csv")
    events: list[Event] = []
    conversation.perceive(signal.id, events.append)
    assert isinstance(events[0], Perceiving)
    assert isinstance(events[-1], Perceived)
    monkeypatch.setattr(Readings, "perceive", lambda *_: pytest.fail("it is recalled"))
    answer, asked = watched(HIGHEST)
    assert answer.text.startswith("99 degC")
    assert [event.signal for event in asked if isinstance(event, Perceived)] == ["readings:1"]
    assert answer.evidence[0].id == "E1"


def test_readings_that_grew_keep_their_id_and_place(conversation: Conversation, files: Path, watched: Watched) -> None:
    signal = conversation.add(csv(20), Kind.READINGS, origin=Origin.SENSOR, name="motor")
    conversation.attach(files / "remark.txt")
    assert watched(HIGHEST)[0].text.startswith("79 degC")
    for rows in (30, 40):
        renewed = conversation.renew(signal.id, csv(rows))
        assert (renewed.id, renewed.name, renewed.origin) == (signal.id, "motor", Origin.SENSOR)
        assert watched(HIGHEST)[0].text.startswith(f"{59 + rows} degC")
        assert ids(conversation.signals) == ["readings:1", "text:1"]
    with pytest.raises(InputEmpty):
        conversation.renew(signal.id, b"")
    assert watched(HIGHEST)[0].text.startswith("99 degC")
    held = conversation.assistant.recall.bytes
    for rows in range(40, 60):
        conversation.renew(signal.id, csv(rows))
        conversation.perceive(signal.id, nothing)
    assert conversation.assistant.recall.bytes < held * 2


def test_a_removed_signal_is_asked_about_no_more_and_comes_back_to_its_place(
    conversation: Conversation, files: Path, watched: Watched
) -> None:
    for name in ("remark.txt", "motor.csv", "remark"):
        conversation.attach(files / name)
    removed = conversation.remove("text:1")
    assert ids(conversation.signals) == ["readings:1", "text:2"]
    assert ids(watched(HIGHEST)[0].signals) == ["readings:1", "text:2"]
    for again in (conversation.remove, conversation.renew):
        with pytest.raises(UsageError, match="no signal text:1"):
            again("text:1", b"x") if again == conversation.renew else again("text:1")  # type: ignore[call-arg]
    with pytest.raises(UsageError):
        conversation.perceive("text:1", nothing)
    conversation.restore(removed)
    conversation.restore(removed)
    assert ids(conversation.signals) == ["text:1", "readings:1", "text:2"]


def test_an_id_is_never_given_twice(conversation: Conversation) -> None:
    """Whatever comes and goes, and whatever an earlier conversation brings in."""
    generator, given, removed = random.Random(3), list[str](), list[Signal]()
    for number in range(200):
        if (signals := conversation.signals) and generator.random() < 0.4:
            removed.append(conversation.remove(generator.choice(signals).id))
        elif removed and generator.random() < 0.2:
            conversation.restore(removed.pop(generator.randrange(len(removed))))
        else:
            kind = generator.choice([Kind.TEXT, Kind.READINGS])
            given.append(conversation.add(b"%d" % number, kind, origin=Origin.USER, name="x").id)
        here = ids(conversation.signals)
        assert here == sorted(here, key=given.index)
    assert len(given) == len(set(given))


def test_a_signal_that_fails_is_left_out_each_time(conversation: Conversation, files: Path, watched: Watched) -> None:
    bad = conversation.add(b"\0\xff binary", Kind.TEXT, origin=Origin.USER, name="bad")
    with pytest.raises(InputUnsupported):
        conversation.perceive(bad.id, nothing)
    with pytest.raises(InputError):
        conversation.ask(HIGHEST, nothing)
    conversation.attach(files / "motor.csv")
    for _ in range(2):
        answer, _ = watched(HIGHEST)
        assert [failure.signal for failure in answer.failed] == [bad.id]
        assert answer.status is Status.SUPPORTED


def test_what_cannot_be_attached_takes_no_number(conversation: Conversation, files: Path) -> None:
    with pytest.raises(InputMissing):
        conversation.attach(files / "nowhere.txt")
    with pytest.raises(InputMissing):
        conversation.attach(files / "nowhere")
    (files / "what").write_bytes(b"\0\1\2\3")
    with pytest.raises(InputUnsupported):
        conversation.attach(files / "what")
    with pytest.raises(InputEmpty):
        conversation.add(b"", Kind.TEXT, origin=Origin.USER, name="empty")
    assert conversation.signals == ()
    assert conversation.attach(files / "what", Kind.TEXT).id == "text:1"


def test_what_a_message_states_is_a_signal_and_stays(conversation: Conversation, files: Path, watched: Watched) -> None:
    conversation.attach(files / "motor.csv")
    answer, _ = watched(f"The alarm limit is 85 degrees. {LIMIT}")
    assert "14:26" in answer.text
    assert [(s.id, s.kind, s.origin, s.name) for s in answer.signals[1:]] == [("text:1", Kind.TEXT, Origin.USER, SAID)]
    assert answer.signals[1].read() == b"The alarm limit is 85 degrees."
    assert "14:26" in watched(LIMIT)[0].text
    assert "14:26" in watched(f"The alarm limit is 85 degrees. {LIMIT}")[0].text
    assert ids(conversation.signals) == ["readings:1", "text:1"], "who asks again states nothing new"


def test_what_is_only_told_is_kept_and_compared_with_what_is_there(
    conversation: Conversation, watched: Watched
) -> None:
    with pytest.raises(UsageError):
        conversation.check(nothing)
    answer, _ = watched("The patient weighs 67 kg.")
    assert (answer.status, ids(conversation.signals)) == (Status.CHAT, ["text:1"])
    assert watched("How much does the patient weigh?")[0].text.startswith("The patient weighs 67 kg")
    conversation.remove("text:1")
    conversation.add(b"Weight: 61 kg\nName: Ada Hale", Kind.TEXT, origin=Origin.USER, name="form")
    answer, _ = watched("The patient weighs 67 kg.")
    assert (answer.route.path, answer.status) == ("check", Status.CONFLICT)
    assert [verdict.attribute for verdict in answer.verdicts] == ["weight"]
    assert {told.value for told in answer.verdicts[0].values} == {"61 kg", "The patient weighs 67 kg"}
    assert "your message says The patient weighs 67 kg" in answer.text
    compared = conversation.check(nothing)
    assert (compared.question, compared.status) == ("", Status.CONFLICT)


def test_a_mere_question_and_what_cannot_be_asked_add_no_signal(conversation: Conversation, watched: Watched) -> None:
    for text in ("Hello", "Who are you?", "Thanks!"):
        assert watched(text)[0].status is Status.CHAT
        assert watched(text, b"RIFF")[0].status is Status.CHAT
    most = QUESTION_CHARACTERS.value
    for text in ("", " \n", "x" * (most + 1), "It was 80 mg. What " + "x" * most):
        with pytest.raises(UsageError):
            conversation.ask(text, nothing)
    assert conversation.signals == ()


def test_what_was_spoken_is_the_recording_and_is_cited_with_its_seconds(
    conversation: Conversation, watched: Watched
) -> None:
    told, recording = "I am allergic to penicillin. What is the allergy?", ALLERGIES.read_bytes()
    answer, _ = watched(told, recording)
    assert [(s.id, s.kind, s.origin, s.name) for s in answer.signals] == [
        ("audio:1", Kind.AUDIO, Origin.MICROPHONE, SAID)
    ]
    cited = [item for item in answer.evidence if item.id in answer.citations]
    assert "penicillin" in answer.text.lower()
    assert [item.signal for item in cited] == ["audio:1"]
    assert cited[0].locator.seconds is not None
    watched(told, recording)
    assert len(conversation.signals) == 1


@pytest.mark.parametrize("events", [0, 1, 3, 5])
def test_it_stops_at_the_next_event_wherever_it_is(conversation: Conversation, files: Path, events: int) -> None:
    """And answers the next question as if nothing had been."""
    conversation.attach(files / "motor.csv")
    conversation.attach(files / "remark.txt")
    seen = count()

    def stopping(event: Event) -> None:
        if next(seen) == events:
            asking = threading.Thread(target=conversation.stop)
            asking.start()
            asking.join()

    with pytest.raises(Stopped) as caught:
        conversation.ask(LIMIT, stopping)
    assert (caught.value.code, caught.value.exit_status) == ("stopped", 130)
    assert next(seen) == events + 1
    assert "14:26" in conversation.ask(LIMIT, nothing).text


def test_writing_stops_with_the_sentence_that_is_being_said(
    conversation: Conversation, monkeypatch: pytest.MonkeyPatch
) -> None:
    def endless(engine: PlainEngine, messages: Sequence[Message], **options: object) -> Iterator[str]:
        yield "One. Two. "
        conversation.stop()
        yield from ("and so on. " for _ in range(1_000_000))

    monkeypatch.setattr(PlainEngine, "stream", endless)
    conversation.add(REMARK, Kind.TEXT, origin=Origin.USER, name="remark")
    with pytest.raises(Stopped):
        conversation.ask("Summarize the remark.", nothing)
    conversation.stop()  # nothing runs: nothing is stopped
    assert conversation.ask("Who are you?", nothing).status is Status.CHAT
