"""Wyoming: Home Assistant and its satellites have speech recognized, texts spoken and questions answered.

The protocol has no authentication, so whoever reaches the port may ask. A connection reads on while it works, so that
it notices when its client goes, which ends the work. What is malformed, and what cannot be recognized or spoken, is
answered by one `error`, with which the connection ends.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import io
import re
import socket
import time
import wave
from collections import OrderedDict
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

from wyoming.asr import Transcript, TranscriptChunk, TranscriptStart, TranscriptStop
from wyoming.audio import AudioChunk, AudioStart, AudioStop
from wyoming.error import Error
from wyoming.event import Event, Eventable
from wyoming.handle import Handled, NotHandled
from wyoming.ping import Pong
from wyoming.tts import SynthesizeStopped

from edge_assistant.core.answer import Answer, Status
from edge_assistant.core.errors import EdgeAssistantError
from edge_assistant.core.signals import Kind, Origin, take_bytes
from edge_assistant.resident.protocol import ServiceMessage, ServiceTask
from edge_assistant.serve import wyoming_events
from edge_assistant.serve.calls import Busy, Desk
from edge_assistant.serve.wyoming_events import (
    LINE_BYTES,
    TEXT_CHARACTERS,
    Malformed,
    language_of,
    read_event,
    text_of,
    write_event,
)

RECORDING_BYTES = 32 << 20  # of one recording: 17 minutes of 16 kHz, 16 bit, mono
HELD_BYTES = 64 << 20  # of all recordings that have not been recognized yet
CONNECTIONS = 64  # at once
JOBS = 4  # of one connection that wait
CONVERSATIONS, CONVERSATION_S = 64, 300.0  # that are remembered, and for how long; Home Assistant's own end as soon
_EXPIRES_S = 30.0  # between two looks at them
_LINGER_S = 2.0  # in which a client can read the error while it still sends
_SENT_BYTES, _SENT_WIDTH = 8 << 10, 2  # of speech in one event, and of a sample
_RATES, _WIDTHS, _CHANNELS = range(8_000, 48_001), range(1, 5), range(1, 3)
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+(?=[^\sa-z\d])|\n+")
_CITATION = re.compile(r"\s*\[[EC]\d+\]")
_BUSY = Error("too many questions wait: ask again in a moment", "busy")


class Conversations:
    """What was asked in conversations of late, so that a later question is understood; in memory only."""

    def __init__(self) -> None:
        self._asked: OrderedDict[tuple[str, str], tuple[float, tuple[str, ...]]] = OrderedDict()

    def of(self, key: tuple[str, str]) -> tuple[str, ...]:
        """The texts of a conversation, by its client and id."""
        self.expire()
        return self._asked.get(key, (0.0, ()))[1]

    def expire(self) -> None:
        """Forget those in which nothing was asked for long."""
        now = time.monotonic()
        for old in [one for one, (when, _) in self._asked.items() if now - when > CONVERSATION_S]:
            del self._asked[old]

    def keep(self, key: tuple[str, str], texts: tuple[str, ...]) -> None:
        """Keep the last texts of a conversation, if it has an id."""
        while sum(map(len, texts)) > TEXT_CHARACTERS:
            texts = texts[1:]
        if key[1]:
            self._asked[key] = time.monotonic(), texts
            self._asked.move_to_end(key)
        while len(self._asked) > CONVERSATIONS:
            self._asked.popitem(last=False)


@dataclass(slots=True)
class Recording:
    """What was said so far: rate, bytes of a sample and channels, and the samples as they came, and their bytes."""

    form: tuple[int, int, int]
    samples: list[bytes] = field(default_factory=list)
    size: int = 0

    def wav(self) -> bytes:
        """It as a file."""
        file = io.BytesIO()
        rate, width, channels = self.form
        with wave.open(file, "wb") as written:
            written.setframerate(rate)
            written.setsampwidth(width)
            written.setnchannels(channels)
            written.setnframes(self.size // (width * channels))  # so that nothing is changed in what was written
            for samples in self.samples:
                written.writeframesraw(samples)
        return file.getvalue()


class WyomingServer:
    """What all connections share."""

    def __init__(self, desk: Desk, info: Mapping[str, Any]) -> None:
        """Begin.

        Args:
            desk: lets the resident do what is wanted.
            info: the reply to `describe`, see `wyoming_info`.
        """
        self.desk, self.info = desk, Event("info", dict(info))
        self.conversations = Conversations()
        self.held = 0  # bytes of recordings
        self._connections = 0

    async def serve(self, listener: socket.socket, left: asyncio.Event) -> None:
        """Accept connections until something is set."""
        server = await asyncio.start_server(self._accept, sock=listener, limit=LINE_BYTES)
        while not left.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(left.wait(), _EXPIRES_S)
            self.conversations.expire()
        server.close()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._connections += 1
        try:
            if self._connections <= CONNECTIONS:
                await Connection(self, reader, writer).run()
            else:
                await write_event(_BUSY.event(), writer)
        except OSError:  # it is gone
            pass
        finally:
            self._connections -= 1
            writer.close()


class Connection:
    """One client: its events are read in turn, and what they ask for is done one after the other."""

    def __init__(self, server: WyomingServer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._server, self._reader, self._writer = server, reader, writer
        self._client = str((writer.get_extra_info("peername") or [""])[0])  # none of one that is gone already
        self._jobs: asyncio.Queue[Callable[[], Awaitable[None]]] = asyncio.Queue(JOBS)
        self._working = False
        self._held = 0  # bytes of its recordings
        self._wanted: str | None = None  # the language of the recording
        self._recording: Recording | None = None
        self._spoken: asyncio.Queue[str | None] | None = None  # texts of a speech that is not whole yet
        self._characters = 0  # of it

    async def run(self) -> None:
        """Do what the client wants until it or an error ends the connection.

        Raises:
            OSError: the client is gone, or as good as that.
        """
        match await self._ended():
            case Malformed() as error:
                await self._fail(Error(str(error), "malformed"))
            case Busy():
                await self._fail(_BUSY)
            case EdgeAssistantError() as error:
                await self._fail(Error(_words(error), error.code))
            case BaseException() as error:
                raise error

    async def _ended(self) -> BaseException | None:
        """Read and work until one of both ends; why it did. Recordings are let go, those of what never began too."""
        tasks = [asyncio.create_task(self._read()), asyncio.create_task(self._work())]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
            self._recording, self._jobs = None, asyncio.Queue()
            self._server.held -= self._held
        return next((error for task in tasks if not task.cancelled() and (error := task.exception())), None)

    async def _read(self) -> None:
        seconds = wyoming_events.FIRST_S
        while event := await read_event(self._reader, seconds, self._room, self._waits):
            await self._take(event)
            seconds = wyoming_events.SILENCE_S

    async def _work(self) -> None:
        while True:
            job = await self._jobs.get()
            self._working = True
            await job()
            self._working = False

    async def _fail(self, error: Error) -> None:
        """Send what is wrong, and give the client time to read it: what it still sends is dropped."""
        await self._send(error)
        self._writer.write_eof()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_LINGER_S):
                while await self._reader.read(1 << 16):
                    pass

    def _room(self) -> int:
        return min(RECORDING_BYTES - self._held, HELD_BYTES - self._server.held)

    def _waits(self) -> bool:
        return self._spoken is None and (self._working or not self._jobs.empty())

    async def _take(self, event: Event) -> None:
        """Do what is done at once, and let the rest wait for its turn; unknown events mean nothing."""
        data = event.data
        match event.type:
            case "describe":
                await write_event(self._server.info, self._writer)
            case "ping":
                await self._send(Pong(text_of(data, "text")))
            case "transcribe":
                self._wanted = language_of(data)
            case "audio-start":
                self._release(self._recording)
                self._recording = None
            case "audio-chunk":
                self._hear(data, event.payload or b"")
            case "audio-stop":
                recording, self._recording = self._recording, None
                language = self._wanted
                self._let(lambda: self._recognize(recording, language))
            case "synthesize" if self._spoken is None:  # else it repeats the chunks, for servers that know none
                text = text_of(data, "text")
                self._let(lambda: self._speak(text))
            case "synthesize-start" if self._spoken is None:
                spoken = self._spoken = asyncio.Queue()
                self._characters = 0
                self._let(lambda: self._speak_stream(spoken))
            case "synthesize-chunk" if self._spoken is not None:
                self._characters += len(text := text_of(data, "text"))
                if self._characters > TEXT_CHARACTERS:
                    raise Malformed(f"a speech has at most {TEXT_CHARACTERS:,} characters")
                if text:
                    self._spoken.put_nowait(text)
            case "synthesize-stop" if self._spoken is not None:
                self._spoken.put_nowait(None)
                self._spoken = None
            case "transcript":
                text, language, context = text_of(data, "text"), language_of(data), data.get("context") or {}
                if not isinstance(context, dict):
                    raise Malformed("'context' has its parts by name")
                id = text_of(context, "conversation_id")
                self._let(lambda: self._answer(text, language, id))

    def _let(self, job: Callable[[], Awaitable[None]]) -> None:
        try:
            self._jobs.put_nowait(job)
        except asyncio.QueueFull:
            raise Busy from None

    def _hear(self, data: Mapping[str, Any], samples: bytes) -> None:
        form: tuple[Any, Any, Any] = (data.get("rate"), data.get("width"), data.get("channels"))
        known = zip(form, (_RATES, _WIDTHS, _CHANNELS), strict=True)
        if not all(type(one) is int and one in among for one, among in known):
            raise Malformed("sound has 8000 to 48000 samples a second of 1 to 4 bytes, on 1 or 2 channels")
        recording = self._recording = self._recording or Recording(form)
        if recording.form != form:
            raise Malformed("a recording does not change its rate, width or channels")
        recording.samples.append(samples)
        recording.size += len(samples)
        self._held += len(samples)
        self._server.held += len(samples)

    def _release(self, recording: Recording | None) -> None:
        if recording is not None:
            self._held -= recording.size
            self._server.held -= recording.size

    async def _recognize(self, recording: Recording | None, language: str | None) -> None:
        sentences: list[dict[str, Any]] = []
        if recording is not None and recording.size:
            heard = take_bytes(recording.wav(), Kind.AUDIO, 1, origin=Origin.MICROPHONE, name="recording.wav")
            self._release(recording)
            async with self._asked(ServiceMessage(ServiceTask.PERCEIVE, (), (heard,), language)) as replies:
                async for found in replies:
                    sentences += [one for one in found.get("evidence", ()) if one["locator"].get("seconds")]
        spoken = next((one["language"] for one in sentences if one.get("language")), language)
        await self._send(TranscriptStart(language=spoken))
        for number, one in enumerate(sentences):
            await self._send(TranscriptChunk(f" {one['text']}" if number else one["text"]))
        await self._send(Transcript(" ".join(one["text"] for one in sentences), language=spoken))
        await self._send(TranscriptStop())

    async def _speak(self, text: str) -> None:
        """Say a text as one stream of audio, as its sentences are made."""
        rate = sent = 0
        async with self._asked(ServiceMessage(ServiceTask.SPEAK, (text,))) as replies:
            async for found in replies:
                part = found.get("part", found)
                if "rate" in part and not rate:
                    rate = part["rate"]
                    await self._send(AudioStart(rate, _SENT_WIDTH, 1, timestamp=0))
                samples = base64.b64decode(part.get("samples", ""))
                for start in range(0, len(samples), _SENT_BYTES):
                    piece = samples[start : start + _SENT_BYTES]
                    when = sent * 1000 // (rate * _SENT_WIDTH)
                    await self._send(AudioChunk(rate, _SENT_WIDTH, 1, piece, timestamp=when))
                    sent += len(piece)
        await self._send(AudioStop(timestamp=sent * 1000 // (rate * _SENT_WIDTH)))

    async def _speak_stream(self, texts: asyncio.Queue[str | None]) -> None:
        """Say a text that is still being written, a stream of audio for each sentence."""
        async for sentence in _sentences(texts):
            await self._speak(sentence)
        await self._send(SynthesizeStopped())

    async def _answer(self, text: str, language: str | None, id: str) -> None:
        """Answer a question, and what goes wrong in words, too: Home Assistant reads them out."""
        context = {"conversation_id": id} if id else None
        key = self._client, id
        texts = (*self._server.conversations.of(key), text)
        try:
            async with self._asked(ServiceMessage(ServiceTask.ASK, texts, language=language)) as replies:
                async for found in replies:
                    if isinstance(answer := found.get("answer"), Answer):
                        self._server.conversations.keep(key, texts)
                        said = _CITATION.sub("", "\n".join(filter(None, (answer.text, found["note"]))))
                        kind = NotHandled if answer.status is Status.NOT_IN_EVIDENCE else Handled
                        await self._send(kind(said, context))
        except Busy:
            await self._send(NotHandled(_BUSY.text, context))
        except EdgeAssistantError as error:
            await self._send(NotHandled(_words(error), context))

    def _asked(self, message: ServiceMessage) -> aclosing[AsyncGenerator[dict[str, Any], None]]:
        """The resident's messages; it stops if they are left before the last one."""
        return aclosing(self._server.desk.call(message))

    async def _send(self, event: Eventable) -> None:
        await write_event(event.event(), self._writer)


def _words(error: EdgeAssistantError) -> str:
    return f"{error.message} - {error.hint}"


async def _sentences(texts: asyncio.Queue[str | None]) -> AsyncIterator[str]:
    """The sentences of a text that comes in pieces, each as soon as the next one begins."""
    rest = ""
    while (text := await texts.get()) is not None:
        *whole, rest = _SENTENCE_END.split(rest + text)
        for sentence in whole:
            yield sentence
    if rest.strip():
        yield rest
