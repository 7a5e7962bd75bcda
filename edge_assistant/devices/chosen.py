"""Devices as a person names them: `file:PATH` stands for one, a name is that device, nothing is the first one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from edge_assistant.devices.camera import FileCamera, Frame, OpenCVCamera
from edge_assistant.devices.device import Device
from edge_assistant.devices.microphone import FileMicrophone, SoundMicrophone
from edge_assistant.devices.speaker import FileSpeaker, Player, Speaker

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_FILE = "file:"


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


def _path(text: str | None) -> Path | None:
    if text is None or not text.startswith(_FILE):
        return None
    return Path(text.removeprefix(_FILE)).expanduser()
