from pathlib import Path

import pytest

from edge_assistant.core import plugins
from edge_assistant.core.errors import DeviceMissing, UsageError
from edge_assistant.devices import chosen
from edge_assistant.devices.camera import FileCamera, OpenCVCamera
from edge_assistant.devices.microphone import FileMicrophone, SoundMicrophone
from edge_assistant.devices.readings import FollowedFile, SerialReadings
from edge_assistant.devices.speaker import FileOutput, SoundOutput


@pytest.mark.parametrize(
    ("choose", "real", "virtual"),
    [
        (chosen.camera, OpenCVCamera, FileCamera),
        (chosen.microphone, SoundMicrophone, FileMicrophone),
        (lambda text: chosen.speaker(text)._output, SoundOutput, FileOutput),
    ],
)
def test_a_name_is_that_device_and_a_file_stands_for_one(choose, real, virtual):
    assert isinstance(choose(None), real)
    assert isinstance(choose("Some Name"), real)
    assert isinstance(choose("file:some/file"), virtual)


def test_the_name_is_what_a_person_reads(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    for device in (chosen.camera("file:~/a/film.mp4"), chosen.readings("file:~/a/film.mp4")):
        assert (device.name, device._path) == ("film.mp4", tmp_path / "a" / "film.mp4")
    assert chosen.camera("C920").name == "C920"
    assert chosen.camera(None).name == "the first camera"
    assert chosen.microphone(None).name == "the default microphone"
    assert chosen.speaker(None)._output._name == "the default speaker"


def test_the_home_of_nobody_is_a_file_that_is_not_there():
    for choose in (chosen.camera, chosen.microphone):
        with pytest.raises(DeviceMissing, match="there is no film"):
            choose("file:~nobody-of-this-name/film").open()
    with pytest.raises(DeviceMissing, match="log"):
        chosen.readings("~nobody-of-this-name/log.csv").open()


def test_readings_are_a_file_or_a_port():
    for text in ("log.csv", "file:log.csv"):
        device = chosen.readings(text)
        assert isinstance(device, FollowedFile)
        assert device._path == Path("log.csv")
    for text, baud in (("serial:/dev/ttyUSB0", 9600), ("serial:/dev/ttyUSB0@115200", 115_200)):
        device = chosen.readings(text)
        assert isinstance(device, SerialReadings)
        assert (device.name, device._port, device._baud) == ("ttyUSB0", "/dev/ttyUSB0", baud)


@pytest.mark.parametrize("baud", ["fast", "-1", "9600.5", "٩", "9" * 20])
def test_a_speed_that_is_none(baud):
    with pytest.raises(UsageError, match="is not the speed of a serial port"):
        chosen.readings(f"serial:/dev/ttyUSB0@{baud}")


def test_no_plugin_takes_the_place_of_our_own_devices(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plugins, "installed", lambda group: {"serial": object(), "file": object()})
    assert isinstance(chosen.readings("serial:/dev/none"), SerialReadings)
    assert isinstance(chosen.readings(f"file:{tmp_path / 'log.csv'}"), FollowedFile)
    assert chosen.follows("serial:/dev/none")
    assert not chosen.follows(f"file:{tmp_path}")
