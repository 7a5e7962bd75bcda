import os
import struct
from pathlib import Path

import pytest

from edge_assistant.core.errors import DeviceMissing
from edge_assistant.devices import video4linux

CAPTURE, METADATA, OUTPUT, DEVICE_CAPS = 0x1, 0x800000, 0x2, 0x80000000


@pytest.fixture(name="plug")
def _plug(tmp_path, monkeypatch):
    """Cameras as the kernel shows them; an ioctl answers with what the node can do."""
    folders, nodes = tmp_path / "class", tmp_path / "dev"
    folders.mkdir()
    nodes.mkdir()
    able = {}

    def plug(number, name, caps=CAPTURE, index=0, all_caps=CAPTURE | METADATA | DEVICE_CAPS):
        folder, node = folders / f"video{number}", nodes / f"video{number}"
        folder.mkdir()
        (folder / "name").write_bytes(name if isinstance(name, bytes) else name.encode())
        (folder / "index").write_text(f"{index}\n")
        node.touch()
        able[str(node)] = (all_caps, caps)

    def ioctl(handle, request, buffer):
        assert request == video4linux._QUERYCAP
        assert len(buffer) == 104
        answer = bytearray(buffer)
        struct.pack_into("II", answer, 84, *able[str(Path(f"/proc/self/fd/{handle}").readlink())])
        return bytes(answer)

    monkeypatch.setattr(video4linux, "CLASS", folders)
    monkeypatch.setattr(video4linux, "NODES", nodes)
    monkeypatch.setattr(video4linux.fcntl, "ioctl", ioctl)
    return plug


def names():
    return [camera.name for camera in video4linux.cameras()]


def test_cameras_stand_in_the_order_of_their_nodes(plug, monkeypatch, tmp_path):
    plug(10, "Ten")
    plug(0, "Cam")
    plug(1, "Cam", METADATA, index=1)
    plug(2, "Loop", OUTPUT, all_caps=OUTPUT | DEVICE_CAPS)
    plug(3, "Old", caps=0, all_caps=CAPTURE)  # its driver tells only what the whole device can do
    assert names() == ["Cam", "Old", "Ten"]

    def ioctl(*_):
        raise OSError(25, "Inappropriate ioctl for device")

    monkeypatch.setattr(video4linux.fcntl, "ioctl", ioctl)
    assert names() == []
    monkeypatch.setattr(video4linux, "CLASS", tmp_path / "nowhere")
    assert names() == []


def test_two_of_the_same_name_are_numbered(plug):
    for number in (0, 2, 4):
        plug(number, "USB Camera")
    assert names() == ["USB Camera", "USB Camera #2", "USB Camera #3"]
    assert video4linux.find("USB Camera #3").node.name == "video4"


def test_a_name_that_would_colour_the_terminal_or_has_no_letters(plug):
    plug(0, b"\x1b[31mCam\xff\n")
    plug(1, b"\n")
    assert names() == ["\ufffd[31mCam\ufffd", "video1"]


def test_one_that_is_unplugged_while_it_is_looked_at(plug, tmp_path):
    plug(0, "Cam")
    plug(1, "Other")
    (tmp_path / "class" / "video0" / "name").unlink()
    (tmp_path / "dev" / "video1").unlink()
    assert names() == []


def test_one_that_may_not_be_opened_is_listed_and_says_so(plug, monkeypatch):
    plug(0, "Cam")
    plug(1, "Cam", index=1)

    def refuse(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(video4linux.os, "open", refuse)
    assert names() == ["Cam"]
    error = video4linux.refused(video4linux.find(None))
    assert isinstance(error, DeviceMissing)
    assert str(error) == "you may not use Cam - add your user to the group 'video' and log in again"


def test_one_that_is_gone_when_it_is_asked_why(plug):
    plug(0, "Cam")
    camera = video4linux.find(None)
    os.unlink(camera.node)  # noqa: PTH108
    assert "cannot be opened (No such file or directory)" in str(video4linux.refused(camera))
