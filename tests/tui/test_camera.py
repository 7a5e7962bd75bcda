"""The camera: off until switched on, seen, taken, looked at, sent or dropped; lost and back."""

from __future__ import annotations

import asyncio
import io
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from captured import BOTTLES, PATIENCE, capture, status, until
from PIL import Image
from placed import Stage, play, toasts
from rich.color import Color
from rich.style import Style
from textual.widgets import Input

from edge_assistant.core.evidence import Evidence, Line, Locator, Scene, Thing
from edge_assistant.core.signals import Kind, Origin
from edge_assistant.devices.camera import Frame
from edge_assistant_tui import capturing, halfblocks, messages
from edge_assistant_tui.app import EdgeAssistant
from edge_assistant_tui.options import Options
from edge_assistant_tui.terminal import Graphics, Terminal
from edge_assistant_tui.widgets.camera import CameraView
from edge_assistant_tui.widgets.picture import Picture as Pixels
from edge_assistant_tui.widgets.prompt import Prompt
from edge_assistant_tui.widgets.signals import SignalList

BOX = Locator(box=(134, 166, 108, 278))
VIRTUAL = f"file:{BOTTLES}"


async def seen(stage: Stage) -> CameraView:
    """Switch the camera on, and wait for its first picture."""
    view = stage.app.conversation.query_one(CameraView)
    await stage.pilot.press("f5")
    await until(stage, lambda: view._picture is not None, "a picture")
    return view


def words(view: CameraView) -> str:
    """What the view shows, without colours."""
    return "\n".join(view.render_line(y).text for y in range(view.content_size.height))


def test_it_is_off_until_it_is_switched_on_and_nothing_of_it_stays() -> None:
    async def story(stage: Stage) -> None:
        assert status(stage)["camera"] == "off"
        assert not capture(stage).display
        view = await seen(stage)
        assert status(stage)["camera"] == "on"
        assert view.has_focus
        assert "▀" in words(view)
        await stage.pilot.press("f5")
        await until(stage, lambda: capture(stage)._looking.frame is None, "the frame is let go of")
        assert status(stage)["camera"] == "off"
        assert not capture(stage).display
        assert view._picture is None
        assert stage.app.conversation.query_one(Prompt).has_focus
        assert not stage.work.calls("add")

    play(story, camera=VIRTUAL)


def test_a_picture_is_taken_looked_at_and_sent() -> None:
    async def story(stage: Stage) -> None:
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
        stage.app.conversation.post_message(messages.Looked(name, (*found, line, scene)))
        await stage.settle()
        assert view._picture != before
        assert "found: bottle (2), 1 text line" in words(view)
        await stage.press("enter")
        assert stage.work.calls("add") == [(data, Kind.IMAGE, Origin.CAMERA, name)]
        assert not wanted()
        assert not view.frozen
        assert stage.app.conversation.query_one(Prompt).has_focus
        assert not stage.work.calls("forget")

    play(story, camera=VIRTUAL)


def test_words_go_with_the_picture_and_the_box_says_what_enter_does() -> None:
    async def story(stage: Stage) -> None:
        view = await seen(stage)
        prompt = stage.app.conversation.query_one(Prompt)
        assert view.border_subtitle == "Space takes a picture"
        await stage.type("what is it?")
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

    play(story, camera=VIRTUAL)


def test_no_question_goes_without_the_picture_that_was_taken() -> None:
    async def story(stage: Stage) -> None:
        view = await seen(stage)
        await stage.press("space")
        await stage.type("what is it?")
        assert stage.app.conversation.query_one(Prompt).has_focus
        await stage.press("enter")
        assert [method for method, _ in stage.work.asked if method in ("add", "ask")] == ["add", "ask"]
        await stage.press("enter")  # in the empty prompt: as at the preview
        assert view.frozen
        await stage.press("enter")
        assert len(stage.work.calls("add")) == 2
        assert len(stage.work.calls("ask")) == 1

    play(story, camera=VIRTUAL)


def test_a_camera_that_opens_takes_no_keys_of_who_types() -> None:
    async def story(stage: Stage) -> None:
        await stage.type("what")
        view = await seen(stage)
        await stage.type(" now")
        assert stage.app.conversation.query_one(Prompt).text == "what now"
        assert not view.frozen

    play(story, camera=VIRTUAL)


@pytest.mark.parametrize("graphics", [Graphics.KITTY, Graphics.SIXEL])
def test_a_picture_that_was_taken_is_drawn_in_pixels_where_the_terminal_has_them(graphics: Graphics) -> None:
    async def story(stage: Stage) -> None:
        stage.app.terminal = Terminal(graphics, (8, 16))
        pixels = stage.app.conversation.query_one(CameraView).query_one(Pixels)
        pixels._terminal = stage.app.terminal
        await seen(stage)
        assert not pixels.display
        await stage.press("space")
        await until(stage, lambda: pixels.display and pixels._drawn is not None, "pixels")
        assert pixels._drawn is not None
        assert pixels._drawn.image is not None
        assert pixels._drawn.image.width / pixels._drawn.image.height == pytest.approx(960 / 640, rel=0.1)
        await stage.press("escape")
        await until(stage, lambda: pixels._drawn is None, "let go of")
        assert not pixels.display

    play(story, (100, 30), camera=VIRTUAL)


@pytest.mark.parametrize("key", ["escape", "delete", "f5"])
def test_a_picture_that_is_dropped_is_forgotten(key: str) -> None:
    async def story(stage: Stage) -> None:
        view = await seen(stage)
        await stage.press("enter", key)
        ((data, name, wanted),) = stage.work.calls("look_at")
        assert stage.work.calls("forget") == [(data,)]
        assert not wanted()
        assert not view.frozen
        stage.app.conversation.post_message(messages.Looked(name, ()))
        await stage.settle()
        assert not stage.work.calls("add")
        assert status(stage)["camera"] == ("off" if key == "f5" else "on")

    play(story, camera=VIRTUAL)


def test_it_is_off_while_another_place_hides_it_and_stays_on_under_a_list() -> None:
    async def story(stage: Stage) -> None:
        view = await seen(stage)
        await stage.press("f1")
        await until(stage, lambda: status(stage)["camera"] == "off", "off when hidden")
        await until(stage, lambda: capture(stage)._looking.frame is None, "the frame is let go of")
        await stage.press("escape")
        await until(stage, lambda: status(stage)["camera"] == "on", "on again")
        await stage.pilot.press("ctrl+p")
        await until(stage, lambda: stage.app.screen.query(Input), "the palette")
        assert status(stage)["camera"] == "on"
        assert view._picture is not None

    play(story, camera=VIRTUAL)


def test_one_that_is_lost_is_shown_as_lost_and_comes_back_by_itself(tmp_path: Path) -> None:
    picture = shutil.copy(BOTTLES, tmp_path / "camera.jpg")

    async def story(stage: Stage) -> None:
        await seen(stage)
        picture.rename(tmp_path / "away.jpg")
        await until(stage, lambda: status(stage)["camera"] == "lost", "lost")
        await until(stage, lambda: any("The camera is lost" in toast for toast in toasts(stage)), "it is said")
        (tmp_path / "away.jpg").rename(picture)
        await until(stage, lambda: status(stage)["camera"] == "on", "back")
        await until(stage, lambda: any("camera.jpg is back" in toast for toast in toasts(stage)), "it is said")

    play(story, camera=f"file:{picture}")


def test_without_a_camera_the_app_says_so_and_works_on(tmp_path: Path) -> None:
    async def story(stage: Stage) -> None:
        await stage.pilot.press("f5")
        await until(stage, lambda: toasts(stage), "a message")
        assert any("cannot be used" in toast and "check the path" in toast for toast in toasts(stage))
        assert status(stage)["camera"] == "off"
        await stage.press("h", "i", "enter")
        assert stage.work.calls("ask") == [(1, "hi", None)]

    play(story, camera=f"file:{tmp_path / 'none.jpg'}")


def test_pictures_that_a_busy_app_has_not_drawn_are_not_followed_by_others() -> None:
    posted: list[Any] = []
    looking = capturing.Looking(posted.append, None)  # type: ignore[arg-type]
    frame = Frame(np.zeros((90, 160, 3), np.uint8), 0.0)
    looking._give(frame)
    assert not posted, "nobody can see it"
    looking.cells = (32, 9)
    looking._give(frame)
    looking._give(frame)
    assert len(posted) == 1
    looking.drawn()
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


def test_a_real_picture_is_perceived_once_and_asked_about(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDGE_ASSISTANT_MODELS", str(store))

    async def run() -> None:
        app = EdgeAssistant(Options(profile="test", camera=VIRTUAL))
        async with app.run_test(size=(100, 30)) as pilot:
            stage = Stage(app, app.work, pilot)  # type: ignore[arg-type]
            await pilot.pause()
            view = await seen(stage)
            await pilot.press("space")
            await until(stage, lambda: "found: bottle (5)" in words(view), "what was found")
            await pilot.press("enter")
            signals = app.conversation.query_one(SignalList)
            await until(stage, lambda: [entry.state for entry in signals.entries] == ["ready"], "the signal")
            assert signals.entries[0].signal.origin is Origin.CAMERA
            assert len(signals.entries[0].evidence["objects"]) > 5

    asyncio.run(asyncio.wait_for(run(), 6 * PATIENCE))
