"""A recording while it comes: held until it is recognized, and heard by the resident, which tells when somebody speaks.

Nothing is lost when the resident restarts meanwhile: the next one hears the recording from its beginning.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from time import monotonic
from typing import Annotated

import msgspec
from msgspec import Meta
from wyoming.event import Eventable
from wyoming.vad import VoiceStarted, VoiceStopped

from edge_assistant.core import errors
from edge_assistant.core.errors import ResidentLost
from edge_assistant.resident import protocol
from edge_assistant.serve import wyoming_events
from edge_assistant.serve.calls import AGAIN_S, LIFE_S, TRIES, Desk
from edge_assistant.serve.replies import wav

PAUSES = {"aggressive": 0.4, "default": 0.8, "relaxed": 1.5}  # seconds of silence with which a speech is over
_SENT_BYTES = 1 << 16  # of a recording in one message
_VOICE: dict[str, Callable[[int], Eventable]] = {"started": VoiceStarted, "stopped": VoiceStopped}


class SoundForm(msgspec.Struct, frozen=True):
    """Samples a second, bytes of a sample, and channels."""

    rate: Annotated[int, Meta(ge=8_000, le=48_000)]
    width: Annotated[int, Meta(ge=1, le=4)]
    channels: Annotated[int, Meta(ge=1, le=2)]


@dataclass(slots=True, eq=False)
class Recording:
    """What was said so far.

    Attributes:
        form: of the sound.
        language: that its client named.
        pause_s: seconds of silence with which a speech is over; None if its client itself hears when somebody speaks.
        samples: so far.
        told: events of voices so far.
        whole: whether nothing more comes.
        dropped: whether its client began another one before it was whole.
        grown: set when something of this changes.
        until: when more has to have come, in seconds: what came later than it was spoken, or stopped, has an end.
    """

    form: SoundForm
    language: str | None
    pause_s: float | None
    samples: bytearray = field(default_factory=bytearray)
    told: int = 0
    whole: bool = False
    dropped: bool = False
    grown: asyncio.Event = field(default_factory=asyncio.Event)
    until: float = field(default_factory=lambda: monotonic() + wyoming_events.SILENCE_S)

    def add(self, samples: bytes) -> None:
        """Take what comes next."""
        self.samples += samples
        spoken_s = len(samples) / (self.form.rate * self.form.width * self.form.channels)
        self.until = min(self.until + spoken_s, monotonic() + wyoming_events.SILENCE_S)
        self.grown.set()

    def end(self, *, dropped: bool = False) -> None:
        """Let it be whole."""
        self.whole, self.dropped = True, dropped
        self.grown.set()

    @property
    def count(self) -> int:
        """Whole samples of each channel."""
        return len(self.samples) // (self.form.width * self.form.channels)

    def wav(self) -> bytes:
        """It as a file."""
        return wav(self.samples, self.form.rate, self.form.width, self.form.channels)


async def hear(desk: Desk, recording: Recording, tell: Callable[[Eventable], Awaitable[None]]) -> None:
    """Tell when somebody begins and ends to speak, until the recording is whole; raises what `tell` does.

    Raises:
        EdgeAssistantError: the resident does not listen, or is lost.
    """
    for _ in range(TRIES):
        if await _heard(desk, recording, tell):
            return
        await asyncio.sleep(AGAIN_S)
    raise ResidentLost("the resident does not listen", "try again later")


async def _heard(desk: Desk, recording: Recording, tell: Callable[[Eventable], Awaitable[None]]) -> bool:
    """Tell what one resident hears and was not told yet; whether that was all of it, as it may restart."""
    reader, writer = await asyncio.open_unix_connection(sock=await desk.connection())
    sound, count = {**msgspec.structs.asdict(recording.form), "pause_s": recording.pause_s}, 0
    limit, feeding = asyncio.timeout(None), None
    try:
        async with limit:
            feeding = asyncio.create_task(_feed(recording, sound, writer, limit))
            while line := await _line(reader):
                match json.loads(line):
                    case {"voice": str() as what, "ms": int() as when}:
                        count += 1
                        if count > recording.told:
                            recording.told = count
                            await tell(_VOICE[what](when))
                    case {"error": [str() as kind, str() as message, str() as hint]}:
                        raise errors.unpacked(kind, message, hint)
                    case {"done": _}:
                        return True
            return False
    except TimeoutError:
        if limit.expired():
            raise ResidentLost("the resident does not answer", "try again later") from None
        raise
    finally:
        if feeding is not None:
            feeding.cancel()
        writer.transport.abort()  # and do not wait for what it does not take


async def _line(reader: asyncio.StreamReader) -> bytes:
    """The next line; empty if the resident is gone."""
    with contextlib.suppress(ConnectionError):
        return await reader.readline()
    return b""


async def _feed(recording: Recording, sound: object, writer: asyncio.StreamWriter, limit: asyncio.Timeout) -> None:
    """Send a recording as it comes; the resident takes what there is, and at last says the end, within the limit."""
    now = asyncio.get_running_loop().time
    sent = 0
    with contextlib.suppress(ConnectionError):
        writer.write(protocol.packed({"listen": sound}))
        while not recording.whole or sent < len(recording.samples):
            recording.grown.clear()
            while part := recording.samples[sent : sent + _SENT_BYTES]:
                limit.reschedule(now() + LIFE_S)
                writer.write(protocol.packed({"heard": base64.b64encode(part).decode("ascii")}))
                sent += len(part)
                await writer.drain()
            limit.reschedule(None)
            if not recording.whole:
                await recording.grown.wait()
        writer.write(protocol.packed({"heard": None}))
        limit.reschedule(now() + LIFE_S)
