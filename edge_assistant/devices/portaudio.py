"""PortAudio, which drives microphones and speakers: loaded quietly, its list of devices renewed, streams opened.

PortAudio reads the list of devices when it is initialised and never again, and a renewed list ends every stream; so
the list is renewed only while no stream is open.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

from edge_assistant.core.errors import DeviceBusy, DeviceMissing
from edge_assistant.core.signals import printable
from edge_assistant.devices import pulseaudio
from edge_assistant.devices.device import numbered
from edge_assistant.devices.pulseaudio import Direction

_CARD = re.compile(r" \(hw:\d+,\d+\)$")  # where ALSA put it this time
_UNAVAILABLE = -9985  # paDeviceUnavailable
LATENCY = 0.1  # seconds; with less, sound is broken up while an answer takes all cores

lock = threading.RLock()  # held from finding a device to opening it, or its place in the list may be another's by then
_streams: set[int] = set()


@dataclass(frozen=True, slots=True)
class SoundDevice:
    """A microphone or speaker that can be opened.

    Attributes:
        name: by which it is found again after replugging; those of the same name are numbered.
        index: its place in the list of PortAudio that is valid now.
        rate: samples a second that it asks for.
        default: PortAudio takes it where nothing is chosen.
        card: it is a sound card itself, and no plugin of ALSA's.
        node: the source or sink of the sound server that it is to have, where it is the server.
    """

    name: str
    index: int
    rate: int
    default: bool = False
    card: bool = False
    node: str | None = None


def library() -> Any:  # noqa: ANN401
    """The module sounddevice.

    Raises:
        DeviceMissing: it or PortAudio is not installed.
    """
    with lock:
        try:
            _silence_alsa()
            import sounddevice
        except ImportError:
            raise DeviceMissing(
                "the library for sound is not installed", "install it: pip install 'edge-assistant-offline[audio]'"
            ) from None
        except Exception:  # sounddevice raises OSError without PortAudio, its own class where that cannot start
            raise DeviceMissing(
                "PortAudio, which drives sound, is not installed", "install it: apt install libportaudio2"
            ) from None
        return sounddevice


def renew() -> None:
    """Read the list of devices again, unless that would end a stream.

    Raises:
        DeviceMissing: see `library`.
    """
    with lock:
        sounddevice = library()
        if not _streams:
            sounddevice._terminate()
            sounddevice._initialize()


def devices(direction: Direction) -> list[SoundDevice]:
    """The devices of the list as it was read last.

    Raises:
        DeviceMissing: see `library`.
    """
    with lock:
        sounddevice = library()
        default = sounddevice.default.device[direction]
        found: list[SoundDevice] = []
        for index, info in enumerate(sounddevice.query_devices()):
            if info[f"max_{direction}_channels"] > 0:
                whole = printable(str(info["name"]))
                name = numbered(_CARD.sub("", whole), (other.name for other in found))
                rate = int(info["default_samplerate"]) or 48_000
                found.append(SoundDevice(name, index, rate, index == default, "(hw:" in whole))
        return found


def stream(found: SoundDevice, direction: Direction, callback: Callable[..., None]) -> Any:  # noqa: ANN401
    """Open and start a stream of f32 at the device's own rate, mono where it gives that, else stereo.

    Raises:
        DeviceBusy: another program has the device.
        DeviceMissing: it cannot be opened.
    """
    with lock:
        sounddevice = library()
        make = sounddevice.InputStream if direction == "input" else sounddevice.OutputStream
        for channels in (1, 2):
            try:
                with pulseaudio.chosen(found.node, direction):
                    opened = make(found.rate, None, found.index, channels, "float32", LATENCY, callback=callback)
            except sounddevice.PortAudioError as error:
                failure = error
                continue
            try:
                opened.start()
            except sounddevice.PortAudioError as error:
                failure = error
                opened.close(ignore_errors=True)
                continue
            _streams.add(id(opened))
            return opened
        if _UNAVAILABLE in failure.args:
            raise DeviceBusy(f"another program has {found.name}", "close that program")
        raise DeviceMissing(f"{found.name} cannot be opened ({failure.args[0]})", "choose another one")


def end(opened: Any) -> None:  # noqa: ANN401
    """Close a stream, whatever state it is in."""
    with lock:
        _streams.discard(id(opened))
        try:
            opened.abort(ignore_errors=True)
        finally:
            opened.close(ignore_errors=True)


@cache
def _silence_alsa() -> object:
    """Stop ALSA from printing on stderr, which is the terminal that the app draws on."""
    name = ctypes.util.find_library("asound")
    if name is None:
        return None
    # the last parameters are variadic; a callee that ignores them needs not know of them
    kind = ctypes.CFUNCTYPE(None, ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p)
    handler = kind(lambda *_: None)
    ctypes.CDLL(name).snd_lib_error_set_handler(handler)
    return handler  # kept, because ALSA keeps only its address
