"""Wyoming by its own client: over a resident with the small models, and over one that does as it is told."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import os
import socket
import subprocess
import time
import wave
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from helpers import plain_model
from helpers.commands import COMMAND, HANGS, until
from helpers.platforms import needs_lock
from wyoming.asr import Transcribe, Transcript
from wyoming.audio import AudioChunk, AudioStart, AudioStop, wav_to_chunks
from wyoming.client import AsyncTcpClient
from wyoming.event import Event, Eventable
from wyoming.info import Describe, Info
from wyoming.ping import Ping
from wyoming.tts import Synthesize, SynthesizeChunk, SynthesizeStart, SynthesizeStop

from edge_assistant.core.errors import ResidentLost
from edge_assistant.resident import client, protocol
from edge_assistant.resident.protocol import ServiceMessage
from edge_assistant.serve import wyoming, wyoming_events
from edge_assistant.serve.calls import Busy

pytestmark = needs_lock
SPOKEN = "The pump is warm. It runs at 40 degrees."


@dataclass(frozen=True)
class Gateway:
    """A gateway that runs: its broker, whose child it is, and its port."""

    broker: subprocess.Popen[str]
    port: int

    @property
    def mib(self) -> int:
        """Its memory."""
        child = Path(f"/proc/{self.broker.pid}/task/{self.broker.pid}/children").read_text().split()[0]
        return int(Path(f"/proc/{child}/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE") >> 20


@contextmanager
def serving(home: Path, store: Path) -> Iterator[Gateway]:
    """A gateway in a home; a resident that it started ends with it."""
    (home / "config").mkdir(parents=True)
    (home / "config" / "policy.toml").write_text('[serve]\naddresses = ["127.0.0.1"]\n')
    with pytest.MonkeyPatch.context() as patched:
        plain_model.use(patched)
        patched.setenv("EDGE_ASSISTANT_HOME", str(home))
        patched.setenv("EDGE_ASSISTANT_MODELS", str(store))
        patched.setenv("EDGE_ASSISTANT_PROFILE", "test")
        line = [*COMMAND, "serve", "--wyoming", "127.0.0.1:0"]
        broker = subprocess.Popen(line, stdout=subprocess.PIPE, text=True, env=dict(os.environ))
        assert broker.stdout is not None
        said = broker.stdout.readline()
        assert said.startswith("wyoming: listening on 127.0.0.1:"), said
        try:
            yield Gateway(broker, int(said.rpartition(":")[2]))
        finally:
            broker.terminate()
            broker.communicate()
            client.end("stop")


@pytest.fixture(scope="module")
def served(homes: Iterator[Path], store: Path) -> Iterator[tuple[Gateway, Path]]:
    """A gateway for all tests here: its resident takes seconds to start."""
    home = next(homes)
    home.mkdir(mode=0o700)
    with serving(home, store) as running:
        yield running, home


@pytest.fixture
def gateway(served: tuple[Gateway, Path], monkeypatch: pytest.MonkeyPatch) -> Gateway:
    """The same, in the home in which it runs."""
    monkeypatch.setenv("EDGE_ASSISTANT_HOME", str(served[1]))
    return served[0]


def talk(port: int, *events: Eventable, end: str) -> list[Event]:
    """What a client gets that sends events, until one of a type comes, an error, or the end of the connection."""

    async def talked() -> list[Event]:
        async with AsyncTcpClient("127.0.0.1", port, read_timeout=HANGS) as asks:
            for event in events:
                await asks.write_event(event.event())
            return [event async for event in received(asks, end)]

    return asyncio.run(talked())


async def received(asks: AsyncTcpClient, end: str) -> AsyncIterator[Event]:
    while event := await asks.read_event():
        yield event
        if event.type in {end, "handled", "not-handled", "error"}:
            return


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


# ---- over the real models


def test_it_describes_itself_at_once_and_starts_no_resident(
    homes: Iterator[Path], store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = next(homes)
    with serving(home, store) as gateway:
        since = time.monotonic()
        info = Info.from_event(talk(gateway.port, Describe(), end="info")[-1])
        assert time.monotonic() - since < 1
        monkeypatch.setenv("EDGE_ASSISTANT_HOME", str(home))
        assert not protocol.is_claimed()
    assert info.asr[0].installed
    assert [(model.name, model.languages) for model in info.asr[0].models] == [("whisper-tiny.en", ["en"])]
    assert [(voice.name, voice.languages) for voice in info.tts[0].voices] == [("piper-en-us-joe-medium", ["en_US"])]
    assert info.handle[0].models[0].languages == ["en"]
    assert info.wake == info.intent == []


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


def said(text: str, conversation: str = "") -> Transcript:
    return Transcript(text, language="en", context={"conversation_id": conversation, "device_id": None})


def test_a_conversation_is_remembered_by_its_id(gateway: Gateway) -> None:
    for conversation, kind in (("one", "handled"), ("", "not-handled")):
        told = talk(gateway.port, said("The allergies of the patient are latex.", conversation), end="handled")[-1]
        assert told.data["text"].startswith("I take this as a statement")
        found = talk(gateway.port, said("Which allergies are known?", conversation), end="handled")[-1]
        print(found)
        assert found.type == kind
        assert ("latex" in found.data["text"]) == (kind == "handled")
        assert "[E" not in found.data["text"]
        assert found.data.get("context") == ({"conversation_id": conversation} if conversation else None)


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


# ---- what is malformed


def event(type: object = "ping", data: object = None, payload: bytes = b"", **more: object) -> bytes:
    """An event as bytes, of which anything may be wrong."""
    head = {"type": type, **({"data": data} if data is not None else {}), **more}
    if payload:
        head.setdefault("payload_length", len(payload))
    return json.dumps(head).encode() + b"\n" + payload


CHUNK = {"rate": 16_000, "width": 2, "channels": 1}
LONG = "x" * (wyoming_events.TEXT_CHARACTERS + 1)
MALFORMED = {
    "no JSON": b"hello\n",
    "HTTP": b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\n",
    "an empty line": b"\n",
    "a list": b"[]\n",
    "a number": b"1\n",
    "a text": b'"describe"\n',
    "null": b"null\n",
    "half an object": b'{"type": "ping"\n',
    "two objects": b'{"type": "ping"}{"type": "ping"}\n',
    "not UTF-8": b'{"type": "p\xffng"}\n',
    "UTF-16": '{"type": "ping"}\n'.encode("utf-16"),
    "a byte order mark": b"\xef\xbb\xbf" + event(),
    "NUL": b"\0" * 100 + b"\n",
    "deep": b'{"type":' + b"[" * 50_000 + b"\n",
    "deep data": event(data_length=50_000) + b"[" * 50_000,
    "a number of 60,000 digits": b'{"type": ' + b"9" * 60_000 + b"}\n",
    "a line that never ends": b"x" * (wyoming_events.LINE_BYTES + 2),
    "a line that is too long": b'{"type": "' + b"x" * wyoming_events.LINE_BYTES + b'"}\n',
    "no type": b"{}\n",
    "a type that is a number": event(1),
    "a type that is null": event(None),
    "data that is a list": event(data=[1]),
    "data that is a text": event(data="x"),
    "data_length below 0": event(data_length=-1),
    "data_length that is a text": event(data_length="10"),
    "data_length that is a fraction": event(data_length=1.5),
    "data_length that is true": event(data_length=True),
    "data_length that is infinite": b'{"type": "ping", "data_length": Infinity}\n',
    "data_length that is not a number": b'{"type": "ping", "data_length": NaN}\n',
    "data_length over the limit": event(data_length=wyoming_events.DATA_BYTES + 1),
    "data_length that no memory holds": event(data_length=1 << 62),
    "payload_length below 0": event(payload_length=-1),
    "payload_length over the limit": event(payload_length=wyoming_events.PAYLOAD_BYTES + 1),
    "payload_length that no memory holds": event("audio-chunk", CHUNK, payload_length=1 << 40),
    "payload_length that is a list": event(payload_length=[1]),
    "data after it that are no JSON": event(data_length=4) + b"abcd",
    "data after it that are a list": event(data_length=2) + b"[]",
    "data after it that are not UTF-8": event(data_length=2) + b"\xff\xfe",
    "a text that is a number": event(data={"text": 1}),
    "a text that is a list": event("synthesize", {"text": ["x"]}),
    "a text of half a character": event(data={"text": "\ud800"}),
    "a text that is too long": event("synthesize", {"text": LONG}),
    "a question that is too long": event("transcript", {"text": LONG}),
    "a speech that is too long": event("synthesize-start")
    + event("synthesize-chunk", {"text": LONG[:9_000]}) * 2,
    "a language that is a number": event("transcribe", {"language": 5}),
    "a context that is a list": event("transcript", {"text": "x", "context": [1]}),
    "an id that is an object": event("transcript", {"text": "x", "context": {"conversation_id": {"a": 1}}}),
    "sound of no form": event("audio-chunk", payload=bytes(4)),
    "sound of no samples a second": event("audio-chunk", CHUNK | {"rate": 0}, bytes(4)),
    "sound of too many samples a second": event("audio-chunk", CHUNK | {"rate": 1 << 40}, bytes(4)),
    "sound of 100 channels": event("audio-chunk", CHUNK | {"channels": 100}, bytes(4)),
    "sound of 0 bytes a sample": event("audio-chunk", CHUNK | {"width": 0}, bytes(4)),
    "sound whose rate is a text": event("audio-chunk", CHUNK | {"rate": "16000"}, bytes(4)),
    "sound whose rate is true": event("audio-chunk", CHUNK | {"channels": True}, bytes(4)),
    "sound that changes": event("audio-chunk", CHUNK, bytes(4)) + event("audio-chunk", CHUNK | {"width": 1}, bytes(4)),
    "a recording that is too long": event("audio-chunk", CHUNK, bytes(1 << 20)) * 33,
}  # fmt: skip


def sent(port: int, content: bytes) -> list[dict[str, Any]]:
    """The events, without payload, that bytes are answered with until the connection ends."""
    with socket.create_connection(("127.0.0.1", port), timeout=HANGS) as connection:
        connection.sendall(content)
        answer = b"".join(iter(lambda: connection.recv(1 << 16), b""))
    found = []
    while answer:
        line, _, answer = answer.partition(b"\n")
        head = json.loads(line)
        length = head.get("data_length", 0)
        found.append(head | {"data": json.loads(answer[:length] or b"{}")})
        answer = answer[length:]
    return found


@pytest.mark.parametrize("content", MALFORMED.values(), ids=MALFORMED.keys())
def test_what_is_malformed_ends_its_connection_with_one_error(gateway: Gateway, content: bytes) -> None:
    before = gateway.mib
    [error] = sent(gateway.port, content + event())
    assert (error["type"], error["data"]["code"]) == ("error", "malformed")
    assert gateway.mib < before + 40
    assert talk(gateway.port, Ping("x"), end="pong")[-1].data == {"text": "x"}
