"""Wyoming: Home Assistant and its satellites have speech recognized, texts spoken and questions answered.

The protocol has no authentication, so whoever reaches the port may ask. A connection reads on while it works, so that
it notices when its client goes, which ends the work. What is malformed, and what cannot be recognized or spoken, is
answered by one `error`, with which the connection ends.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import re
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import aclosing
from functools import partial
from time import monotonic
from typing import Any

import msgspec
from wyoming.asr import Transcript, TranscriptChunk, TranscriptStart, TranscriptStop
from wyoming.audio import AudioChunk, AudioStart, AudioStop
from wyoming.error import Error
from wyoming.event import Event, Eventable
from wyoming.handle import Handled, NotHandled
from wyoming.ping import Pong
from wyoming.tts import SynthesizeStopped

from edge_assistant.core.answer import Answer, Status
from edge_assistant.core.errors import EdgeAssistantError
from edge_assistant.core.signals import SAID, Kind, Origin, take_bytes
from edge_assistant.resident.protocol import ServiceMessage, ServiceTask
from edge_assistant.serve import wyoming_events
from edge_assistant.serve.calls import Busy, Desk
from edge_assistant.serve.replies import spoken
from edge_assistant.serve.wyoming_events import (
    LINE_BYTES,
    TEXT_CHARACTERS,
    Malformed,
    language_of,
    read_event,
    text_of,
    write_event,
)
from edge_assistant.serve.wyoming_recording import PAUSES, Recording, SoundForm, hear

RECORDING_BYTES = 32 << 20  # of one recording: 17 minutes of 16 kHz, 16 bit, mono
HELD_BYTES = 64 << 20  # of all recordings that have not been recognized yet
CONNECTIONS = 64  # at once
JOBS = 4  # of one connection that wait
_LINGER_S = 2.0  # in which a client can read the error while it still sends
_SENT_BYTES, _SENT_WIDTH = 8 << 10, 2  # of speech in one event, and of a sample
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+(?=[^\sa-z\d])|\n+")
_CITATION = re.compile(r"\s*\[[EC]\d+\]")


class WyomingServer:
    """What all connections share."""

    def __init__(self, desk: Desk, info: Mapping[str, Any]) -> None:
        """Begin.

        Args:
            desk: lets the resident do what is wanted.
            info: the reply to `describe`, see `wyoming_info`.
        """
        self.desk, self.info = desk, Event("info", dict(info))
        self.held = 0  # bytes of recordings
        self._connections = 0

    async def serve(self, listener: socket.socket, left: asyncio.Event) -> None:
        """Accept connections until something is set."""
        server = await asyncio.start_server(self._accept, sock=listener, limit=LINE_BYTES)
        await left.wait()
        server.close()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._connections += 1
        try:
            if self._connections <= CONNECTIONS:
                await Connection(self, reader, writer).run()
            else:
                await write_event(Error(str(Busy()), Busy.code).event(), writer)
        except OSError:  # it is gone
            pass
        finally:
            self._connections -= 1
            writer.close()
            asyncio.get_running_loop().call_later(_LINGER_S, writer.transport.abort)  # whatever it does not take


class Connection:
    """One client: its events are read in turn, and what they ask for is done one after the other."""

    def __init__(self, server: WyomingServer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._server, self._reader, self._writer = server, reader, writer
        self._client = str((writer.get_extra_info("peername") or [""])[0])  # none of one that is gone already
        self._jobs: asyncio.Queue[Callable[[], Awaitable[None]]] = asyncio.Queue(JOBS)
        self._working = False
        self._patience_s = 0.0  # for which the client may still let a job wait until it takes what it is sent
        self._held = 0  # bytes of its recordings
        self._language: str | None = None  # of the next recording
        self._pause_s: float | None = PAUSES["default"]  # None: its client itself hears when somebody speaks
        self._recording: Recording | None = None
        self._spoken: asyncio.Queue[str | None] | None = None  # texts of a speech that is not whole yet
        self._characters = 0  # of it

    async def run(self) -> None:
        """Do what the client wants until it or an error ends the connection.

        Raises:
            OSError: the client is gone, or as good as that.
        """
        match await self._ended():
            case Malformed() | Busy() | EdgeAssistantError() as error:
                told = Error(str(error), error.code)
                del error  # its frames hold recordings
                await self._fail(told)
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
            self._hold(-self._held)
        return next((error for task in tasks if not task.cancelled() and (error := task.exception())), None)

    async def _read(self) -> None:
        seconds = wyoming_events.FIRST_S
        while event := await read_event(self._reader, seconds, self._room, self._waits):
            await self._take(event)
            seconds = wyoming_events.SILENCE_S
            if self._recording is not None and monotonic() > self._recording.until:
                raise Malformed("a recording comes slower than it is spoken")

    async def _work(self) -> None:
        while True:
            job = await self._jobs.get()
            self._working, self._patience_s = True, wyoming_events.SILENCE_S
            await job()
            self._working = False

    async def _fail(self, error: Error) -> None:
        """Send what is wrong, and give the client time to read it: what it still sends is dropped."""
        await write_event(error.event(), self._writer)
        self._writer.write_eof()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_LINGER_S):
                while await self._reader.read(1 << 16):
                    pass

    def _room(self) -> int:
        return min(RECORDING_BYTES - self._held, HELD_BYTES - self._server.held)

    def _waits(self) -> bool:
        return self._spoken is None and self._recording is None and (self._working or not self._jobs.empty())

    async def _take(self, event: Event) -> None:
        """Do what is done at once, and let the rest wait for its turn; unknown events mean nothing."""
        data = event.data
        match event.type:
            case "describe":
                await write_event(self._server.info, self._writer)
            case "ping":
                await write_event(Pong(text_of(data, "text")).event(), self._writer)
            case "transcribe":
                self._language, sensitivity = language_of(data), text_of(data, "vad_sensitivity")
                self._pause_s = PAUSES.get(sensitivity, PAUSES["default"]) if sensitivity else None
            case "audio-start" if self._recording is not None:
                self._hold(-len(self._recording.samples))
                self._recording.samples.clear()
                self._recording.end(dropped=True)
                self._recording = None
            case "audio-chunk":
                self._hear(data, event.payload or b"")
            case "audio-stop":
                recording, self._recording = self._recording, None
                if recording is not None:
                    recording.end()
                if recording is None or recording.pause_s is None:
                    self._let(lambda: self._recognize(recording))
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
        try:
            form = msgspec.convert(data, SoundForm)
        except msgspec.ValidationError:
            raise Malformed("sound has 8000 to 48000 samples a second of 1 to 4 bytes, on 1 or 2 channels") from None
        recording = self._recording
        if recording is None:
            recording = self._recording = Recording(form, self._language, self._pause_s)
            if recording.pause_s is not None:
                self._let(partial(self._listen, recording))
        if recording.form != form:
            raise Malformed("a recording does not change its rate, width or channels")
        recording.add(samples)
        self._hold(len(samples))

    def _hold(self, size: int) -> None:
        """Count more bytes of recordings, or less, so that others can hold them."""
        self._held += size
        self._server.held += size

    async def _listen(self, recording: Recording) -> None:
        """Tell when somebody speaks while a recording comes, and then what they said."""
        if not recording.dropped:
            await hear(self._server.desk, recording, self._send)
        if not recording.dropped:
            await self._recognize(recording)

    async def _recognize(self, recording: Recording | None) -> None:
        """Tell what is said in a recording, each part of it as soon as it is understood."""
        language, text, sent = recording.language if recording else self._language, "", 0
        if recording is not None and recording.count:
            heard = take_bytes(recording.wav(), Kind.AUDIO, 1, origin=Origin.MICROPHONE, name=SAID)
            message = ServiceMessage(ServiceTask.PERCEIVE, (), (heard,), language, conversation=(self._client, ""))
            async with contextlib.AsyncExitStack() as held:
                held.callback(self._hold, -len(recording.samples))
                recording.samples.clear()
                replies = await held.enter_async_context(aclosing(self._server.desk.call(message)))
                async for found in replies:
                    if "event" in found:
                        continue
                    sentences, told = spoken(found.get("part", found)["evidence"])
                    if "part" not in found:
                        text = " ".join(one["text"] for one in sentences)
                        sentences = sentences[sent:]
                    language = told or language
                    for one in sentences:
                        if not sent:
                            await self._send(TranscriptStart(language=language))
                        await self._send(TranscriptChunk(f" {one['text']}" if sent else one["text"]))
                        sent += 1
        if not sent:
            await self._send(TranscriptStart(language=language))
        await self._send(Transcript(text, language=language))
        await self._send(TranscriptStop())

    async def _speak(self, text: str) -> None:
        """Say a text as one stream of audio, as its sentences are made."""
        rate = sent = 0
        async with aclosing(self._server.desk.call(ServiceMessage(ServiceTask.SPEAK, (text,)))) as replies:
            async for found in replies:
                part = found.get("part", found)
                if "rate" in part and not rate:
                    rate = part["rate"]
                    await self._send(AudioStart(rate, _SENT_WIDTH, 1, timestamp=0))
                samples = base64.b64decode(part.get("samples", ""))
                for start in range(0, len(samples), _SENT_BYTES):
                    piece = samples[start : start + _SENT_BYTES]
                    when = sent * 1000 // (rate * _SENT_WIDTH)
                    self._patience_s += len(piece) / (rate * _SENT_WIDTH)  # it may take a speech as it is played
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
        message = ServiceMessage(ServiceTask.ASK, (text,), (), language, conversation=(self._client, id))
        try:
            found = await self._server.desk.reply(message, folder=True)
        except (Busy, EdgeAssistantError) as error:
            await self._send(NotHandled(str(error), context))
            return
        answer: Answer = found["answer"]
        said = _CITATION.sub("", "\n".join(filter(None, (answer.text, found["note"]))))
        kind = NotHandled if answer.status is Status.NOT_IN_EVIDENCE else Handled
        await self._send(kind(said, context))

    async def _send(self, event: Eventable) -> None:
        began = monotonic()
        await write_event(event.event(), self._writer, self._patience_s)
        self._patience_s += began - monotonic()


async def _sentences(texts: asyncio.Queue[str | None]) -> AsyncIterator[str]:
    """The sentences of a text that comes in pieces, each as soon as the next one begins."""
    rest = ""
    while (text := await texts.get()) is not None:
        *whole, rest = _SENTENCE_END.split(rest + text)
        for sentence in whole:
            if sentence.strip():
                yield sentence
    if rest.strip():
        yield rest
