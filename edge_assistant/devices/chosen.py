"""Devices as a person names them: `file:PATH` stands for one, a name is that device, nothing is the first one."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from edge_assistant.devices import sound, video4linux
from edge_assistant.devices.camera import FileCamera, Frame, OpenCVCamera
from edge_assistant.devices.device import Device
from edge_assistant.devices.followed import FollowedFile
from edge_assistant.devices.microphone import FileMicrophone, SoundMicrophone
from edge_assistant.devices.serial import SerialReadings
from edge_assistant.devices.speaker import FileSpeaker, Player, Speaker
from edge_assistant.errors import UsageError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_FILE, _SERIAL = "file:", "serial:"
_DIGITS = 9  # of a speed; more fit no port


def names(device: str) -> list[str]:
    """What a person can choose from: of cameras in the kernel's order, of the others the default first.

    Args:
        device: `camera`, `microphone` or `speaker`.
    """
    if device == "camera":
        return [found.name for found in video4linux.cameras()]
    return sound.names("input" if device == "microphone" else "output")


def camera(text: str | None) -> Device[Frame]:
    """A camera, not yet opened."""
    path = _path(text)
    return OpenCVCamera(text) if path is None else FileCamera(path)


def microphone(text: str | None) -> Device[NDArray[np.float32]]:
    """A microphone, not yet opened."""
    path = _path(text)
    return SoundMicrophone(text) if path is None else FileMicrophone(path)


def speaker(text: str | None) -> Player:
    """A speaker, which is opened when it plays."""
    path = _path(text)
    return Speaker(text) if path is None else FileSpeaker(path)


def readings(text: str) -> Device[bytes]:
    """Readings that are followed: `serial:PORT` or `serial:PORT@BAUD`, else a file."""
    if not text.startswith(_SERIAL):
        return FollowedFile(_path(text) or _expanded(text))
    port, _, baud = text.removeprefix(_SERIAL).partition("@")
    if baud and not (baud.isascii() and baud.isdigit() and len(baud) < _DIGITS):
        raise UsageError(f"{baud} is no speed of a serial port", "write it as in serial:/dev/ttyUSB0@9600")
    return SerialReadings(port, int(baud)) if baud else SerialReadings(port)


def _path(text: str | None) -> Path | None:
    if text is None or not text.startswith(_FILE):
        return None
    return _expanded(text.removeprefix(_FILE))


def _expanded(text: str) -> Path:
    """The path with `~` for the home folder; where nobody has such a one, there will be no file either."""
    with suppress(RuntimeError):
        return Path(text).expanduser()
    return Path(text)
