"""Followed readings: a file that grows is perceived anew at its place, not too often, until it is removed."""

from __future__ import annotations

import asyncio
import os
import termios
import time
import tty
from pathlib import Path

import pytest
from helpers import says
from helpers.app import Stage, whole

from edge_assistant.core.signals import Kind, Origin, Signal, take_bytes, take_file
from edge_assistant_tui import messages
from edge_assistant_tui.widgets import live_readings
from edge_assistant_tui.widgets.live_readings import Following
from edge_assistant_tui.widgets.signals import SignalList

HEADER = "time,pulse [1/min]\n"


def row(minute: int) -> str:
    """A row of readings."""
    return f"2025-03-14T09:{minute:02}:00,{60 + minute}\n"


@pytest.fixture
def readings(tmp_path: Path) -> Path:
    """A file that a logger writes."""
    path = tmp_path / "pulse.csv"
    path.write_text(HEADER + row(0) + row(1))
    return path


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Renewals come four times as often."""
    monkeypatch.setattr(live_readings, "EVERY", 0.5)


def grow(path: Path, text: str) -> None:
    """What a logger does."""
    with path.open("a") as file:
        file.write(text)


def words(stage: Stage, id: str = "readings:1") -> str:
    """How a signal is followed."""
    entry = stage.talk.query_one(SignalList).entry(id)
    return "" if entry is None else entry.followed


async def taken(stage: Stage, path: Path) -> Signal:
    """The worker takes the file and perceives it; the app begins to follow it."""
    signal = take_file(path, Kind.READINGS, 1)
    await stage.tell(messages.Taken(signal), says.sensed(signal.id, "readings", (), 0.1))
    await stage.until(lambda: followed(stage)[signal.id].keeper.running, "followed")
    return signal


def followed(stage: Stage) -> dict[str, live_readings._Source]:
    """What is followed."""
    return stage.talk.query_one(Following)._followed


async def test_what_grows_is_given_on_as_whole_rows_and_shown_as_followed(stage: Stage, readings: Path) -> None:
    signal = await taken(stage, readings)
    await asyncio.sleep(2.4 * live_readings.EVERY)
    assert words(stage) == ""
    assert not stage.work.calls("renew")
    grow(readings, row(2) + "2025-03-14T09:0")
    await stage.until(lambda: stage.work.calls("renew"), "a renewal")
    assert stage.work.calls("renew") == [(signal.id, (HEADER + row(0) + row(1) + row(2)).encode())]
    assert words(stage) == "following"
    assert "following" in str(stage.talk.query_one(SignalList).get_option(signal.id).prompt)


async def test_the_next_renewal_waits_until_the_last_is_perceived_and_some_time_has_passed(stage, readings) -> None:
    signal = await taken(stage, readings)
    grow(readings, row(2))
    await stage.until(lambda: stage.work.calls("renew"), "a renewal")
    began = time.monotonic()
    grow(readings, row(3))
    await stage.until(lambda: followed(stage)[signal.id].waiting is not None, "more rows")
    await asyncio.sleep(live_readings.EVERY)
    await stage.pilot.pause()
    assert len(stage.work.calls("renew")) == 1, "the last one is still perceived"
    stage.talk.post_message(says.failed(signal.id, "broken", "mend it"))
    await stage.until(lambda: len(stage.work.calls("renew")) == 2, "the next one")
    assert time.monotonic() - began >= live_readings.EVERY
    assert stage.work.calls("renew")[1][1].endswith(row(3).encode())


async def test_a_file_that_rests_is_not_renewed_even_if_its_last_row_has_no_end(stage: Stage, tmp_path: Path) -> None:
    path = tmp_path / "whole.csv"
    path.write_text((HEADER + row(0) + row(1)).rstrip("\n"))
    signal = await taken(stage, path)
    await stage.until(lambda: followed(stage)[signal.id].keeper.device._given, "the first look")
    await asyncio.sleep(0.3)
    await stage.pilot.pause()
    assert followed(stage)[signal.id].waiting is None
    assert words(stage) == ""


async def test_a_file_that_is_gone_is_said_and_followed_again_when_it_is_back(stage: Stage, readings: Path) -> None:
    await taken(stage, readings)
    readings.rename(readings.with_suffix(".old"))
    await stage.until(lambda: "gone" in words(stage), "gone")
    readings.write_text(HEADER + row(5))
    await stage.until(lambda: words(stage) == "following", "back")
    await stage.until(lambda: stage.work.calls("renew"), "a renewal")


async def test_what_is_removed_is_not_followed_until_it_is_put_back(stage: Stage, readings: Path) -> None:
    signal = await taken(stage, readings)
    keeper = followed(stage)[signal.id].keeper
    stage.talk.post_message(messages.Removed(signal))
    await stage.until(lambda: not keeper.running, "left")
    assert not followed(stage)
    stage.talk.post_message(messages.Taken(signal))
    await stage.until(lambda: signal.id in followed(stage), "followed again")
    await stage.pilot.press("ctrl+n")
    await stage.until(lambda: not followed(stage), "a new conversation follows nothing")


async def test_no_more_files_are_followed_than_may_be(stage: Stage, readings: Path, monkeypatch) -> None:
    monkeypatch.setattr(live_readings, "MAX_FOLLOWED", 1)
    await taken(stage, readings)
    await stage.tell(messages.Taken(take_file(readings, Kind.READINGS, 2)))
    assert list(followed(stage)) == ["readings:1"]


async def test_real_readings_that_grow_are_perceived_anew_at_their_place(readings, store, monkeypatch) -> None:
    monkeypatch.setenv("EDGE_ASSISTANT_MODELS", str(store))
    async with whole(attach=(str(readings),)) as stage:

        def told(text: str) -> bool:
            ready = [entry for entry in stage.entries if entry.state == "ready"]
            return any(text in item.text for entry in ready for item in entry.evidence["readings"])

        await stage.until(lambda: told("61"), "the first rows")
        grow(readings, row(39))
        await stage.until(lambda: told("99"), "the new row")
        assert [(entry.signal.id, entry.followed) for entry in stage.entries] == [("readings:1", "following")]


async def test_a_serial_port_becomes_a_signal_with_its_first_rows(stage: Stage, tmp_path: Path) -> None:
    pytest.importorskip("serial", reason="pyserial is not installed")
    end, other = os.openpty()
    tty.setraw(other, termios.TCSANOW)
    port = tmp_path / "ttyUSB0"
    port.symlink_to(os.ttyname(other))
    stage.prompt.put(f"serial:{port}@9600")
    await stage.pilot.press("enter")
    line = stage.talk.query_one(Following)
    await stage.until(lambda: "ttyUSB0" in line._ports, "the port")

    def rows() -> bool:
        os.write(end, b"21.5,40\n")
        return bool(stage.work.calls("add"))

    await stage.until(rows, "the first rows")
    ((data, kind, origin, name),) = stage.work.calls("add")
    assert (kind, origin, name) == (Kind.READINGS, Origin.SENSOR, "ttyUSB0")
    assert b"21.5,40" in data
    taken = take_bytes(data, kind, 1, origin=origin, name=name)
    stage.talk.post_message(messages.Taken(taken))
    stage.talk.post_message(says.sensed(taken.id, "readings", (), 0.1))
    await stage.until(lambda: words(stage) == "following", "followed")
    await stage.until(lambda: (rows(), stage.work.calls("renew"))[1], "more rows")
    assert len(stage.work.calls("add")) == 1
    port.unlink()
    os.close(end)
    os.close(other)
    await stage.until(lambda: "gone" in words(stage), "unplugged")


@pytest.mark.parametrize(
    ("text", "said"),
    [("serial:/dev/none", "cannot be followed"), ("serial:/dev/x@fast", "not the speed of a serial port")],
)
async def test_a_port_that_cannot_be_opened_is_said(stage: Stage, text: str, said: str) -> None:
    stage.prompt.put(text)
    await stage.pilot.press("enter")
    await stage.until(lambda: any(said in toast for toast in stage.toasts), "a message")
    assert not stage.talk.query_one(Following)._ports
