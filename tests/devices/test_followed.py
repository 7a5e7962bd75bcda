import os
import threading
import time

import pytest
from helpers.devices import Kept
from hypothesis import given
from hypothesis import strategies as st

from edge_assistant.core.errors import DeviceLost, DeviceMissing
from edge_assistant.devices import followed, keeper
from edge_assistant.devices.device import Change
from edge_assistant.devices.followed import FollowedFile, whole_rows

HEADER = b"time,temperature [degC]\n"


@pytest.fixture(autouse=True)
def _soon(monkeypatch):
    monkeypatch.setattr(followed, "LOOK", 0.002)
    monkeypatch.setattr(followed, "WAIT", 0.01)
    monkeypatch.setattr(keeper, "FIRST_WAIT", 0.01)


@pytest.fixture(name="path")
def _path(tmp_path):
    path = tmp_path / "log.csv"
    path.write_bytes(HEADER + row(0))
    return path


@pytest.fixture(name="device")
def _device(path):
    device = FollowedFile(path)
    device.open()
    return device


def row(number):
    return f"2025-03-14T09:{number // 60:02d}:{number % 60:02d},{20 + number}.5\n".encode()


def rows(count):
    return HEADER + b"".join(map(row, range(count)))


def add(path, data):
    with path.open("ab") as file:
        file.write(data)


def test_the_table_is_given_at_first_and_whenever_it_grew(device, path):
    assert device.name == "log.csv"
    assert device.read() == rows(1)
    assert device.read() is None
    add(path, row(1))
    assert device.read() == rows(2)
    add(path, row(2) + row(3))
    assert device.read() == rows(4)
    assert device.read() is None


def test_a_row_without_its_end_is_left_out(device, path):
    device.read()
    add(path, b"2025-03-14T09:00:01,2")
    assert device.read() is None
    add(path, b"1.5\n2025")
    assert device.read() == rows(2)
    for data in (b"", b"time,temp"):
        path.write_bytes(data)
        assert device.read() is None
    path.write_bytes(HEADER + row(9))  # a file that is cut is another table
    assert device.read() == HEADER + row(9)


def test_a_file_that_is_rotated_is_followed_under_its_name(device, path):
    device.read()
    path.rename(path.with_suffix(".1"))
    path.write_bytes(HEADER + row(7))
    assert device.read() == HEADER + row(7)
    add(path.with_suffix(".1"), row(8))  # a logger that has not noticed yet
    assert device.read() is None


def test_a_file_that_is_replaced_by_one_as_long(device, path):
    device.read()
    other = path.with_suffix(".new")
    other.write_bytes(HEADER + row(5))
    assert other.stat().st_size == path.stat().st_size
    os.utime(other, ns=(path.stat().st_atime_ns, path.stat().st_mtime_ns))
    other.replace(path)
    assert device.read() == HEADER + row(5)


def test_a_file_that_is_touched_is_the_same(device, path):
    device.read()
    os.utime(path, ns=(1, 1))
    assert device.read() is None
    path.write_bytes(rows(1))
    assert device.read() is None


def test_one_that_is_deleted_is_lost_and_comes_back(path):
    with Kept(FollowedFile(path)) as kept:
        kept.wait(lambda: len(kept.items) == 1)
        path.unlink()
        assert kept.until(Change.LOST) == "log.csv is gone - it is followed again when it is back"
        path.write_bytes(rows(3))
        kept.wait(lambda: len(kept.items) == 2)
    assert kept.changes == [Change.OPENED, Change.LOST, Change.BACK, Change.CLOSED]
    assert kept.items[-1] == rows(3)


def test_one_that_becomes_something_else_is_lost(device, path):
    device.read()
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(DeviceLost):
        device.read()


def test_what_is_no_file_is_refused(tmp_path):
    for path in (tmp_path, tmp_path / "nothing.csv", tmp_path / ("x" * 300)):
        with pytest.raises(DeviceMissing):
            FollowedFile(path).open()


def test_of_a_long_file_the_header_and_the_last_rows_are_given(device, path, monkeypatch):
    monkeypatch.setattr(followed, "MAX_BYTES", 2_000)
    path.write_bytes(rows(600))
    data = device.read()
    assert len(data) <= 2_000 + len(HEADER)
    assert data.startswith(HEADER + b"2025")
    assert data.endswith(row(599))
    assert set(data[len(HEADER) :].splitlines()) <= set(rows(600).splitlines())


@pytest.mark.parametrize("codec", ["utf-16-le", "utf-16-be"])
def test_what_powershell_writes(device, path, codec, monkeypatch):
    mark = "\ufeff".encode(codec)
    text = (HEADER + row(10) + row(11)).decode().replace(
        "\n", "\r\n"
    ) + "\u0a0a1"  # a letter with the bytes of line ends
    path.write_bytes(mark + text.encode(codec))
    assert device.read().decode("utf-16") == text[: text.rindex("\n") + 1]
    monkeypatch.setattr(followed, "MAX_BYTES", 2_000)
    path.write_bytes(mark + rows(600).decode().encode(codec))
    data = device.read().decode("utf-16")
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
    assert followed._after(data, end, 0) == (ends[0] + len(end) if ends else 0)
