"""Devices as a person names them: `file:PATH` stands for one, a name is that device, nothing is the first one."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from edge_assistant.core import plugins
from edge_assistant.core.errors import UsageError
from edge_assistant.devices.device import Device
from edge_assistant.devices.readings import FollowedFile, SerialReadings
from edge_assistant.governance.policy.policy import current

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

    import numpy as np
    from numpy.typing import NDArray

    from edge_assistant.devices.camera import Frame
    from edge_assistant.devices.speaker import Player

_FILE, _SERIAL = "file:", "serial:"
_DIGITS = 9  # of a speed; more fit no port


def names(device: str) -> list[str]:
    """What a person can choose from: of cameras in the kernel's order, of the others the default first.

    What the policy does not allow is left out.

    Args:
        device: `camera`, `microphone` or `speaker`.
    """
    from edge_assistant.devices import sound, video4linux

    if device == "camera":
        there = [found.name for found in video4linux.cameras()]
    else:
        there = sound.names("input" if device == "microphone" else "output")
    return [name for name in there if current().allows_device(device, name)]


def camera(text: str | None) -> Device[Frame]:
    """A camera, not yet opened.

    Raises:
        PolicyRefused: it may not be used; as of the others.
    """
    from edge_assistant.devices.camera import FileCamera, OpenCVCamera

    text, path = _allowed("camera", text)
    return OpenCVCamera(text) if path is None else FileCamera(path)


def microphone(text: str | None) -> Device[NDArray[np.float32]]:
    """A microphone, not yet opened."""
    from edge_assistant.devices.microphone import FileMicrophone, SoundMicrophone

    text, path = _allowed("microphone", text)
    return SoundMicrophone(text) if path is None else FileMicrophone(path)


def speaker(text: str | None) -> Player:
    """A speaker, which is opened when it plays."""
    from edge_assistant.devices.speaker import FileOutput, Player, SoundOutput

    text, path = _allowed("speaker", text)
    return Player(SoundOutput(text) if path is None else FileOutput(path))


def readings(text: str) -> Device[bytes]:
    """Readings that are followed: `serial:PORT` or `serial:PORT@BAUD`, `NAME:` of a plugin, else a file."""
    if plugin := _plugin(text):
        current().check_device("readings", text)
        device: Device[bytes] = plugins.load(plugin, type)(text.partition(":")[2])
        return device
    if not text.startswith(_SERIAL):
        path = _path(text) or _expanded(text)
        current().check_device("readings", named(path))
        return FollowedFile(path)
    current().check_device("readings", text.partition("@")[0])
    port, _, baud = text.removeprefix(_SERIAL).partition("@")
    if baud and not (baud.isascii() and baud.isdigit() and len(baud) < _DIGITS):
        raise UsageError(f"{baud} is not the speed of a serial port", "write for example serial:/dev/ttyUSB0@9600")
    return SerialReadings(port, int(baud)) if baud else SerialReadings(port)


def follows(text: str) -> bool:
    """Whether a text names readings that are followed and are no file: a serial port, or a device of a plugin."""
    return len(text.split()) == 1 and (text.startswith(_SERIAL) or _plugin(text) is not None)


def _plugin(text: str) -> EntryPoint | None:
    """The plugin whose name stands before a colon; none takes the place of our own."""
    name, colon, _ = text.partition(":")
    own = text.startswith((_FILE, _SERIAL))
    return plugins.installed(plugins.READINGS).get(name) if colon and not own else None


def named(file: Path) -> str:
    """The name by which a policy allows a file that stands for a device: where it lies in truth."""
    return f"{_FILE}{os.path.realpath(file)}"


def _allowed(device: str, text: str | None) -> tuple[str | None, Path | None]:
    """The name of a device that the policy allows, or the path of a file that stands for one.

    Raises:
        PolicyRefused: there is none.
    """
    path = _path(text)
    if path is None:
        return current().device(device, text, lambda: names(device)), None
    current().check_device(device, named(path))
    return text, path


def _path(text: str | None) -> Path | None:
    if text is None or not text.startswith(_FILE):
        return None
    return _expanded(text.removeprefix(_FILE))


def _expanded(text: str) -> Path:
    """The path with `~` for the home folder; where nobody has such a one, there will be no file either."""
    with suppress(RuntimeError):
        return Path(text).expanduser()
    return Path(text)
