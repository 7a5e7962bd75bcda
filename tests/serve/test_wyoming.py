"""Wyoming by its own client: over a resident with the small models, and over one that does as it is told."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import io
import os
import socket
import subprocess
import wave
from pathlib import Path
from typing import Any

import pytest
from helpers import sounds
from helpers.commands import COMMAND, HANGS
from helpers.gateways import Gateway
from helpers.platforms import needs_lock
from helpers.scripted_resident import until
from helpers.wyoming_clients import CHUNK, HEARS, SPEAKS, answers, event, eventually, received, scripted, talk
from wyoming.asr import Transcribe, Transcript
from wyoming.audio import AudioChunk, AudioStart, AudioStop, wav_to_chunks
from wyoming.client import AsyncTcpClient
from wyoming.event import Event, Eventable, async_read_event
from wyoming.ping import Ping
from wyoming.tts import Synthesize, SynthesizeChunk, SynthesizeStart, SynthesizeStop

from edge_assistant.core.answer import Answer, Route, Status
from edge_assistant.core.errors import ResidentLost
from edge_assistant.core.signals import Kind
from edge_assistant.resident import client
from edge_assistant.resident.protocol import ServiceMessage, ServiceTask
from edge_assistant.serve import wyoming, wyoming_events
from edge_assistant.serve.calls import Busy

pytestmark = needs_lock
PROTOCOLS = ("wyoming",)
SPOKEN = "The pump is warm. It runs at 40 degrees."


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


def test_what_is_understood_is_told_while_the_rest_is_not() -> None:
    """The first part comes though the whole never does."""
    part = {"part": {"evidence": [{"text": "hello", "words": [], "language": "en"}]}}

    async def asked() -> list[Any]:
        async with scripted(part, None) as (_, _, port), AsyncTcpClient("127.0.0.1", port) as asks:
            asks._writer.write(HEARS)
            return [one.data async for one in received(asks, "transcript-chunk")]

    assert asyncio.run(asked()) == [{"language": "en"}, {"text": "hello"}]


def test_where_nothing_is_said_the_transcript_is_empty(gateway: Gateway) -> None:
    silence = AudioChunk(16_000, 2, 1, bytes(32_000))
    half = AudioChunk(16_000, 2, 1, b"\0")
    for sound in ([AudioStart(16_000, 2, 1), silence], [AudioStart(16_000, 2, 1)], [half], [Transcribe(), half], []):
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


def test_a_recording_may_have_two_channels(gateway: Gateway) -> None:
    file = io.BytesIO(sounds.wav(sounds.recording("pressure.wav"), channels=2))
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


def test_lines_without_words_are_not_spoken(gateway: Gateway) -> None:
    written = [SynthesizeStart(), *map(SynthesizeChunk, ("\n", "The pump is warm.\n", "\nIt runs."))]
    events = talk(gateway.port, *written, SynthesizeStop(), end="synthesize-stopped")
    assert types(events) == [*["audio-start", "audio-chunk", "audio-stop"] * 2, "synthesize-stopped"]


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


def test_what_was_said_into_a_microphone_is_a_recording_in_its_conversation(
    gateway: Gateway, pytestconfig: pytest.Config
) -> None:
    """Only for who said it: to others the same words are a text."""
    file = pytestconfig.rootpath / "examples" / "clinic" / "note.wav"
    text = heard(gateway.port, Transcribe(language="en"), *recording(file))
    handled(gateway.port, said(text, "four"))
    for who, kind in (("127.0.0.1", Kind.AUDIO), ("127.0.0.2", Kind.TEXT)):
        answer = asked(gateway, who, *([] if kind is Kind.AUDIO else [text]), "Which allergies are known?")
        assert "penicillin" in answer.text
        assert [signal.kind for signal in answer.signals] == [kind]


def asked(gateway: Gateway, who: str, *texts: str) -> Answer:
    """The answer that the gateway gets for a client in the conversation `four`."""
    with client.connected() as channel:
        message = ServiceMessage(ServiceTask.ASK, texts, language="en", conversation=(who, "four"))
        channel.send({"service": message})
        while "answer" not in (found := channel.receive()):
            assert "error" not in found
    answer: Answer = found["answer"]
    return answer


def test_what_is_forgotten_is_not_remembered_in_a_conversation(gateway: Gateway) -> None:
    """Nothing of a conversation is in the gateway, and the resident begins anew."""
    told = said("The allergies of the patient are latex.", "five"), said("Which allergies are known?", "five")
    assert "latex" in handled(gateway.port, *told)[-1]["text"]
    done = subprocess.run([*COMMAND, "forget", "--all", "--yes"], env=environment(gateway), capture_output=True)
    assert done.returncode == 0, done.stderr
    assert "latex" not in talk(gateway.port, told[1], end="handled")[-1].data["text"]


def environment(gateway: Gateway) -> dict[str, str]:
    return os.environ | {"EDGE_ASSISTANT_HOME": str(gateway.home)}


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
    until(lambda: (status := resident()) and status["answered"] > before["answered"] and not status["answering"])
    assert handled(gateway.port, said("The dose is 5 mg. What is the dose?", "four"))[-1]["text"]
    after = client.status()
    assert after is not None
    assert after["renewals"] == before["renewals"], "the models stay loaded"


def resident() -> dict[str, Any] | None:
    """What the resident tells of itself; None while it restarts."""
    with contextlib.suppress(client.Unavailable, OSError):
        return client.status()
    return None


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
        async with scripted(reply) as (desk, _, port), AsyncTcpClient("127.0.0.1", port, read_timeout=HANGS) as asks:
            await asks.write_event(said("What is it?", "one").event())
            found = [event async for event in received(asks, kind)][-1]
            [message] = desk.asked
            assert (message.texts, message.conversation) == (("What is it?",), ("127.0.0.1", "one"))
            return found

    found = asyncio.run(asked())
    assert (found.type, found.data["text"]) == (kind, "It is red, or blue.\nA name was removed.")


@pytest.mark.parametrize("reply", [Busy(), LOST])
def test_a_question_that_cannot_be_answered_is_not_handled_and_the_connection_stays(reply: Exception) -> None:
    async def asked() -> tuple[list[Event], Event | None]:
        async with scripted(reply) as (_, _, port), AsyncTcpClient("127.0.0.1", port, read_timeout=HANGS) as asks:
            await asks.write_event(said("hello", "one").event())
            found = [event async for event in received(asks, "handled")]
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
                for one in (ASKS, event("transcribe"), event("audio-chunk", CHUNK, bytes(1000))):
                    asks._writer.write(one)
                await eventually(lambda: desk.asked and server.held == 1000)
                assert desk.closed == 0
            await eventually(lambda: desk.closed == 1 and server.held == 0)

    asyncio.run(left())


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


def test_a_client_that_takes_nothing_leaves_nothing_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was written for it would keep its connection open as long as it does itself."""
    monkeypatch.setattr(wyoming_events, "SILENCE_S", 0.05)
    monkeypatch.setattr(wyoming, "_LINGER_S", 0.05)

    async def deaf() -> None:
        async with scripted() as (_, _, port):
            before = count()
            with socket.create_connection(("127.0.0.1", port)) as asks:
                asks.setblocking(False)
                many = event("ping", {"text": "x" * 9_000}) * 2_000
                with contextlib.suppress(OSError):
                    async with asyncio.timeout(HANGS):
                        await asyncio.get_running_loop().sock_sendall(asks, many)
                await eventually(lambda: count() <= before + 1)

    def count() -> int:
        return len([*Path("/proc/self/fd").iterdir()])

    asyncio.run(deaf())


@pytest.mark.parametrize(("seconds", "takes"), [(0.2, True), (0.1, False)])
def test_a_speech_is_taken_as_it_is_played_or_ends(
    seconds: float, takes: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else whoever takes a little now and then would keep a place in the queue for days."""
    passed, write = 0.0, wyoming.write_event
    monkeypatch.setattr(wyoming, "monotonic", lambda: passed)

    async def slow(event: Event, writer: asyncio.StreamWriter, left: float = 60.0) -> None:
        nonlocal passed
        passed += 0.2 if event.type == "audio-chunk" else 0.0
        if left < 0.2:
            raise TimeoutError
        await write(event, writer)

    monkeypatch.setattr(wyoming, "write_event", slow)
    sample = base64.b64encode(bytes(round(2 * 8_000 * seconds))).decode()

    async def asked() -> list[str]:
        async with scripted(*[{"part": {"rate": 8_000, "samples": sample}}] * 1_000, {}) as (_, _, port):
            return [kind for kind, _ in await answers(port, SPEAKS, ends=True)]

    told = asyncio.run(asked())
    assert (told.count("audio-chunk") == 1_000, told[-1] == "audio-stop") == (takes, takes)


def test_a_client_that_waits_for_an_answer_may_be_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wyoming_events, "SILENCE_S", 0.05)

    async def waits() -> None:
        async with scripted(None) as (desk, _, port):
            waits = asyncio.create_task(answers(port, ASKS))
            await eventually(lambda: len(desk.asked) == 1)
            await asyncio.sleep(10 * wyoming_events.SILENCE_S)
            assert not waits.done()
            waits.cancel()

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
    monkeypatch.setattr(wyoming_events, "FIRST_S", 5.0)  # within which a busy machine opens all of them

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
