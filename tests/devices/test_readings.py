import io
import os
import sys
import termios
import threading
import time
import tty

import pytest
from helpers.devices import Kept
from hypothesis import given
from hypothesis import strategies as st

from edge_assistant.core.errors import DeviceBusy, DeviceLost, DeviceMissing
from edge_assistant.devices import keeper, readings
from edge_assistant.devices.device import Change
from edge_assistant.devices.readings import FollowedFile, SerialReadings, whole_rows
from edge_assistant.perception.csvfile import read_csv

HEADER = b"time,temperature [degC]\n"


@pytest.fixture(autouse=True)
def _soon(monkeypatch):
    monkeypatch.setattr(readings, "LOOK", 0.002)
    monkeypatch.setattr(readings, "WAIT", 0.01)
    monkeypatch.setattr(keeper, "FIRST_WAIT", 0.01)


@pytest.fixture(name="path")
def _path(tmp_path):
    path = tmp_path / "log.csv"
    path.write_bytes(HEADER + row(0))
    return path


@pytest.fixture(name="follower")
def _follower(path):
    follower = FollowedFile(path)
    follower.open()
    return follower


def row(number):
    return f"2025-03-14T09:{number // 60:02d}:{number % 60:02d},{20 + number}.5\n".encode()


def rows(count):
    return HEADER + b"".join(map(row, range(count)))


def add(path, data):
    with path.open("ab") as file:
        file.write(data)


def test_the_table_is_given_at_first_and_whenever_it_grew(follower, path):
    assert follower.name == "log.csv"
    assert follower.read() == rows(1)
    assert follower.read() is None
    add(path, row(1))
    assert follower.read() == rows(2)
    add(path, row(2) + row(3))
    assert follower.read() == rows(4)
    assert follower.read() is None


def test_a_row_without_its_end_is_left_out(follower, path):
    follower.read()
    add(path, b"2025-03-14T09:00:01,2")
    assert follower.read() is None
    add(path, b"1.5\n2025")
    assert follower.read() == rows(2)
    for data in (b"", b"time,temp"):
        path.write_bytes(data)
        assert follower.read() is None
    path.write_bytes(HEADER + row(9))  # a file that is cut is another table
    assert follower.read() == HEADER + row(9)


def test_a_file_that_is_rotated_is_followed_under_its_name(follower, path):
    follower.read()
    path.rename(path.with_suffix(".1"))
    path.write_bytes(HEADER + row(7))
    assert follower.read() == HEADER + row(7)
    add(path.with_suffix(".1"), row(8))  # a logger that has not noticed yet
    assert follower.read() is None


def test_a_file_that_is_replaced_by_one_as_long(follower, path):
    follower.read()
    other = path.with_suffix(".new")
    other.write_bytes(HEADER + row(5))
    assert other.stat().st_size == path.stat().st_size
    os.utime(other, ns=(path.stat().st_atime_ns, path.stat().st_mtime_ns))
    other.replace(path)
    assert follower.read() == HEADER + row(5)


def test_a_file_that_is_touched_is_the_same(follower, path):
    follower.read()
    os.utime(path, ns=(1, 1))
    assert follower.read() is None
    path.write_bytes(rows(1))
    assert follower.read() is None


def test_one_that_is_deleted_is_lost_and_comes_back(path):
    with Kept(FollowedFile(path)) as kept:
        kept.wait(lambda: len(kept.items) == 1)
        path.unlink()
        assert kept.until(Change.LOST) == "log.csv is gone - it is followed again when it is back"
        path.write_bytes(rows(3))
        kept.wait(lambda: len(kept.items) == 2)
    assert kept.changes == [Change.OPENED, Change.LOST, Change.BACK, Change.CLOSED]
    assert kept.items[-1] == rows(3)


def test_one_that_becomes_something_else_is_lost(follower, path):
    follower.read()
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(DeviceLost, match=r"log\.csv is gone"):
        follower.read()


def test_what_is_no_file_is_refused(tmp_path):
    for path in (tmp_path, tmp_path / "nothing.csv", tmp_path / ("x" * 300)):
        with pytest.raises(DeviceMissing):
            FollowedFile(path).open()


def test_of_a_long_file_the_header_and_the_last_rows_are_given(follower, path, monkeypatch):
    monkeypatch.setattr(readings, "MAX_BYTES", 2_000)
    path.write_bytes(rows(600))
    data = follower.read()
    assert len(data) <= 2_000 + len(HEADER)
    assert data.startswith(HEADER + b"2025")
    assert data.endswith(row(599))
    assert set(data[len(HEADER) :].splitlines()) <= set(rows(600).splitlines())


@pytest.mark.parametrize("codec", ["utf-16-le", "utf-16-be"])
def test_what_powershell_writes(follower, path, codec, monkeypatch):
    mark = "\ufeff".encode(codec)
    text = (HEADER + row(10) + row(11)).decode().replace(
        "\n", "\r\n"
    ) + "\u0a0a1"  # a letter with the bytes of line ends
    path.write_bytes(mark + text.encode(codec))
    assert follower.read().decode("utf-16") == text[: text.rindex("\n") + 1]
    monkeypatch.setattr(readings, "MAX_BYTES", 2_000)
    path.write_bytes(mark + rows(600).decode().encode(codec))
    data = follower.read().decode("utf-16")
    assert data.startswith(HEADER.decode() + "2025")
    assert data.endswith(row(599).decode())


def test_a_logger_that_writes_all_the_time(path):
    """Whatever is given is a table of whole rows, the last with all of them."""
    path.write_bytes(HEADER)

    def log():
        with path.open("ab", buffering=0) as file:
            for number in range(200):
                half = len(row(number)) // 2
                file.write(row(number)[:half])
                time.sleep(0.0005)
                file.write(row(number)[half:])

    logger = threading.Thread(target=log)
    with Kept(FollowedFile(path)) as kept:
        logger.start()
        logger.join()
        kept.wait(lambda: kept.items and kept.items[-1] == rows(200))
    assert len(kept.items) > 2
    for table in kept.items:
        assert rows(200).startswith(table)
        assert table.endswith(b"\n")


@given(
    st.lists(st.sampled_from([b"\n", b"\0", b"a"]), max_size=12).map(b"".join),
    st.sampled_from([b"\n", b"\n\0", b"\0\n"]),
)
def test_whole_rows_end_where_the_last_line_ends(data, end):
    ends = [at for at in range(0, len(data) - len(end) + 1, len(end)) if data[at : at + len(end)] == end]
    assert whole_rows(data, end) == (data[: ends[-1] + len(end)] if ends else b"")
    assert readings._after(data, end, 0) == (ends[0] + len(end) if ends else 0)


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
    pytest.importorskip("serial", reason="pyserial is not installed")
    monkeypatch.setattr(readings, "WAIT", 0.1)
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
        assert len(device._buffer) <= readings.MAX_LINE
    line.send(b"\n2\n")
    assert table(device) == ["a", "1", "2"]


def test_the_oldest_rows_go_where_there_are_too_many(line, monkeypatch):
    monkeypatch.setattr(readings, "MAX_ROWS", 3)
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


def test_what_is_no_port(tmp_path, line):
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
    cells = readings._cells(line)
    assert len(cells) <= readings.MAX_CELLS
    assert all(cell.isprintable() or "\u3000" in cell or "\xa0" in cell for cell in cells)
