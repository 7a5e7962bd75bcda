"""Microphones and speakers: those of the sound server where one runs, else the sound cards, driven by PortAudio.

PortAudio reads the list of devices when it is initialised and never again, and a renewed list ends every stream; so
the list is renewed only while no stream is open. It sees a sound server (PulseAudio, or PipeWire that speaks its
protocol) as one device, `pulse`; which source or sink that is, is told in the environment when it is opened. A wireless
headset is known to the server alone.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import json
import os
import re
import shutil
import subprocess
import threading
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from edge_assistant.core.errors import DeviceBusy, DeviceMissing
from edge_assistant.core.signals import printable
from edge_assistant.devices.device import by_name, numbered

Samples = NDArray[np.float32]

Direction = Literal["input", "output"]
_SERVER = "pulse"  # what ALSA's plugin for PulseAudio is called
_WORDS = {"input": "microphone", "output": "speaker"}
_LIST = {"input": "sources", "output": "sinks"}
_CHOOSES = {"input": "PULSE_SOURCE", "output": "PULSE_SINK"}  # read by libpulse when it connects
_TIMEOUT = 2.0  # seconds
_RATE = re.compile(r"(\d+) ?Hz")

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
        node: the source or sink of the sound server that it is to have, where it is the server; the server's name for
            it, the same after replugging.
        monitor: it gives what a sink plays, and is no microphone.
    """

    name: str
    index: int
    rate: int
    default: bool = False
    card: bool = False
    node: str | None = None
    monitor: bool = False


def names(direction: Direction) -> list[str]:
    """What a person can choose from, the default first; nothing where there is no library for sound."""
    try:
        return [found.name for found in _there(direction)[0]]
    except DeviceMissing:
        return []


def find(wanted: str | None, direction: Direction) -> SoundDevice:
    """A device by its name, the server's name for it, or a part of its name; the default one by None.

    What a sink plays is a source too, and what a microphone must not take by itself: it has to be named in full.

    Raises:
        DeviceMissing: it is not there, or the library for sound is not.
    """
    word = _WORDS[direction]
    there, hidden = _there(direction)
    exact = [found for found in there + hidden if wanted is not None and wanted in (found.name, found.node)]
    if not there and not exact:
        raise DeviceMissing(f"there is no {word}", "plug one in, or see that the sound server runs")
    return there[0] if wanted is None else by_name(wanted, there, word, exact)


def gone(found: SoundDevice, direction: Direction) -> bool:
    """Whether the server has lost a source or sink; it hands its streams on to another one in silence."""
    there = nodes(direction) if found.node else None
    return there is not None and all(one.node != found.node for one in there)


def _there(direction: Direction) -> tuple[list[SoundDevice], list[SoundDevice]]:
    """The devices to choose from, the default first, and those that are there too and have to be named in full."""
    server, known = _server(direction)
    if known is None:
        renew()
        server, known = _server(direction)
    if server is None or known is None:
        return _cards(direction)
    found = [replace(one, index=server.index) for one in known]
    return [one for one in found if not one.monitor], [one for one in found if one.monitor]


def _server(direction: Direction) -> tuple[SoundDevice | None, list[SoundDevice] | None]:
    """PortAudio's device for the sound server, and what that has."""
    server = next((found for found in devices(direction) if found.name == _SERVER), None)
    return server, nodes(direction) if server else None


def _cards(direction: Direction) -> tuple[list[SoundDevice], list[SoundDevice]]:
    """What PortAudio has; ALSA's plugins, of which there are a dozen, are hidden but for the default."""
    found = sorted(devices(direction), key=lambda found: not found.default)
    return [this for this in found if this.card or this.default], [this for this in found if not this.card]


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
                with chosen(found.node, direction):
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


def nodes(direction: Direction) -> list[SoundDevice] | None:
    """What the server has now, the default first; None where there is no server, or no `pactl` to ask it with."""
    listed = _asked("list", _LIST[direction])
    if not isinstance(listed, list):
        return None
    info = _asked("info")
    default = info.get(f"default_{_LIST[direction][:-1]}_name") if isinstance(info, dict) else None
    found: list[SoundDevice] = []
    for item in listed:
        if isinstance(item, dict) and isinstance(item.get("name"), str):
            found.append(_node(item, str(default), found))
    return sorted(found, key=lambda node: not node.default)


@contextmanager
def chosen(node: str | None, direction: Direction) -> Iterator[None]:
    """While a stream is opened: the source or sink that it is to have."""
    if node is None:
        yield
        return
    before = os.environ.get(_CHOOSES[direction])
    os.environ[_CHOOSES[direction]] = node
    try:
        yield
    finally:
        if before is None:
            del os.environ[_CHOOSES[direction]]
        else:
            os.environ[_CHOOSES[direction]] = before


def _node(item: dict[str, Any], default: str, others: list[SoundDevice]) -> SoundDevice:
    rate = _RATE.search(str(item.get("sample_specification", "")))
    return SoundDevice(
        numbered(printable(str(item.get("description") or item["name"])), (node.name for node in others)),
        index=-1,  # PortAudio does not know it
        rate=int(rate[1]) if rate else 48_000,
        default=item["name"] == default,
        node=item["name"],
        monitor=bool(item.get("monitor_source")) and item["name"].endswith(".monitor"),
    )


def _asked(*words: str) -> Any:  # noqa: ANN401
    """What `pactl` answers; None where it cannot."""
    program = shutil.which("pactl")
    if program is None:
        return None
    environment = {**os.environ, "LC_ALL": "C.UTF-8"}  # or decimal commas break its JSON
    try:
        done = subprocess.run(
            [program, "--format=json", *words],
            capture_output=True,
            timeout=_TIMEOUT,
            env=environment,
            stdin=subprocess.DEVNULL,
        )
        return json.loads(done.stdout) if done.returncode == 0 else None
    except (OSError, subprocess.SubprocessError, ValueError):
        return None


def resampled(parts: Iterable[Samples], rate: int, wanted: int) -> Generator[Samples]:
    """Mono f32 at `rate` as mono f32 at `wanted` samples a second, part by part.

    FFmpeg's resampler filters what lies over half of the lower rate, which would come back as other tones.
    """
    if rate == wanted:
        yield from parts
        return
    import av

    resampler = av.AudioResampler(format="flt", layout="mono", rate=wanted)
    for part in parts:
        if not len(part):  # FFmpeg refuses a frame without samples
            continue
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(part[None], dtype=np.float32), "flt", "mono")
        frame.sample_rate = rate
        for out in resampler.resample(frame):
            yield out.to_ndarray()[0]
    for out in resampler.resample(None):
        yield out.to_ndarray()[0]
