"""Which cameras Linux has: by the files that the kernel shows, without udev, which the offline lock forbids."""

from __future__ import annotations

import errno
import fcntl
import os
import re
import struct
from dataclasses import dataclass
from pathlib import Path

from edge_assistant.core.errors import DeviceBusy, DeviceError, DeviceMissing
from edge_assistant.core.signals import printable
from edge_assistant.devices.device import by_name, numbered

CLASS, NODES = Path("/sys/class/video4linux"), Path("/dev")
# From the kernel's include/uapi/linux/videodev2.h
_QUERYCAP, _QUERYCAP_SIZE, _CAPS_AT = 0x80685600, 104, 84  # VIDIOC_QUERYCAP; offset of capabilities, device_caps
_VIDEO_CAPTURE, _VIDEO_CAPTURE_MPLANE, _DEVICE_CAPS = 0x1, 0x1000, 0x80000000
_REQBUFS = 0xC0145608  # VIDIOC_REQBUFS, which fails with EBUSY where another program streams
_CAPTURE, _MMAP = 1, 1


@dataclass(frozen=True, slots=True)
class Camera:
    """A camera that is there: its name as the kernel has it, numbered where two have the same, and its node."""

    name: str
    node: Path


def cameras() -> list[Camera]:
    """The cameras that are there, in the order in which they were found by the kernel."""
    found: list[Camera] = []
    for folder in sorted(CLASS.glob("video*"), key=lambda folder: int(re.sub(r"\D", "", folder.name) or 0)):
        try:
            name = printable((folder / "name").read_text(errors="replace").strip()) or folder.name
        except OSError:  # it was unplugged between the two
            continue
        node = NODES / folder.name
        if not node.exists() or not _captures(node, folder):
            continue
        found.append(Camera(numbered(name, (camera.name for camera in found)), node))
    return found


def find(wanted: str | None) -> Camera:
    """A camera by its name, its node (`video2`, `/dev/video2`) or a part of its name; the first one by None.

    Raises:
        DeviceMissing: it is not there.
    """
    there = cameras()
    if not there:
        raise DeviceMissing("there is no camera", "plug one in")
    if wanted is None:
        return there[0]
    exact = (camera for camera in there if wanted in (camera.name, camera.node.name, str(camera.node)))
    return by_name(wanted, there, "camera", exact)


def refused(camera: Camera) -> DeviceError:
    """Why a camera that is there gives no picture."""
    try:
        handle = os.open(camera.node, os.O_RDWR | os.O_NONBLOCK)
    except PermissionError:
        return DeviceMissing(f"you may not use {camera.name}", "add your user to the group 'video' and log in again")
    except OSError as error:
        if error.errno == errno.EBUSY:
            return _busy(camera)
        return DeviceMissing(f"{camera.name} cannot be opened ({error.strerror})", "plug it in again")
    try:
        fcntl.ioctl(handle, _REQBUFS, struct.pack("IIIIBxxx", 1, _CAPTURE, _MMAP, 0, 0))
    except OSError as error:
        if error.errno == errno.EBUSY:
            return _busy(camera)
    finally:
        os.close(handle)
    return DeviceMissing(f"{camera.name} gives no picture", "plug it in again, or choose another one")


def _busy(camera: Camera) -> DeviceBusy:
    return DeviceBusy(f"another program has {camera.name}", "close that program and switch the camera on again")


def _captures(node: Path, folder: Path) -> bool:
    """Whether a node gives pictures: one camera has several, for metadata and for what it cannot do."""
    try:
        handle = os.open(node, os.O_RDWR | os.O_NONBLOCK)
    except OSError:  # may not be opened: the first node of a camera is the one for pictures
        return _first(folder)
    try:
        answer = fcntl.ioctl(handle, _QUERYCAP, bytes(_QUERYCAP_SIZE))
    except OSError:
        return False
    finally:
        os.close(handle)
    all_nodes, this_node = struct.unpack_from("II", answer, _CAPS_AT)
    able = this_node if all_nodes & _DEVICE_CAPS else all_nodes
    return bool(able & (_VIDEO_CAPTURE | _VIDEO_CAPTURE_MPLANE))


def _first(folder: Path) -> bool:
    try:
        return (folder / "index").read_text().strip() == "0"
    except OSError:
        return True
