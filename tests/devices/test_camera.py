import itertools
import os
from types import SimpleNamespace

import av
import cv2
import numpy as np
import pytest
from helpers.devices import Kept
from PIL import Image

from edge_assistant.core.errors import (
    DeviceBusy,
    DeviceLost,
    DeviceMissing,
    InputCorrupt,
    InputError,
    InputUnsupported,
)
from edge_assistant.devices import camera, video4linux
from edge_assistant.devices.camera import FileCamera, Frame, OpenCVCamera, encode
from edge_assistant.devices.device import Change

RED, GREEN, BLUE = (220, 30, 30), (30, 220, 30), (30, 30, 220)


def plain(colour, size=(64, 48)):
    return Image.new("RGB", size, colour)


def film(path, colours, fps=10, frames_each=5):
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=fps)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for colour in colours:
            for _ in range(frames_each):
                container.mux(stream.encode(av.VideoFrame.from_image(plain(colour))))
        container.mux(stream.encode())
    return path


def colour_of(frame):
    return "RGB"[int(frame.rgb.reshape(-1, 3).mean(axis=0).argmax())]


def order(frames):
    """The colours seen, each once for as long as it was seen."""
    return "".join(key for key, _ in itertools.groupby(map(colour_of, frames)))


@pytest.fixture(name="clock")
def _clock(monkeypatch):
    """Time that passes only while somebody sleeps."""
    clock = SimpleNamespace(now=1000.0)
    monkeypatch.setattr(camera.time, "monotonic", lambda: clock.now)

    def sleep(seconds):
        assert 0 <= seconds <= 1
        clock.now += seconds

    monkeypatch.setattr(camera.time, "sleep", sleep)
    return clock


def seen(device, count):
    return [device.read() for _ in range(count)]


def test_a_frame_becomes_a_picture_that_loses_nothing(tmp_path):
    rgb = np.random.default_rng(1).integers(0, 256, (48, 64, 3), dtype=np.uint8)
    (tmp_path / "a.png").write_bytes(encode(Frame(rgb, 0.0)))
    with Image.open(tmp_path / "a.png") as picture:
        assert picture.format == "PNG"
        assert np.array_equal(np.asarray(picture), rgb)


@pytest.mark.usefixtures("clock")
class TestFile:
    def test_a_picture_is_seen_for_ever_at_the_rate_asked_for(self, tmp_path, clock):
        plain(GREEN).save(tmp_path / "a.png")
        device = FileCamera(tmp_path / "a.png", rate=4)
        device.open()
        began = clock.now
        frames = seen(device, 50)
        assert clock.now - began == pytest.approx(12.5)
        assert order(frames) == "G"
        assert frames[0].rgb.shape == (48, 64, 3)
        assert frames[0].rgb.dtype == np.uint8
        assert device.name == "a.png"

    def test_a_folder_is_seen_in_the_order_of_names_and_again(self, tmp_path):
        for name, colour in (("1.png", RED), ("2.jpg", GREEN), ("3.bmp", BLUE)):
            plain(colour).save(tmp_path / name)
        (tmp_path / "notes.txt").write_text("no picture")
        (tmp_path / "broken.png").write_bytes(b"\x89PNG and nothing else")
        device = FileCamera(tmp_path, rate=1)
        device.open()
        assert order(seen(device, 17)) == "RGBRGB"

    def test_a_film_runs_at_its_own_speed_over_and_over(self, tmp_path):
        device = FileCamera(film(tmp_path / "a.mp4", [RED, GREEN, BLUE]), rate=10)
        device.open()
        frames = seen(device, 40)
        assert order(frames).startswith("RGBRGB")
        assert 4 <= sum(colour_of(frame) == "G" for frame in frames[:15]) <= 6

    def test_a_film_that_is_not_watched_is_not_caught_up(self, tmp_path, clock):
        device = FileCamera(film(tmp_path / "a.mp4", [RED, GREEN, BLUE]), rate=10)
        device.open()
        device.read()
        clock.now += 36_000
        assert order(seen(device, 12)).startswith("RG")

    def test_a_file_that_is_moved_away_is_unplugged(self, tmp_path):
        plain(RED).save(tmp_path / "a.png")
        device = FileCamera(tmp_path / "a.png")
        device.open()
        device.read()
        (tmp_path / "a.png").rename(tmp_path / "b.png")
        with pytest.raises(DeviceLost, match=r"a\.png is gone"):
            device.read()
        with pytest.raises(DeviceMissing):
            device.open()
        (tmp_path / "b.png").rename(tmp_path / "a.png")
        device.open()
        assert colour_of(device.read()) == "R"

    def test_a_film_that_is_damaged_further_on(self, tmp_path):
        path = film(tmp_path / "a.avi", [RED] * 4)
        data = bytearray(path.read_bytes())
        data[len(data) // 2 : len(data) // 2 + 400] = os.urandom(400)
        path.write_bytes(data)
        device = FileCamera(path, rate=10)
        device.open()
        assert len(seen(device, 60)) == 60

    def test_a_film_that_is_replaced_by_something_else(self, tmp_path):
        path = film(tmp_path / "a.mp4", [RED])
        device = FileCamera(path, rate=10)
        device.open()
        path.unlink()
        path.write_bytes(b"no film")
        with pytest.raises(DeviceLost, match="gives no picture any more"):
            seen(device, 30)

    @pytest.mark.parametrize(
        ("name", "data", "error"),
        [
            ("a.png", b"", InputError),
            ("a.png", b"\x89PNG\r\n\x1a\n", InputCorrupt),
            ("a.mp4", b"", InputUnsupported),
            ("a.mp4", b"\0\0\0\x18ftypmp42" + bytes(100), InputCorrupt),
            ("a.txt", b"some text", InputUnsupported),
        ],
    )
    def test_what_cannot_be_seen_is_told_at_once(self, tmp_path, name, data, error):
        with pytest.raises(InputUnsupported, match="holds no pictures"):
            FileCamera(tmp_path).open()
        with pytest.raises(DeviceMissing, match=rf"there is no {name} to stand for a camera"):
            FileCamera(tmp_path / name).open()
        (tmp_path / name).write_bytes(data)
        with pytest.raises(error):
            FileCamera(tmp_path / name).open()
        with pytest.raises(DeviceLost):
            FileCamera(tmp_path / name).read()


class Capture:
    """What cv2.VideoCapture does to a camera of the kernel, by a script of what each grab gives."""

    def __init__(self, clock, grabs, opened=True):
        self._clock, self._grabs, self._opened = clock, grabs, opened
        self.grabbed = self.retrieved = 0
        self.released = False
        self.settings = {}

    def isOpened(self):  # noqa: N802
        return self._opened

    def set(self, setting, value):
        self.settings[setting] = value

    def grab(self):
        self.grabbed += 1
        self._clock.now += 1 / 30
        return next(self._grabs)

    def retrieve(self):
        self.retrieved += 1
        return True, np.full((48, 64, 3), (255, 0, 0), dtype=np.uint8)  # blue: OpenCV's order is BGR

    def release(self):
        self.released = True


@pytest.fixture(name="plug")
def _plug(tmp_path, monkeypatch, clock):
    """Plugs cameras in and out: files such as those of the kernel, and what OpenCV gives of each."""
    folders, nodes = tmp_path / "class", tmp_path / "dev"
    folders.mkdir()
    nodes.mkdir()
    monkeypatch.setattr(video4linux, "CLASS", folders)
    monkeypatch.setattr(video4linux, "NODES", nodes)
    captures = {}

    def plug(number, name, grabs=None, opened=True, index=0):
        folder = folders / f"video{number}"
        folder.mkdir()
        (folder / "name").write_text(f"{name}\n")
        (folder / "index").write_text(f"{index}\n")
        (nodes / f"video{number}").touch()
        captures[str(nodes / f"video{number}")] = Capture(clock, grabs or itertools.repeat(True), opened)
        return captures[str(nodes / f"video{number}")]

    def unplug(number):
        for name in ("name", "index"):
            (folders / f"video{number}" / name).unlink()
        (folders / f"video{number}").rmdir()
        (nodes / f"video{number}").unlink()

    plug.un = unplug
    monkeypatch.setattr(video4linux, "_captures", lambda _, folder: video4linux._first(folder))
    monkeypatch.setattr(cv2, "VideoCapture", lambda node, _: captures[node])
    return plug


class TestOpenCV:
    @pytest.mark.parametrize("wanted", [None, "Logi Cam C920", "c920", "video2"])
    def test_it_is_found_by_its_name_and_is_the_first_where_none_is_named(self, plug, wanted):
        plug(10, "Integrated")
        capture = plug(2, "Logi Cam C920")
        device = OpenCVCamera(wanted)
        device.open()
        assert device.name == "Logi Cam C920"
        assert colour_of(device.read()) == "B"
        assert capture.settings[cv2.CAP_PROP_FRAME_WIDTH] == 1920
        capture.retrieve = lambda: (False, None)
        with pytest.raises(DeviceLost):
            device.read()
        device.close()
        assert capture.released

    def test_only_the_pictures_that_are_wanted_are_decoded_and_one_may_be_missing(self, plug):
        capture = plug(0, "Cam", itertools.chain([True] * 60, itertools.cycle([True, True, False])))
        device = OpenCVCamera(rate=5)
        device.open()
        seen(device, 10)
        assert capture.retrieved == 10
        assert capture.grabbed == pytest.approx(60, abs=3)
        assert len(seen(device, 20)) == 20

    def test_one_that_is_not_there(self, plug):
        with pytest.raises(DeviceMissing, match="there is no camera - plug one in"):
            OpenCVCamera().open()
        plug(0, "Cam")
        with pytest.raises(DeviceMissing, match="there is no camera Other - plug it in, or choose Cam"):
            OpenCVCamera("Other").open()

    def test_one_that_is_unplugged(self, plug, clock):
        capture = plug(0, "Cam", itertools.chain([False] * 5, [True] * 20, itertools.repeat(False)))
        device = OpenCVCamera()
        device.open()
        device.read()
        plug.un(0)
        began = clock.now
        with pytest.raises(DeviceLost, match="Cam is gone or gives no picture"):
            seen(device, 10)
        assert clock.now - began < 0.5
        assert capture.grabbed < 50, "it is not asked without end"

    def test_no_other_camera_takes_the_place_of_the_first_one(self, plug):
        plug(0, "Cam", itertools.chain([True] * 20, itertools.repeat(False)))
        plug(1, "Other")
        with Kept(OpenCVCamera()) as kept:
            kept.until(Change.OPENED)
            plug.un(0)
            kept.until(Change.LOST)
            with pytest.raises(DeviceMissing, match="there is no camera Cam"):
                kept.keeper.device.open()
            plug(7, "Cam")
            assert kept.until(Change.BACK) == "Cam"
        assert kept.changes == [Change.OPENED, Change.LOST, Change.BACK, Change.CLOSED]

    def test_one_that_another_program_has(self, plug, monkeypatch):
        capture = plug(0, "Cam", itertools.repeat(False))

        def ioctl(_, request, __):
            assert request == video4linux._REQBUFS
            raise OSError(16, "Device or resource busy")

        monkeypatch.setattr(video4linux.fcntl, "ioctl", ioctl)
        with pytest.raises(DeviceBusy, match="another program has Cam - close that program"):
            OpenCVCamera().open()
        assert capture.released

    def test_a_node_that_is_no_camera(self, tmp_path, monkeypatch, plug, capfd):
        plug(0, "Cam")
        monkeypatch.undo()  # of the capture: OpenCV itself
        monkeypatch.setattr(video4linux, "CLASS", tmp_path / "class")
        monkeypatch.setattr(video4linux, "NODES", tmp_path / "dev")
        monkeypatch.setattr(video4linux, "_captures", lambda *_: True)
        with pytest.raises(DeviceMissing, match="Cam gives no picture"):
            OpenCVCamera().open()
        assert capfd.readouterr() == ("", "")
