"""What the resident hears while a client of the gateway still speaks: when somebody begins, and when they end."""

from __future__ import annotations

import base64
import contextlib
import threading
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from edge_assistant.cli import question
from edge_assistant.core import errors
from edge_assistant.core.errors import EdgeAssistantError, UsageError
from edge_assistant.core.signals import SAMPLE_RATE, Kind, Origin
from edge_assistant.governance.policy import policy
from edge_assistant.resident.protocol import Channel, MalformedMessage, ServiceMessage, ServiceTask

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from edge_assistant.compute.runtime import Runtime
    from edge_assistant.perception.live import Endpointer
    from edge_assistant.storage.settings import Settings

LISTENERS = 8  # at once; each takes a hundredth of a core while somebody speaks
_room = threading.BoundedSemaphore(LISTENERS)


def listened(channel: Channel, sound: Mapping[str, Any], settings: Settings, runtime: Runtime) -> None:
    """Hear what comes until it ends, and tell `voice`, `started` or `stopped`, with its millisecond, then `done`.

    Args:
        channel: gives `heard`, PCM as base64, of any length, and None at the end.
        sound: `rate`, `width` in bytes, `channels`, and `pause_s`, seconds of silence with which a speech is over.
        settings: of this process.
        runtime: of this process.

    Raises:
        OSError, EOFError, MalformedMessage: the client is gone, says nothing, or no such thing.
    """
    from edge_assistant.devices.sound import resampled

    match sound:
        case {"rate": int() as rate, "width": 1 | 2 | 3 | 4 as width, "channels": 1 | 2 as channels} if rate > 0:
            blocks = resampled(_pcm(channel, width, channels), rate, SAMPLE_RATE)
        case _:
            raise MalformedMessage("this is no sound")
    if not isinstance(pause_s := sound.get("pause_s"), float):
        raise MalformedMessage("its pauses have no length")
    try:
        with _place():
            _listen(channel, _endpointer(pause_s, settings, runtime), blocks)
    except EdgeAssistantError as error:
        channel.send({"error": errors.packed(error)})


@contextlib.contextmanager
def _place() -> Iterator[None]:
    if not _room.acquire(blocking=False):
        raise UsageError(f"{LISTENERS} recordings are listened to already", "try again later")
    try:
        yield
    finally:
        _room.release()


def _endpointer(pause_s: float, settings: Settings, runtime: Runtime) -> Endpointer:
    """What hears one recording, as the policy allows; it shares nothing with the answers that are made meanwhile."""
    from edge_assistant.cli._warm import Warm

    for action in ("ask", "microphone"):
        policy.current().check_action(action)
    policy.current().check_signal(Kind.AUDIO, Origin.MICROPHONE)
    asked = question.served_question(ServiceMessage(ServiceTask.PERCEIVE), settings)
    return question.assistant_for(asked, None, Warm(runtime)).models.endpointer(pause_s)


def _listen(channel: Channel, endpointer: Endpointer, blocks: Iterable[NDArray[np.float32]]) -> None:
    from edge_assistant.perception.live import Ended, Level, Started
    from edge_assistant.perception.vad import MIN_SPEECH, WINDOW

    pause = round(endpointer.pause_s * SAMPLE_RATE / WINDOW)
    windows = 0

    def tell(what: str, window: int) -> None:
        channel.send({"voice": what, "ms": max(0, window) * WINDOW * 1000 // SAMPLE_RATE})

    for block in blocks:
        for heard in endpointer.feed(block):
            match heard:
                case Level():
                    windows += 1
                case Started():
                    tell("started", windows + 1 - MIN_SPEECH)
                case Ended():
                    tell("stopped", windows + 1 - pause)
    if endpointer.finish():
        tell("stopped", windows)
    channel.send({"done": True})


def _pcm(channel: Channel, width: int, channels: int) -> Iterator[NDArray[np.float32]]:
    """What comes as f32, -1..1, mono; what is no whole sample yet waits for the rest."""
    rest = b""
    while isinstance(heard := channel.receive().get("heard"), str):
        try:
            rest += base64.b64decode(heard)
        except ValueError:
            raise MalformedMessage("samples are base64") from None
        whole = len(rest) // (width * channels) * width * channels
        yield mono(rest[:whole], width, channels)
        rest = rest[whole:]


def mono(samples: bytes, width: int, channels: int) -> NDArray[np.float32]:
    """Samples of PCM as f32, -1..1, [n]: little-endian, and of one byte unsigned, as WAV has them.

    Args:
        samples: whole ones, one of each channel in turn.
        width: bytes of one, 1 to 4.
        channels: of which the mean is taken.
    """
    import numpy as np

    parts = np.frombuffer(samples, np.uint8).reshape(-1, width)
    if width == 1:
        parts = parts ^ np.uint8(0x80)
    wide = np.zeros((len(parts), 4), np.uint8)
    wide[:, 4 - width :] = parts
    full = wide.view("<i4").astype(np.float32) / np.float32(1 << 31)
    mean: NDArray[np.float32] = full.reshape(-1, channels).mean(axis=1, dtype=np.float32)
    return mean
