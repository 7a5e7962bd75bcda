"""Wyoming by its own client: over a resident with the small models, and over one that does as it is told."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import io
import wave
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from helpers.commands import HANGS, until
from helpers.gateways import Gateway, serving
from helpers.platforms import needs_lock
from helpers.wyoming_clients import CHUNK, answers, event, received, scripted, talk
from hypothesis import given
from hypothesis import strategies as st
from wyoming.asr import Transcribe, Transcript
from wyoming.audio import AudioChunk, AudioStart, AudioStop, wav_to_chunks
from wyoming.client import AsyncTcpClient
from wyoming.event import Event, Eventable, async_read_event
from wyoming.ping import Ping
from wyoming.tts import Synthesize, SynthesizeChunk, SynthesizeStart, SynthesizeStop

from edge_assistant.core.answer import Answer, Route, Status
from edge_assistant.core.errors import ResidentLost
from edge_assistant.core.signals import Origin
from edge_assistant.resident import client
from edge_assistant.resident.protocol import ServiceMessage
from edge_assistant.serve import wyoming, wyoming_events
from edge_assistant.serve.calls import Busy

pytestmark = needs_lock
SPOKEN = "The pump is warm. It runs at 40 degrees."


@pytest.fixture(scope="module")
def served(homes: Iterator[Path], store: Path) -> Iterator[Gateway]:
    """A gateway for all tests here: its resident takes seconds to start."""
    with serving("wyoming", next(homes), store) as running:
        yield running


def types(events: list[Event]) -> list[str]:
    """The types of events, each once where it comes again and again."""
    return [
        event.type
        for before, event in zip([None, *events], events, strict=False)
        if event.type != (before and before.type)
    ]


def recording(file: Path | io.BytesIO) -> list[Eventable]:
    with wave.open(file if isinstance(file, io.BytesIO) else str(file)) as opened:
        return list(wav_to_chunks(opened, 1024, start_event=True, stop_event=True))


def heard(port: int, *events: Eventable) -> str:
    return str(talk(port, *events, end="transcript")[-1].data["text"])


def said(text: str, conversation: str = "") -> Transcript:
    return Transcript(text, language="en", context={"conversation_id": conversation, "device_id": None})


def test_a_recording_is_recognized_sentence_by_sentence(gateway: Gateway, pytestconfig: pytest.Config) -> None:
    file = pytestconfig.rootpath / "examples" / "clinic" / "note.wav"
    events = talk(gateway.port, Transcribe(language="en-US"), *recording(file), end="transcript-stop")
    assert types(events) == ["transcript-start", "transcript-chunk", "transcript", "transcript-stop"]
    *chunks, whole = [event.data["text"] for event in events[1:-1]]
    assert len(chunks) > 1
    assert "".join(chunks) == whole
    assert "allergic to penicillin" in whole
    assert events[-2].data["language"] == "en"


def test_where_nothing_is_said_the_transcript_is_empty(gateway: Gateway) -> None:
    silence = AudioChunk(16_000, 2, 1, bytes(32_000))
    for sound in ([AudioStart(16_000, 2, 1), silence], [AudioStart(16_000, 2, 1)], []):
        assert heard(gateway.port, *sound, AudioStop()) == ""


def test_what_is_spoken_is_recognized_again(gateway: Gateway) -> None:
    events = talk(gateway.port, Synthesize(SPOKEN), end="audio-stop")
    assert types(events) == ["audio-start", "audio-chunk", "audio-stop"]
    chunks = [AudioChunk.from_event(event) for event in events[1:-1]]
    seconds = sum(chunk.seconds for chunk in chunks)
    assert chunks[-1].timestamp is not None
    assert chunks[-1].timestamp / 1000 + chunks[-1].seconds == pytest.approx(seconds, abs=0.01)
    assert events[-1].data["timestamp"] / 1000 == pytest.approx(seconds, abs=0.01)
    assert "pump" in heard(gateway.port, *chunks, AudioStop()).lower()


def test_a_recording_may_have_two_channels(gateway: Gateway, pytestconfig: pytest.Config) -> None:
    file = io.BytesIO()
    with wave.open(str(pytestconfig.rootpath / "tests" / "fixtures" / "speech" / "pressure.wav")) as mono:
        samples = mono.readframes(mono.getnframes())
        with wave.open(file, "wb") as stereo:
            stereo.setparams(mono.getparams()._replace(nchannels=2))
            stereo.writeframes(b"".join(samples[n : n + 2] * 2 for n in range(0, len(samples), 2)))
    file.seek(0)
    assert "pressure" in heard(gateway.port, *recording(file)).lower()


def test_a_text_is_spoken_while_it_is_written(gateway: Gateway) -> None:
    async def spoken() -> tuple[list[Event], list[Event]]:
        async with AsyncTcpClient("127.0.0.1", gateway.port, read_timeout=HANGS) as asks:
            for event in (SynthesizeStart(), *map(SynthesizeChunk, ("The pu", "mp is warm. It", " runs. And"))):
                await asks.write_event(event.event())
            first = [event async for event in received(asks, "audio-stop")]
            for event in (
                SynthesizeChunk(" more"),
                Synthesize("The pump is warm. It runs. And more"),
                SynthesizeStop(),
            ):
                await asks.write_event(event.event())
            return first, [event async for event in received(asks, "synthesize-stopped")]

    first, rest = asyncio.run(spoken())
    sentence = ["audio-start", "audio-chunk", "audio-stop"]
    assert types(first) == sentence
    assert types(rest) == [*sentence, *sentence, "synthesize-stopped"]


def handled(port: int, *asked: Transcript) -> list[dict[str, Any]]:
    return [talk(port, one, end="handled")[-1].data for one in asked]


def test_a_conversation_is_remembered_by_its_id(gateway: Gateway) -> None:
    texts = ("The allergies of the patient are latex.", "Which allergies are known?")
    told, found = handled(gateway.port, *(said(text, "one") for text in texts))
    assert told["text"].startswith("I take this as a statement")
    assert found["text"].startswith("The allergies of the patient are latex, by your message.")  # and no [E1]
    assert told["context"] == found["context"] == {"conversation_id": "one"}
    others = handled(gateway.port, said(texts[1], "two"), *map(said, texts))
    assert not any("latex" in other["text"] for other in others)


def test_a_later_question_is_understood_by_the_one_before(gateway: Gateway) -> None:
    texts = ("The allergies are latex. The dose is 5 mg.", "Which allergies are known?", "And the dose?")
    *_, found = handled(gateway.port, *(said(text, "three") for text in texts))
    assert "5 mg" in found["text"]


def test_what_nobody_can_answer_is_said_in_words(gateway: Gateway) -> None:
    assert "the question is empty" in talk(gateway.port, said(""), end="not-handled")[-1].data["text"]


def test_the_work_ends_with_its_client(gateway: Gateway) -> None:
    async def left() -> None:
        async with AsyncTcpClient("127.0.0.1", gateway.port, read_timeout=HANGS) as asks:
            await asks.write_event(Synthesize(SPOKEN * 200).event())
            await asks.read_event()

    assert heard(gateway.port, AudioChunk(16_000, 2, 1, bytes(3200)), AudioStop()) == ""
    before = client.status()
    assert before is not None
    asyncio.run(left())
    until(lambda: (status := resident()) and status["renewals"] > before["renewals"])


def resident() -> dict[str, Any] | None:
    """What the resident tells of itself; None while it restarts."""
    with contextlib.suppress(client.Unavailable, OSError):
        return client.status()
    return None


SPEAKS = event("synthesize", {"text": "hello"})
HEARS = event("audio-chunk", CHUNK, bytes(320)) + event("audio-stop")
ASKS = event("transcript", {"text": "hello"})
LOST = ResidentLost("it is lost", "try again")


@pytest.mark.parametrize(
    ("content", "reply", "told"),
    [
        (SPEAKS, Busy(), [("error", "busy")]),
        (HEARS, Busy(), [("error", "busy")]),
        (HEARS, LOST, [("error", LOST.code)]),
        (SPEAKS, LOST, [("error", LOST.code)]),
        (SPEAKS * (wyoming.JOBS + 2), None, [("error", "busy")]),
    ],
)
def test_what_cannot_be_done_ends_the_connection_with_one_error(
    content: bytes, reply: Exception | None, told: list[tuple[str, str]]
) -> None:
    async def asked() -> list[tuple[str, Any]]:
        async with scripted(reply) as (_, _, port):
            return await asyncio.wait_for(answers(port, content), HANGS)

    assert asyncio.run(asked()) == told


@pytest.mark.parametrize(
    ("status", "kind"),
    [(Status.SUPPORTED, "handled"), (Status.CHAT, "handled"), (Status.NOT_IN_EVIDENCE, "not-handled")],
)
def test_an_answer_is_read_out_without_citations_and_with_its_note(status: Status, kind: str) -> None:
    async def asked() -> Event:
        answer = Answer("", "It is red [E1] [E2], or blue[C1].", status, Route("text", (), ""))
        reply = {"answer": answer, "note": "A name was removed."}
        async with scripted(reply) as (_, server, port), AsyncTcpClient("127.0.0.1", port, read_timeout=HANGS) as asks:
            await asks.write_event(said("What is it?", "one").event())
            found = [event async for event in received(asks, kind)][-1]
            assert server.conversations.of(("127.0.0.1", "one")) == ("What is it?",)
            return found

    found = asyncio.run(asked())
    assert (found.type, found.data["text"]) == (kind, "It is red, or blue.\nA name was removed.")


@pytest.mark.parametrize("reply", [Busy(), LOST])
def test_a_question_that_cannot_be_answered_is_not_handled_and_the_connection_stays(reply: Exception) -> None:
    async def asked() -> tuple[list[Event], Event | None]:
        async with scripted(reply) as (_, server, port), AsyncTcpClient("127.0.0.1", port, read_timeout=HANGS) as asks:
            await asks.write_event(said("hello", "one").event())
            found = [event async for event in received(asks, "handled")]
            assert server.conversations.of(("127.0.0.1", "one")) == ()
            await asks.write_event(Ping("x").event())
            return found, await asks.read_event()

    [found], pong = asyncio.run(asked())
    assert found.type == "not-handled"
    assert found.data["text"]
    assert pong is not None


def test_a_client_that_leaves_ends_its_call_and_frees_its_recording() -> None:
    async def left() -> None:
        async with scripted(None) as (desk, server, port):
            async with AsyncTcpClient("127.0.0.1", port) as asks:
                for one in (ASKS, event("audio-chunk", CHUNK, bytes(1000))):
                    asks._writer.write(one)
                await eventually(lambda: desk.asked and server.held == 1000)
                assert desk.closed == 0
            await eventually(lambda: desk.closed == 1 and server.held == 0)

    asyncio.run(left())


async def eventually(true: Callable[[], object]) -> None:
    async with asyncio.timeout(HANGS):
        while not true():
            await asyncio.sleep(0.01)


LONG = event("audio-chunk", CHUNK, bytes(5000))


@pytest.mark.parametrize("content", [LONG + b"x\n", LONG + HEARS * 6, SPEAKS + LONG + HEARS * 6])
def test_recordings_are_let_go_as_soon_as_an_error_is_sent(content: bytes) -> None:
    """Memory would grow until Python looks for garbage, which it seldom does."""

    async def ended() -> list[object]:
        async with scripted(None) as (_, _, port):
            await answers(port, content)
            return [one for one in gc.get_objects() if type(one) is wyoming.Recording and one.size >= 5000]

    gc.collect()
    gc.disable()
    try:
        assert asyncio.run(ended()) == []
    finally:
        gc.enable()


def test_what_is_said_reaches_the_resident_as_it_was_sent() -> None:
    async def asked() -> ServiceMessage:
        reply = {"evidence": [{"text": "hello", "locator": {"seconds": (0, 1)}, "language": "de"}]}
        async with scripted(reply) as (desk, server, port):
            start = (
                event("transcribe", {"language": "de_AT"}) + event("audio-chunk", CHUNK, b"left") + event("audio-start")
            )
            content = start + event("audio-chunk", CHUNK, bytes(range(8))) + event("audio-stop")
            assert [kind for kind, _ in await answers(port, content + b"x\n")][-1] == "error"
            await eventually(lambda: server.held == 0)
            async with AsyncTcpClient("127.0.0.1", port) as asks:
                asks._writer.write(content)
                found = [event async for event in received(asks, "transcript")]
                assert server.held == 0
            assert (found[-1].data["text"], found[-1].data["language"]) == ("hello", "de")
            return desk.asked[-1]

    message = asyncio.run(asked())
    assert message.language == "de"
    [heard] = message.signals
    assert heard.origin is Origin.MICROPHONE
    with wave.open(io.BytesIO(heard.data or b"")) as file:
        assert (file.getframerate(), file.getsampwidth(), file.getnchannels()) == (16_000, 2, 1)
        assert file.readframes(100) == bytes(range(8))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b'{"type"',
        event(data_length=10) + b"{",
        event("audio-chunk", CHUNK, payload_length=10),
        event("synthesize-start"),
    ],
)
def test_a_client_that_falls_silent_is_let_go(content: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wyoming_events, "FIRST_S", 0.05)
    monkeypatch.setattr(wyoming_events, "SILENCE_S", 0.05)

    async def silent() -> list[tuple[str, Any]]:
        async with scripted(None) as (_, _, port):
            return await asyncio.wait_for(answers(port, content), HANGS)

    assert asyncio.run(silent()) == []


def test_a_client_that_waits_for_an_answer_may_be_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wyoming_events, "SILENCE_S", 0.05)

    async def waits() -> None:
        async with scripted(None) as (desk, _, port):
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(answers(port, ASKS), 0.5)
            assert len(desk.asked) == 1

    asyncio.run(waits())


def test_more_connections_than_there_may_be_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wyoming, "CONNECTIONS", 3)

    async def crowd() -> list[tuple[str, Any]]:
        async with scripted() as (_, _, port), contextlib.AsyncExitStack() as stack:
            for _ in range(3):
                asks = await stack.enter_async_context(AsyncTcpClient("127.0.0.1", port))
                await asks.write_event(Ping().event())
                assert await asks.read_event()
            found = await answers(port, b"")
            await stack.aclose()
            await asyncio.sleep(0)
            async with AsyncTcpClient("127.0.0.1", port) as asks:
                await asks.write_event(Ping().event())
                assert await asks.read_event()
            return found

    assert asyncio.run(crowd()) == [("error", "busy")]


def test_silent_connections_keep_nobody_out_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wyoming_events, "FIRST_S", 3.0)  # within which a busy machine opens all of them

    async def crowd() -> None:
        async with scripted() as (_, _, port):
            silent = [await asyncio.open_connection("127.0.0.1", port) for _ in range(2 * wyoming.CONNECTIONS)]
            refused = [await async_read_event(reader) for reader, _ in silent[wyoming.CONNECTIONS :]]
            assert {event and event.type for event in refused} == {"error"}
            assert [await reader.read() for reader, _ in silent] == [b""] * len(silent)
            async with AsyncTcpClient("127.0.0.1", port) as asks:
                await asks.write_event(Ping().event())
                assert await asks.read_event()
            for _, writer in silent:
                writer.close()

    asyncio.run(crowd())


def test_recordings_of_all_connections_together_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wyoming, "HELD_BYTES", 1000)

    async def crowd() -> list[tuple[str, Any]]:
        async with scripted() as (_, server, port), AsyncTcpClient("127.0.0.1", port) as asks:
            await asks.write_event(AudioChunk(16_000, 2, 1, bytes(900)).event())
            await eventually(lambda: server.held == 900)
            found = await answers(port, event("audio-chunk", CHUNK, bytes(200)))
            assert server.held == 900
            return found

    assert asyncio.run(crowd()) == [("error", "malformed")]


@given(st.lists(st.tuples(st.sampled_from("abc"), st.text(min_size=1, max_size=9)), max_size=30))
def test_conversations_keep_the_last_texts_of_each(asked: list[tuple[str, str]]) -> None:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(wyoming, "TEXT_CHARACTERS", 20)
        patched.setattr(wyoming, "CONVERSATIONS", 2)
        kept = wyoming.Conversations()
        for id, text in asked:
            before = kept.of(("here", id))
            kept.keep(("here", id), (*before, text))
            now = kept.of(("here", id))
            assert (*before, text)[-len(now) :] == now
            assert sum(map(len, now)) <= 20
            assert kept.of(("elsewhere", id)) == ()
        latest = [*dict.fromkeys(id for id, _ in reversed(asked))][:2]
        assert {id for id in "abc" if kept.of(("here", id))} == set(latest)


def test_a_conversation_is_forgotten_in_time_though_nobody_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wyoming, "_EXPIRES_S", 0.01)

    async def forgotten() -> None:
        async with scripted() as (_, server, _):
            server.conversations.keep(("here", "one"), ("hello",))
            await asyncio.sleep(0.05)
            assert server.conversations.of(("here", "one")) == ("hello",)
            monkeypatch.setattr(wyoming, "CONVERSATION_S", -1.0)
            await eventually(lambda: not server.conversations._asked)

    asyncio.run(forgotten())
