import threading

import pytest
from helpers.devices import Kept, Scripted

from edge_assistant.core.errors import DeviceBusy, DeviceEnded, DeviceLost, DeviceMissing, InputCorrupt
from edge_assistant.devices import keeper
from edge_assistant.devices.device import Change

OPENED, LOST, BACK, CLOSED, FAILED = Change


@pytest.fixture(autouse=True)
def _soon(monkeypatch):
    monkeypatch.setattr(keeper, "FIRST_WAIT", 0.001)
    monkeypatch.setattr(keeper, "LONGEST_WAIT", 0.01)


@pytest.fixture(autouse=True)
def _no_thread_is_left():
    before = set(threading.enumerate())  # of another module's test one may be ending
    yield
    assert [thread for thread in set(threading.enumerate()) - before if thread.name.startswith("keeper")] == []


def lost() -> DeviceLost:
    return DeviceLost("the device is gone", "plug it in")


def missing() -> DeviceMissing:
    return DeviceMissing("there is no device", "plug one in")


def test_what_the_device_gives_is_handed_on_until_it_is_stopped():
    device = Scripted(1, 2, None, 3)
    with Kept(device) as kept:
        kept.wait(lambda: kept.items == [1, 2, 3])
        assert kept.keeper.running
    assert kept.told == [(OPENED, "a device"), (CLOSED, "a device")]
    assert (device.opened, device.closed) == (1, 1)
    assert not kept.keeper.running


def test_a_lost_device_is_told_once_and_comes_back():
    device = Scripted(1, lost(), 2, opens=[None, missing(), DeviceBusy("taken", "wait"), missing(), None])
    with Kept(device) as kept:
        kept.wait(lambda: kept.items == [1, 2])
    assert kept.changes == [OPENED, LOST, BACK, CLOSED]
    assert kept.told[1][1] == "the device is gone - plug it in"
    assert device.tried == 5


def test_a_device_that_opens_and_gives_nothing_is_not_back():
    device = Scripted(1, lost(), lost(), lost(), 2)
    with Kept(device) as kept:
        kept.wait(lambda: kept.items == [1, 2])
    assert kept.changes == [OPENED, LOST, BACK, CLOSED]
    assert device.opened == 4


def test_the_waits_grow_up_to_the_longest(monkeypatch):
    device = Scripted(1, lost(), 2, opens=[None, *[missing()] * 6])
    waits = []
    kept = Kept(device)
    monkeypatch.setattr(kept.keeper._stopping, "wait", lambda seconds: waits.append(seconds) or False)
    with kept:
        kept.wait(lambda: kept.items == [1, 2])
    assert [round(wait, 3) for wait in waits] == [0.001, 0.002, 0.004, 0.008, 0.01, 0.01, 0.01]


def test_it_is_stopped_while_it_is_lost(monkeypatch):
    monkeypatch.setattr(keeper, "FIRST_WAIT", 1000.0)
    device = Scripted(1, lost())
    with Kept(device) as kept:
        kept.until(LOST)
    assert kept.changes == [OPENED, LOST, CLOSED]


def test_a_recording_that_is_over_closes():
    with Kept(Scripted(1, DeviceEnded("a.wav is over", "give it again"))) as kept:
        assert kept.until(CLOSED) == "a.wav is over - give it again"
    assert kept.changes == [OPENED, CLOSED]


@pytest.mark.parametrize(
    "error",
    [missing(), DeviceBusy("another program has it", "close that"), InputCorrupt("it is damaged", "give another")],
)
def test_what_cannot_be_opened_fails_with_the_reason(error):
    device = Scripted(opens=[error])
    with Kept(device) as kept:
        assert kept.until(FAILED) == str(error)
    assert kept.changes == [FAILED]
    assert device.opened == 0
    assert device.closed == 1


def test_what_a_library_raises_fails_in_one_line(caplog):
    device = Scripted(1, ZeroDivisionError("in a driver"))
    with Kept(device) as kept:
        assert kept.until(FAILED) == "a device failed (ZeroDivisionError) - switch it on again"
    assert device.closed == 1
    assert "in a driver" in caplog.text


def test_it_can_be_started_again_and_starting_and_stopping_twice_does_nothing():
    device = Scripted(1)
    kept = Kept(device)
    kept.keeper.stop()
    assert (kept.changes, device.opened, kept.keeper.running) == ([], 0, False)
    with kept:
        kept.keeper.start()
        kept.wait(lambda: kept.items)
        kept.keeper.stop()
        kept.keeper.stop()
    device._script.append(2)
    with kept:
        kept.wait(lambda: kept.items == [1, 2])
    assert kept.changes == [OPENED, CLOSED] * 2


@pytest.mark.parametrize(("fails", "changes"), [(True, [OPENED, FAILED]), (False, [OPENED, CLOSED])])
def test_who_is_given_something_may_fail_or_stop_it(fails, changes):
    def give(_):
        if fails:
            raise LookupError
        kept.keeper.stop()

    kept = Kept(Scripted(1, 2, 3), give)
    with kept:
        kept.until(changes[-1])
    assert kept.changes == changes
