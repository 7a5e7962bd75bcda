"""Followed readings: a file that grows is perceived anew at its place, not too often, until it is removed."""

from __future__ import annotations

import asyncio
import os
import termios
import time
import tty
from pathlib import Path

import pytest
from app_fakes import VITALS
from captured import PATIENCE, until
from placed import Stage, play, toasts

from edge_assistant.core.signals import Kind, Origin, Signal, take_bytes, take_file
from edge_assistant_tui import messages
from edge_assistant_tui.app import EdgeAssistant
from edge_assistant_tui.options import Options
from edge_assistant_tui.widgets import following
from edge_assistant_tui.widgets.following import Following
from edge_assistant_tui.widgets.prompt import Prompt
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


def grow(path: Path, text: str) -> None:
    """What a logger does."""
    with path.open("a") as file:
        file.write(text)


def words(stage: Stage, id: str = "readings:1") -> str:
    """How a signal is followed."""
    entry = stage.app.conversation.query_one(SignalList).entry(id)
    return "" if entry is None else entry.followed


async def taken(stage: Stage, path: Path) -> Signal:
    """The worker takes the file and perceives it; the app begins to follow it."""
    signal = take_file(path, Kind.READINGS, 1)
    stage.app.conversation.post_message(messages.Taken(signal))
    stage.app.conversation.post_message(messages.Sensed(signal.id, "readings", (), 0.1))
    await stage.settle()
    await until(stage, lambda: followed(stage)[signal.id].keeper.running, "followed")
    return signal


def followed(stage: Stage) -> dict[str, following._Followed]:
    """What is followed."""
    return stage.app.conversation.query_one(Following)._followed


def test_what_grows_is_given_on_as_whole_rows_and_shown_as_followed(readings: Path) -> None:
    async def story(stage: Stage) -> None:
        signal = await taken(stage, readings)
        await asyncio.sleep(1.2)
        assert words(stage) == ""
        assert not stage.work.calls("renew")
        grow(readings, row(2) + "2025-03-14T09:0")
        await until(stage, lambda: stage.work.calls("renew"), "a renewal")
        assert stage.work.calls("renew") == [(signal.id, (HEADER + row(0) + row(1) + row(2)).encode())]
        assert words(stage) == "following"
        assert "following" in str(stage.app.conversation.query_one(SignalList).get_option(signal.id).prompt)

    play(story)


def test_the_next_renewal_waits_until_the_last_is_perceived_and_some_time_has_passed(readings: Path) -> None:
    async def story(stage: Stage) -> None:
        signal = await taken(stage, readings)
        grow(readings, row(2))
        await until(stage, lambda: stage.work.calls("renew"), "a renewal")
        began = time.monotonic()
        grow(readings, row(3))
        await until(stage, lambda: followed(stage)[signal.id].waiting is not None, "more rows")
        await asyncio.sleep(following.EVERY)
        await stage.pilot.pause()
        assert len(stage.work.calls("renew")) == 1, "the last one is still perceived"
        stage.app.conversation.post_message(messages.SignalFailed(signal.id, "broken", "mend it"))
        await until(stage, lambda: len(stage.work.calls("renew")) == 2, "the next one")
        assert time.monotonic() - began >= following.EVERY
        assert stage.work.calls("renew")[1][1].endswith(row(3).encode())

    play(story)


def test_a_file_that_rests_is_not_renewed_even_if_its_last_row_has_no_end(tmp_path: Path) -> None:
    path = tmp_path / "whole.csv"
    path.write_text((HEADER + row(0) + row(1)).rstrip("\n"))

    async def story(stage: Stage) -> None:
        signal = await taken(stage, path)
        await until(stage, lambda: followed(stage)[signal.id].keeper.device._given, "the first look")  # type: ignore[attr-defined]
        await asyncio.sleep(0.3)
        await stage.pilot.pause()
        assert followed(stage)[signal.id].waiting is None
        assert words(stage) == ""

    play(story)


def test_a_file_that_is_gone_is_said_and_followed_again_when_it_is_back(readings: Path) -> None:
    async def story(stage: Stage) -> None:
        await taken(stage, readings)
        readings.rename(readings.with_suffix(".old"))
        await until(stage, lambda: "gone" in words(stage), "gone")
        readings.write_text(HEADER + row(5))
        await until(stage, lambda: words(stage) == "following", "back")
        await until(stage, lambda: stage.work.calls("renew"), "a renewal")

    play(story)


def test_what_is_removed_is_not_followed_until_it_is_put_back(readings: Path) -> None:
    async def story(stage: Stage) -> None:
        signal = await taken(stage, readings)
        keeper = followed(stage)[signal.id].keeper
        stage.app.conversation.post_message(messages.Removed(signal))
        await until(stage, lambda: not keeper.running, "left")
        assert not followed(stage)
        stage.app.conversation.post_message(messages.Taken(signal))
        await until(stage, lambda: signal.id in followed(stage), "followed again")
        await stage.pilot.press("ctrl+n")
        await until(stage, lambda: not followed(stage), "a new conversation follows nothing")

    play(story)


def test_only_readings_that_are_in_a_file_are_followed(readings: Path) -> None:
    async def story(stage: Stage) -> None:
        for signal in (VITALS, take_file(readings, Kind.TEXT, 1)):
            stage.app.conversation.post_message(messages.Taken(signal))
        await stage.settle()
        assert not followed(stage)

    play(story)


def test_no_more_files_are_followed_than_may_be(readings: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "MAX_FOLLOWED", 1)

    async def story(stage: Stage) -> None:
        await taken(stage, readings)
        stage.app.conversation.post_message(messages.Taken(take_file(readings, Kind.READINGS, 2)))
        await stage.settle()
        assert list(followed(stage)) == ["readings:1"]

    play(story)


def test_real_readings_that_grow_are_perceived_anew_at_their_place(
    readings: Path, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EDGE_ASSISTANT_MODELS", str(store))

    async def run() -> None:
        app = EdgeAssistant(Options(profile="test", attach=(str(readings),)))
        async with app.run_test(size=(100, 30)) as pilot:
            stage = Stage(app, app.work, pilot)  # type: ignore[arg-type]
            signals = app.conversation.query_one(SignalList)

            def told(text: str) -> bool:
                entries = [entry for entry in signals.entries if entry.state == "ready"]
                return any(text in item.text for entry in entries for item in entry.evidence["readings"])

            await until(stage, lambda: told("61"), "the first rows")
            grow(readings, row(39))
            await until(stage, lambda: told("99"), "the new row")
            assert [(entry.signal.id, entry.followed) for entry in signals.entries] == [("readings:1", "following")]

    asyncio.run(asyncio.wait_for(run(), 3 * PATIENCE))


def test_a_serial_port_becomes_a_signal_with_its_first_rows(tmp_path: Path) -> None:
    pytest.importorskip("serial", reason="pyserial is not installed")
    end, other = os.openpty()
    tty.setraw(other, termios.TCSANOW)
    port = tmp_path / "ttyUSB0"
    port.symlink_to(os.ttyname(other))

    async def story(stage: Stage) -> None:
        stage.app.conversation.query_one(Prompt).put(f"serial:{port}@9600")
        await stage.pilot.press("enter")
        line = stage.app.conversation.query_one(Following)
        await until(stage, lambda: "ttyUSB0" in line._ports, "the port")

        def rows() -> bool:
            os.write(end, b"21.5,40\n")
            return bool(stage.work.calls("add"))

        await until(stage, rows, "the first rows")
        ((data, kind, origin, name),) = stage.work.calls("add")
        assert (kind, origin, name) == (Kind.READINGS, Origin.SENSOR, "ttyUSB0")
        assert b"21.5,40" in data
        taken = take_bytes(data, kind, 1, origin=origin, name=name)
        stage.app.conversation.post_message(messages.Taken(taken))
        stage.app.conversation.post_message(messages.Sensed(taken.id, "readings", (), 0.1))
        await until(stage, lambda: words(stage) == "following", "followed")
        await until(stage, lambda: (rows(), stage.work.calls("renew"))[1], "more rows")
        assert len(stage.work.calls("add")) == 1
        port.unlink()
        os.close(end)
        os.close(other)
        await until(stage, lambda: "gone" in words(stage), "unplugged")

    play(story)


@pytest.mark.parametrize(
    ("text", "said"), [("serial:/dev/none", "cannot be followed"), ("serial:/dev/x@fast", "no speed of a serial port")]
)
def test_a_port_that_cannot_be_opened_is_said(text: str, said: str) -> None:
    async def story(stage: Stage) -> None:
        stage.app.conversation.query_one(Prompt).put(text)
        await stage.pilot.press("enter")
        await until(stage, lambda: any(said in toast for toast in toasts(stage)), "a message")
        assert not stage.app.conversation.query_one(Following)._ports

    play(story)
