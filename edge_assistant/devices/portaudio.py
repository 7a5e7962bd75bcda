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
from typing import Any, Literal

from edge_assistant.errors import DeviceBusy, DeviceMissing

Direction = Literal["input", "output"]
_CARD = re.compile(r" \(hw:\d+,\d+\)$")  # where ALSA put it this time
LATENCY = 0.1  # seconds; less is broken up while an answer takes all cores
_UNAVAILABLE = -9985  # paDeviceUnavailable

_lock = threading.RLock()
_streams: set[int] = set()


@dataclass(frozen=True, slots=True)
class Found:
    """A device of PortAudio.

    Attributes:
        index: its place in the list that is valid now.
        name: by which it is found again after replugging.
        rate: samples a second that it asks for.
    """

    index: int
    name: str
    rate: int


def library() -> Any:  # noqa: ANN401
    """The module sounddevice.

    Raises:
        DeviceMissing: it or PortAudio is not installed.
    """
    with _lock:
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


def devices(direction: Direction) -> list[Found]:
    """The devices that are there now; those of the same name are numbered.

    Raises:
        DeviceMissing: see `library`.
    """
    with _lock:
        sounddevice = library()
        if not _streams:
            sounddevice._terminate()
            sounddevice._initialize()
        found: list[Found] = []
        for index, info in enumerate(sounddevice.query_devices()):
            if info[f"max_{direction}_channels"] > 0:
                name = _CARD.sub("", str(info["name"]))
                same = sum(_CARD.sub("", f.name.split(" #")[0]) == name for f in found)
                found.append(
                    Found(index, f"{name} #{same + 1}" if same else name, int(info["default_samplerate"]) or 48_000)
                )
        return found


def find(name: str | None, direction: Direction) -> Found:
    """A device by its name or a part of it, or the default one.

    Raises:
        DeviceMissing: there is none of that name, or none at all.
    """
    word = "microphone" if direction == "input" else "speaker"
    there = devices(direction)
    if not there:
        raise DeviceMissing(f"there is no {word}", "plug one in, or start the sound server")
    if name is None:
        default = library().default.device[0 if direction == "input" else 1]
        return next((found for found in there if found.index == default), there[0])
    for matches in (lambda found: found.name == name, lambda found: name.casefold() in found.name.casefold()):
        for found in there:
            if matches(found):
                return found
    raise DeviceMissing(f"there is no {word} {name}", f"plug it in, or choose one of: {_listed(there)}")


def stream(found: Found, direction: Direction, callback: Callable[..., None]) -> Any:  # noqa: ANN401
    """Open and start a stream of f32 at the device's own rate, mono where it gives that, else stereo.

    Raises:
        DeviceBusy: another program has the device.
        DeviceMissing: it cannot be opened.
    """
    with _lock:
        sounddevice = library()
        make = sounddevice.InputStream if direction == "input" else sounddevice.OutputStream
        for channels in (1, 2):
            try:
                opened = make(
                    found.rate,
                    device=found.index,
                    channels=channels,
                    dtype="float32",
                    callback=callback,
                    latency=LATENCY,
                )
                opened.start()
            except sounddevice.PortAudioError as error:
                failure = error
            else:
                _streams.add(id(opened))
                return opened
        if _UNAVAILABLE in failure.args:
            raise DeviceBusy(f"another program has {found.name}", "close that program")
        raise DeviceMissing(f"{found.name} cannot be opened ({failure.args[0]})", "choose another one")


def end(opened: Any) -> None:  # noqa: ANN401
    """Close a stream, whatever state it is in."""
    with _lock:
        _streams.discard(id(opened))
        try:
            opened.abort(ignore_errors=True)
        finally:
            opened.close(ignore_errors=True)


def _listed(there: list[Found]) -> str:
    return ", ".join(found.name for found in there[:5])


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
