"""The camera: off until switched on, seen, taken, looked at, sent or dropped; lost and back."""

from __future__ import annotations

import io
import shutil
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.app import BOTTLES, PATIENCE, Stage, play, whole
from PIL import Image
from rich.color import Color
from rich.style import Style
from textual.widgets import Input

from edge_assistant.core.evidence import Evidence, Line, Locator, Scene, Thing
from edge_assistant.core.signals import Kind, Origin
from edge_assistant.devices.camera import Frame
from edge_assistant_tui import device_threads, halfblocks, messages
from edge_assistant_tui.terminal import Graphics, Terminal
from edge_assistant_tui.widgets import capture
from edge_assistant_tui.widgets.camera import CameraView
from edge_assistant_tui.widgets.picture import Picture as Pixels

BOX = Locator(box=(134, 166, 108, 278))
VIRTUAL = f"file:{BOTTLES}"


@pytest.fixture
def stage() -> AbstractAsyncContextManager[Stage]:
    """The app with a picture as its camera."""
    return play(camera=VIRTUAL)


async def seen(stage: Stage) -> CameraView:
    """Switch the camera on, and wait for its first picture."""
    view = stage.talk.query_one(CameraView)
    await stage.pilot.press("f5")
    await stage.until(lambda: view._picture is not None, "a picture")
    return view


def words(view: CameraView) -> str:
    """What the view shows, without colours."""
    return "\n".join(view.render_line(y).text for y in range(view.content_size.height))


async def test_it_is_off_until_it_is_switched_on_and_where_it_is_hidden_and_nothing_of_it_stays(stage: Stage) -> None:
    assert stage.devices["camera"] == "off"
    assert not stage.capture.display
    view = await seen(stage)
    assert stage.devices["camera"] == "on"
    assert view.has_focus
    assert "▀" in words(view)
    await stage.press("f1")
    await stage.until(lambda: stage.devices["camera"] == "off", "off when hidden")
    await stage.until(lambda: stage.capture._looking.frame is None, "the frame is let go of")
    await stage.press("escape")
    await stage.until(lambda: stage.devices["camera"] == "on", "on again")
    await stage.pilot.press("ctrl+p")
    await stage.until(lambda: stage.screen.query(Input), "the palette")
    assert stage.devices["camera"] == "on"
    assert view._picture is not None
    await stage.press("escape")
    view.focus()
    await stage.pilot.press("f5")
    await stage.until(lambda: stage.capture._looking.frame is None, "the frame is let go of")
    assert stage.devices["camera"] == "off"
    assert not stage.capture.display
    assert view._picture is None
    assert stage.prompt.has_focus
    assert not stage.work.calls("add")


async def test_a_picture_is_taken_looked_at_and_sent(stage: Stage) -> None:
    view = await seen(stage)
    await stage.press("space")
    assert view.frozen
    assert view.border_subtitle == "Enter sends it, Escape drops it"
    ((data, name, wanted),) = stage.work.calls("look_at")
    assert Image.open(io.BytesIO(data)).size == (960, 640)
    assert wanted()
    before = view._picture
    found = tuple(Evidence("", "image:0", "bottle", 0.9, BOX, Thing("bottle")) for _ in range(2))
    line = Evidence("", "image:0", "EXIT", 0.9, BOX, Line(("EXIT",)))
    scene = Evidence("", "image:0", "The picture shows two bottles", 0.9, BOX, Scene((("bottle", 2),)))
    await stage.tell(messages.Looked(name, (*found, line, scene)))
    assert view._picture != before
    assert "found: bottle (2), 1 text line" in words(view)
    await stage.press("enter")
    assert stage.work.calls("add") == [(data, Kind.IMAGE, Origin.CAMERA, name)]
    assert not wanted()
    assert not view.frozen
    assert stage.prompt.has_focus
    assert not stage.work.calls("forget")


async def test_words_go_with_the_picture_and_the_box_says_what_enter_does(stage: Stage) -> None:
    view = await seen(stage)
    prompt = stage.prompt
    assert view.border_subtitle == "Space takes a picture"
    await stage.type("what ")
    await stage.pilot.press("f5")  # off, and on again while somebody types
    await seen(stage)
    await stage.type("is it?")
    assert not view.frozen
    assert prompt.text == "what is it?"
    assert view.border_subtitle == "Tab, then Space takes a picture"
    await stage.press("tab", "space")
    assert view.frozen
    assert view.border_subtitle == "Enter sends it with your words, Escape drops it"
    await stage.press("enter")
    assert [method for method, _ in stage.work.asked if method in ("add", "ask")] == ["add", "ask"]
    assert stage.work.calls("ask") == [(1, "what is it?", None)]
    assert prompt.text == ""
    assert not view.frozen
    view.focus()
    await stage.press("space")
    await stage.type("and this?")  # no question goes without the picture that was taken
    await stage.press("enter")
    assert [method for method, _ in stage.work.asked if method in ("add", "ask")] == ["add", "ask"] * 2
    await stage.press("enter")  # in the empty prompt: as at the preview
    assert view.frozen
    await stage.press("enter")
    assert (len(stage.work.calls("add")), len(stage.work.calls("ask"))) == (3, 2)


async def test_a_picture_that_was_taken_is_drawn_in_pixels_where_the_terminal_has_them() -> None:
    async with play((100, 30), Terminal(Graphics.KITTY, (8, 16)), camera=VIRTUAL) as stage:
        pixels = stage.talk.query_one(CameraView).query_one(Pixels)
        await seen(stage)
        assert not pixels.display
        await stage.press("space")
        await stage.until(lambda: pixels.display and pixels._drawn is not None, "pixels")
        assert pixels._drawn.image.width / pixels._drawn.image.height == pytest.approx(960 / 640, rel=0.1)
        await stage.press("escape")
        await stage.until(lambda: pixels._drawn is None, "let go of")
        assert not pixels.display


async def test_a_picture_that_is_dropped_is_forgotten(stage: Stage) -> None:
    view = await seen(stage)
    for number, key in enumerate(("escape", "delete", "f5"), 1):
        view.focus()
        await stage.press("enter", key)
        data, name, wanted = stage.work.calls("look_at")[-1]
        assert stage.work.calls("forget")[-1:] == [(data,)]
        assert len(stage.work.calls("forget")) == number
        assert not wanted()
        assert not view.frozen
        await stage.tell(messages.Looked(name, ()))
        assert not stage.work.calls("add")
        assert stage.devices["camera"] == ("off" if key == "f5" else "on")


async def test_one_that_is_lost_is_shown_as_lost_and_comes_back_by_itself(tmp_path: Path) -> None:
    picture = shutil.copy(BOTTLES, tmp_path / "camera.jpg")
    async with play(camera=f"file:{picture}") as stage:
        await seen(stage)
        picture.rename(tmp_path / "away.jpg")
        await stage.until(lambda: stage.devices["camera"] == "lost", "lost")
        await stage.until(lambda: any("The camera is lost" in toast for toast in stage.toasts), "it is said")
        (tmp_path / "away.jpg").rename(picture)
        await stage.until(lambda: stage.devices["camera"] == "on", "back")
        await stage.until(lambda: any("camera.jpg is back" in toast for toast in stage.toasts), "it is said")


def test_who_switches_the_camera_on_at_once_takes_no_picture_of_before() -> None:
    jobs, given = ThreadPoolExecutor(1), threading.Event()

    def told(message: object) -> None:
        given.set()

    looking = device_threads.Looking(told, jobs)
    looking.cells = 8, 4
    looking.start(VIRTUAL)
    assert given.wait(30.0)
    while looking.frame is None:
        time.sleep(0.01)
    jobs.submit(lambda: time.sleep(0.2))  # it closes slowly
    looking.stop()
    looking._keeper = object()  # the next one's, which has seen nothing yet
    jobs.shutdown()
    assert looking.frame is None


def test_pictures_that_a_busy_app_has_not_drawn_are_not_followed_by_others() -> None:
    posted: list[Any] = []
    looking = device_threads.Looking(posted.append, None)
    frame = Frame(np.zeros((90, 160, 3), np.uint8), 0.0)
    looking._give(frame)
    assert not posted, "nobody can see it"
    looking.cells = (32, 9)
    looking._give(frame)
    looking._give(frame)
    assert len(posted) == 1
    looking.shown()
    looking._give(frame)
    assert len(posted) == 2
    assert looking.frame is frame


@pytest.mark.parametrize(
    ("shape", "cells", "size"),
    [
        ((90, 160), (32, 20), (32, 9)),
        ((160, 90), (80, 10), (11, 10)),
        ((1, 1), (5, 5), (5, 2)),
        ((3, 2000), (9, 9), (9, 1)),
    ],
)
def test_a_picture_keeps_its_proportions(shape: tuple[int, int], cells: tuple[int, int], size: tuple[int, int]) -> None:
    picture = halfblocks.picture(np.full((*shape, 3), 200, np.uint8), *cells)
    assert (picture.width, len(picture.lines)) == size
    assert {line.cell_length for line in picture.lines} == {picture.width}


def test_halves_of_a_cell_are_pixels_and_boxes_are_drawn_in_them() -> None:
    rgb = np.zeros((8, 8, 3), np.uint8)
    rgb[0::2] = (248, 0, 0)
    plain = halfblocks.picture(rgb, 8, 4)
    ((cells, style, _),) = list(plain.lines[0])
    assert cells == "▀" * 8
    assert style == Style(color=Color.from_rgb(248, 0, 0), bgcolor=Color.from_rgb(0, 0, 0))
    boxed = halfblocks.picture(np.zeros((8, 8, 3), np.uint8), 8, 4, [(3, 3, 2, 2)], (0, 248, 0))
    drawn = [len(line._segments) > 1 for line in boxed.lines]
    assert drawn == [False, True, True, False]


async def test_a_real_picture_is_perceived_once_and_asked_about(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDGE_ASSISTANT_MODELS", str(store))
    async with whole(camera=VIRTUAL) as stage:
        view = await seen(stage)
        await stage.pilot.press("space")
        await stage.until(lambda: "found: bottle (5)" in words(view), "what was found")
        await stage.pilot.press("enter")
        await stage.until(lambda: [entry.state for entry in stage.entries] == ["ready"], "the signal")
        assert stage.entries[0].signal.origin is Origin.CAMERA
        assert len(stage.entries[0].evidence["objects"]) > 5


async def test_who_comes_next_finds_no_picture_that_was_still_being_taken(stage: Stage, monkeypatch) -> None:
    taking, taken, take = threading.Event(), threading.Event(), capture.take

    def takes(frame: Any) -> Any:
        taking.set()
        return taken.wait(PATIENCE) and take(frame)

    monkeypatch.setattr(capture, "take", takes)
    view = await seen(stage)
    view.post_message(CameraView.Taken())
    await stage.until(taking.is_set, "the picture is being taken")
    stage.capture.leave()
    stage.capture.toggle_camera()
    taken.set()
    await stage.until(lambda: stage.devices["camera"] == "on", "the camera")
    await stage.settle()
    assert (stage.capture._shot, view.frozen) == (None, False)
