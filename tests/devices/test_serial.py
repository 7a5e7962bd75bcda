import io
import os
import sys
import termios
import tty

import pytest
from helpers.devices import Kept
from hypothesis import given
from hypothesis import strategies as st

from edge_assistant.core.errors import DeviceBusy, DeviceLost, DeviceMissing
from edge_assistant.devices import serial as devices_serial
from edge_assistant.devices.device import Change
from edge_assistant.devices.serial import SerialReadings, _cells
from edge_assistant.perception.csvfile import read_csv

pytest.importorskip("serial", reason="pyserial is not installed")


class Line:
    """A pseudo terminal as a serial line: what a test writes at one end comes out of the port at the other."""

    def __init__(self, port):
        self.port = port
        self.plug()

    def plug(self):
        self._end, other = os.openpty()
        tty.setraw(other, termios.TCSANOW)
        self.port.unlink(missing_ok=True)
        self.port.symlink_to(os.ttyname(other))
        self._other = other

    def unplug(self):
        self.port.unlink(missing_ok=True)
        os.close(self._end)
        os.close(self._other)

    def send(self, data):
        os.write(self._end, data)


@pytest.fixture(name="line")
def _line(tmp_path, monkeypatch):
    monkeypatch.setattr(devices_serial, "WAIT", 0.1)
    line = Line(tmp_path / "ttyUSB0")
    yield line
    line.unplug()


@pytest.fixture(name="device")
def _device(line):
    device = SerialReadings(str(line.port))
    device.open()
    yield device
    device.close()


def table(device):
    """The next table that is given, without its times."""
    data = device.read()
    assert data is not None
    return [line.partition(",")[2] for line in data.decode().splitlines()]


def test_rows_have_the_time_at_which_they_came(device, line):
    line.send(b"temperature [degC],humidity [%]\n21.5,40\n21.6,41\n")
    data = device.read()
    result, notes = read_csv(io.BytesIO(data), "ttyUSB0", len(data))
    assert [column.name for column in result.columns] == ["temperature", "humidity"]
    assert len(result) == 2
    assert notes == ()


def test_the_whole_table_is_given_again_when_rows_came(device, line):
    line.send(b"a,b\n1,2\n")
    assert table(device) == ["a,b", "1,2"]
    assert device.read() is None
    line.send(b"3,4\n5")
    assert table(device) == ["a,b", "1,2", "3,4"]
    line.send(b",6\n")
    assert table(device) == ["a,b", "1,2", "3,4", "5,6"]


def test_a_device_met_in_the_middle_of_a_row(device, line):
    line.send(b".5,40\n21.6,41\n21.7,42\n")
    assert table(device) == ["value 1,value 2", "21.6,41", "21.7,42"]


def test_what_a_device_says_when_it_starts_is_no_row_and_no_header(device, line):
    line.send(
        b"\x00\xffrubbish\r\nSensor hub 2, ready, go\r\nt;h\r\n21.5;40\r\n21.6;\r\nerror;none\r\n1;2;3\r\n21,7;41\r\n"
    )
    assert table(device) == ["t,h", "21.5,40", "21.6,", '"21,7",41']


def test_a_line_without_end_is_bounded_and_left_out(device, line):
    line.send(b"a\n1\n")
    assert table(device) == ["a", "1"]
    for _ in range(50):
        line.send(b"7" * 1_000)
        device._take()
        assert len(device._buffer) <= devices_serial.MAX_LINE
    line.send(b"\n2\n")
    assert table(device) == ["a", "1", "2"]


def test_the_oldest_rows_go_where_there_are_too_many(line, monkeypatch):
    monkeypatch.setattr(devices_serial, "MAX_ROWS", 3)
    device = SerialReadings(str(line.port))
    device.open()
    line.send(b"a\n" + b"".join(b"%d\n" % n for n in range(10)))
    assert table(device) == ["a", "7", "8", "9"]
    device.close()


def test_a_port_that_is_unplugged_comes_back_with_its_rows(line):
    with Kept(SerialReadings(str(line.port))) as kept:
        kept.until(Change.OPENED)
        line.send(b"a,b\n1,2\n")
        kept.wait(lambda: len(kept.items) == 1)
        line.unplug()
        assert kept.until(Change.LOST) == "ttyUSB0 is gone - plug it in again, it comes back by itself"
        line.plug()
        kept.until(Change.BACK)
        line.send(b"4\n5,6\n")
        kept.wait(lambda: len(kept.items) == 2)
    assert [row.partition(",")[2] for row in kept.items[-1].decode().splitlines()] == ["a,b", "1,2", "5,6"]


def test_a_port_that_another_program_has(device, line):
    with pytest.raises(DeviceBusy, match="another program has ttyUSB0 - close that program"):
        SerialReadings(str(line.port)).open()


def test_what_is_no_port(tmp_path):
    (tmp_path / "a.csv").write_text("a,b\n")
    with pytest.raises(DeviceMissing, match="there is no ttyUSB9 - plug it in, or choose another port"):
        SerialReadings(str(tmp_path / "ttyUSB9")).open()
    for path in (tmp_path / "a.csv", tmp_path):
        with pytest.raises(DeviceMissing, match="cannot be opened as a serial port"):
            SerialReadings(str(path)).open()
        with pytest.raises(DeviceLost):
            SerialReadings(str(path)).read()


def test_a_port_that_may_not_be_used(line, monkeypatch):
    import serial

    def refuse(*_, **__):
        raise serial.SerialException(13, "could not open port: Permission denied")

    monkeypatch.setattr(serial, "Serial", refuse)
    with pytest.raises(DeviceMissing, match="you may not use ttyUSB0 - add your user to the group 'dialout'"):
        SerialReadings(str(line.port)).open()


def test_without_the_library(monkeypatch, line):
    monkeypatch.setitem(sys.modules, "serial", None)
    with pytest.raises(DeviceMissing, match=r"the library for serial ports is not installed - .*serial"):
        SerialReadings(str(line.port)).open()


@given(st.binary(max_size=200))
def test_any_line_has_cells_that_can_be_printed(line):
    cells = _cells(line)
    assert len(cells) <= devices_serial.MAX_CELLS
    assert all(cell.isprintable() or "\u3000" in cell or "\xa0" in cell for cell in cells)
