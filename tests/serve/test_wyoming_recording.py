"""When somebody speaks in a recording that comes: over the real resident, and over one that does as it is told."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import io
import socket
import time
import tracemalloc
import wave
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from helpers import sounds
from helpers.commands import HANGS
from helpers.gateways import Gateway
from helpers.platforms import needs_lock
from helpers.wyoming_clients import (
    CHUNK,
    HEARS,
    SPEAKS,
    ScriptedDesk,
    answers,
    event,
    eventually,
    received,
    scripted,
    talk,
)
from wyoming.asr import Transcribe
from wyoming.audio import AudioChunk, AudioStart, AudioStop
from wyoming.client import AsyncTcpClient
from wyoming.event import Event, Eventable

from edge_assistant.core.errors import ResidentLost
from edge_assistant.core.signals import Origin
from edge_assistant.resident import client
from edge_assistant.resident.protocol import ServiceMessage
from edge_assistant.serve import wyoming, wyoming_events, wyoming_recording
from edge_assistant.serve.wyoming_recording import Recording, SoundForm

pytestmark = needs_lock
PROTOCOLS = ("wyoming",)


def pcm(sound: np.ndarray, rate: int = 16_000, width: int = 2, channels: int = 1) -> list[Eventable]:
    """A sound of 16 kHz as chunks in another form, whose ends fall within samples."""
    at = np.arange(0, len(sound), 16_000 / rate)
    values = np.interp(at, np.arange(len(sound)), sound).repeat(channels)
    whole = np.clip(values * 2.0**31, -(2.0**31), 2.0**31 - 1).astype("<i8").astype("<i4").view(np.uint8).reshape(-1, 4)
    data = whole[:, 4 - width :].copy()
    if width == 1:
        data ^= np.uint8(0x80)
    raw = data.tobytes()
    return [AudioChunk(rate, width, channels, raw[at : at + 5_001]) for at in range(0, len(raw), 5_001)]


def voices(port: int, *events: Eventable) -> list[tuple[str, int]]:
    """What is told of voices while events are sent; the transcript ends it."""

    async def talked() -> list[Event]:
        async with AsyncTcpClient("127.0.0.1", port, read_timeout=HANGS) as asks:
            for one in (*events, AudioStop()):
                await asks.write_event(one.event())
            return [one async for one in received(asks, "transcript")]

    *found, last = asyncio.run(talked())
    assert last.type == "transcript"
    return [(one.type, one.data["timestamp"]) for one in found if one.type.startswith("voice-")]


def about(found: list[tuple[str, int]], *expected: tuple[str, int]) -> None:
    assert [kind for kind, _ in found] == [f"voice-{kind}" for kind, _ in expected]
    for (_, at), (_, wanted) in zip(found, expected, strict=True):
        assert at == pytest.approx(wanted, abs=350)


def test_it_is_told_while_the_sound_comes_and_survives_a_restart_of_the_resident(gateway: Gateway) -> None:
    """After each part the client waits for what it brings about, and sends nothing before."""
    sound = np.concatenate([sounds.recording("pressure.wav"), sounds.silence(1.5)])

    async def talked() -> tuple[list[Event], str]:
        async with AsyncTcpClient("127.0.0.1", gateway.port, read_timeout=HANGS) as asks:

            async def sent(kind: str, *events: Eventable) -> list[Event]:
                for one in events:
                    await asks.write_event(one.event())
                return [one async for one in received(asks, kind)]

            found = await sent("voice-started", AudioStart(16_000, 2, 1), *pcm(sound[:40_000]))
            assert await asyncio.to_thread(client.end, "restart")
            found += await sent("voice-stopped", *pcm(sound[40_000:]))
            found += await sent("voice-started", *pcm(sound))
            return found, str((await sent("transcript", AudioStop()))[-1].data["text"])

    found, text = asyncio.run(talked())
    told = [(one.type, one.data["timestamp"]) for one in found]
    about(told, ("started", 1000), ("stopped", 3600), ("started", 1000 + len(sound) // 16))
    assert text.count("boiler") == 2


@pytest.mark.parametrize(
    ("rate", "width", "channels"), [(8_000, 2, 1), (44_100, 2, 2), (16_000, 1, 1), (22_050, 3, 2), (48_000, 4, 1)]
)
def test_every_form_of_sound_is_heard(gateway: Gateway, rate: int, width: int, channels: int) -> None:
    chunks = pcm(sounds.recording("pressure.wav"), rate, width, channels)
    about(voices(gateway.port, *chunks), ("started", 1000), ("stopped", 3600))


def test_where_nobody_speaks_nothing_is_told(gateway: Gateway) -> None:
    assert voices(gateway.port, *pcm(sounds.silence(2)), *pcm(sounds.noise(1, 0.05)), *pcm(sounds.tone(1))) == []
    assert voices(gateway.port) == []


@pytest.mark.parametrize(("sensitivity", "told"), [(None, 0), ("aggressive", 4), ("relaxed", 2), ("of its own", 2)])
def test_how_soon_a_speech_is_over_is_the_clients_wish(gateway: Gateway, sensitivity: str | None, told: int) -> None:
    said = sounds.recording("pressure.wav")[14_400:57_600]
    sound = np.concatenate([said, sounds.silence(0.3), said])
    assert len(voices(gateway.port, Transcribe(vad_sensitivity=sensitivity), *pcm(sound))) == told


def test_a_recording_that_is_dropped_is_not_recognized(gateway: Gateway) -> None:
    sound = pcm(sounds.recording("pressure.wav"))
    events = talk(gateway.port, *sound, AudioStart(16_000, 2, 1), AudioStop(), end="transcript")
    assert events[-1].data["text"] == ""


def test_parts_of_a_recording_are_its_whole(gateway: Gateway) -> None:
    """Whisper hears what is between long pauses by itself."""
    said, pause = sounds.recording("pressure.wav"), sounds.silence(4)
    parts = [*pcm(np.concatenate([said, pause, said, pause, said])), AudioStop()]
    *events, whole = talk(gateway.port, Transcribe(), *parts, end="transcript")
    chunks = [event.data["text"] for event in events[1:]]
    assert len(chunks) == 3
    assert "".join(chunks) == whole.data["text"]


class ListensDesk(ScriptedDesk):
    """Over residents that say what is scripted, and end where that is over."""

    def __init__(self, *residents: bytes, ends: bool = True) -> None:
        super().__init__({"evidence": []})
        self._residents, self._ends = iter(residents), ends
        self.theirs: list[socket.socket] = []

    async def connection(self) -> socket.socket:
        ours, theirs = socket.socketpair()
        self.theirs.append(theirs)
        theirs.sendall(next(self._residents, b""))
        if self._ends:
            theirs.shutdown(socket.SHUT_WR)
        return ours


@pytest.fixture
def listens() -> Iterator[Callable[..., ListensDesk]]:
    """Makes a desk whose residents are gone after the test."""
    made: list[ListensDesk] = []

    def make(*residents: bytes, ends: bool = True) -> ListensDesk:
        made.append(ListensDesk(*residents, ends=ends))
        return made[-1]

    yield make
    for theirs in (theirs for desk in made for theirs in desk.theirs):
        theirs.close()


STARTED, DONE = b'{"voice": "started", "ms": 5}\n', b'{"done": true}\n'
STOPPED = b'{"voice": "stopped", "ms": 9}\n'
ERROR = b'{"error": ["UsageError", "too many", "later"]}\n'
SOUND = event("audio-chunk", CHUNK, bytes(320))


@pytest.mark.parametrize(
    ("residents", "told"),
    [
        ([STARTED + STOPPED + DONE], ["voice-started", "voice-stopped"]),
        ([STARTED, STARTED + STOPPED, STARTED + STOPPED + DONE], ["voice-started", "voice-stopped"]),
        ([STARTED + ERROR], ["voice-started", "error"]),
        ([STARTED], ["voice-started", "error"]),
    ],
)
def test_what_residents_say_is_told_once_and_faults_are_one_error(
    listens: Callable[..., ListensDesk], residents: list[bytes], told: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wyoming_recording, "AGAIN_S", 0.0)

    async def asked() -> list[str]:
        async with scripted(desk=listens(*residents)) as (_, server, port):
            async with AsyncTcpClient("127.0.0.1", port, read_timeout=HANGS) as asks:
                asks._writer.write(SOUND + event("audio-stop"))
                found = [one.type async for one in received(asks, "transcript")]
            assert server.held == 0 or "error" in told
            return found

    assert [kind for kind in asyncio.run(asked()) if not kind.startswith("transcript")] == told


def test_a_resident_that_falls_silent_is_given_up(
    listens: Callable[..., ListensDesk], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wyoming_recording, "LIFE_S", 0.5)

    async def asked() -> list[tuple[str, str]]:
        async with scripted(desk=listens(STARTED, ends=False)) as (_, _, port):
            return await answers(port, SOUND + event("audio-stop"))

    assert asyncio.run(asked()) == [("voice-started", None), ("error", ResidentLost.code)]


def test_a_client_that_goes_silent_in_a_recording_is_let_go(
    listens: Callable[..., ListensDesk], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wyoming_events, "SILENCE_S", 0.5)

    async def silent() -> None:
        desk = listens(STARTED, ends=False)
        async with scripted(desk=desk) as (_, server, port):
            assert await asyncio.wait_for(answers(port, SOUND), HANGS) == [("voice-started", None)]
            assert server.held == 0
            [theirs] = desk.theirs
            theirs.settimeout(HANGS)
            while await asyncio.to_thread(theirs.recv, 1 << 16):
                pass  # until the gateway closes it, too

    asyncio.run(silent())


def test_a_resident_that_takes_nothing_holds_no_client_up(listens: Callable[..., ListensDesk]) -> None:
    """What it does not take waits in the recording, which is bounded."""

    async def full() -> int:
        async with scripted(desk=listens(STARTED, ends=False)) as (_, server, port):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            with contextlib.closing(writer):
                for _ in range(40):
                    writer.write(event("audio-chunk", CHUNK, bytes(wyoming_events.PAYLOAD_BYTES)))
                    await asyncio.wait_for(writer.drain(), HANGS)
                writer.write(event("ping"))
                async with asyncio.timeout(HANGS):
                    while b'"pong"' not in await reader.readline():
                        pass
            return server.held

    assert asyncio.run(full()) == 40 * wyoming_events.PAYLOAD_BYTES


def test_a_resident_that_takes_nothing_is_given_up(
    listens: Callable[..., ListensDesk], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wyoming_recording, "LIFE_S", 0.5)
    content = event("audio-chunk", CHUNK, bytes(wyoming_events.PAYLOAD_BYTES)) * 8 + event("audio-stop")

    async def asked() -> list[tuple[str, str]]:
        async with scripted(desk=listens(STARTED, ends=False)) as (_, _, port):
            return await asyncio.wait_for(answers(port, content), HANGS)

    assert asyncio.run(asked()) == [("voice-started", None), ("error", ResidentLost.code)]


@pytest.mark.parametrize(
    ("steps", "told"),
    [
        ([(64_000, 4)] * 100, "pong"),
        ([(1, 1)] * 100, "error"),
        ([(64_000, 0)] * 50 + [(0, 4)] * 30, "error"),
    ],
    ids=["a satellite streams for minutes", "a sample each second", "much, and then nothing"],
)
def test_a_recording_comes_as_it_is_spoken_or_ends(
    steps: list[tuple[int, int]], told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each step sends so many samples, and then so many seconds pass."""
    passed = 0
    for module in (wyoming, wyoming_recording):
        monkeypatch.setattr(module, "monotonic", lambda: time.monotonic() + passed)

    async def streams() -> str:
        nonlocal passed
        async with scripted() as (_, server, port), AsyncTcpClient("127.0.0.1", port, read_timeout=HANGS) as asks:
            asks._writer.write(event("transcribe"))
            for samples, seconds in steps:
                asks._writer.write(event("audio-chunk", CHUNK, bytes(2 * samples)) + event("ping"))
                found = await asks.read_event()
                passed += seconds
                if found is None or found.type == "error":
                    await eventually(lambda: server.held == 0)
                    break
            return str(found and found.type)

    assert asyncio.run(streams()) == told


def test_a_recording_of_the_smallest_parts_is_no_larger_than_its_sound() -> None:
    recording = Recording(SoundForm(16_000, 2, 1), None, None)
    tracemalloc.start()
    for _ in range(100_000):
        recording.add(bytes(bytearray(1)))
    size, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert recording.count == 50_000
    assert size < 200_000


def test_a_recording_is_a_file_of_just_what_came() -> None:
    recording = Recording(SoundForm(16_000, 2, 1), None, None)
    for part in (b"\1\0\2", b"\0\3\0"):
        recording.add(part)
    with wave.open(io.BytesIO(recording.wav())) as file:
        assert (file.getparams()[:4], file.readframes(9)) == ((1, 2, 16_000, 3), b"\1\0\2\0\3\0")


def test_what_is_said_reaches_the_resident_as_it_was_sent() -> None:
    async def asked() -> ServiceMessage:
        reply = {"evidence": [{"text": "hello", "words": [], "language": "de"}]}
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


LONG = event("transcribe") + event("audio-chunk", CHUNK, bytes(5000))


@pytest.mark.parametrize("content", [LONG + b"x\n", LONG + HEARS * 6, SPEAKS + LONG + HEARS * 6])
def test_recordings_are_let_go_as_soon_as_an_error_is_sent(content: bytes) -> None:
    """Memory would grow until Python looks for garbage, which it seldom does."""

    async def ended() -> list[object]:
        async with scripted(None) as (_, _, port):
            await answers(port, content)
            return [one for one in gc.get_objects() if type(one) is Recording and len(one.samples) >= 5000]

    gc.collect()
    gc.disable()
    try:
        assert asyncio.run(ended()) == []
    finally:
        gc.enable()


def test_recordings_of_all_connections_together_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wyoming, "HELD_BYTES", 1000)

    async def crowd() -> list[tuple[str, Any]]:
        async with scripted() as (_, server, port), AsyncTcpClient("127.0.0.1", port) as asks:
            for one in (Transcribe(), AudioChunk(16_000, 2, 1, bytes(900))):
                await asks.write_event(one.event())
            await eventually(lambda: server.held == 900)
            found = await answers(port, event("transcribe") + event("audio-chunk", CHUNK, bytes(200)))
            assert server.held == 900
            return found

    assert asyncio.run(crowd()) == [("error", "malformed")]


def test_a_recording_counts_until_it_is_recognized() -> None:
    async def waits() -> None:
        async with scripted(None) as (desk, server, port):
            async with AsyncTcpClient("127.0.0.1", port) as asks:
                asks._writer.write(HEARS)
                await eventually(lambda: desk.asked)
                assert server.held == 320
            await eventually(lambda: server.held == 0)

    asyncio.run(waits())
