"""A citation or a signal is opened: the thing itself is shown, with what is cited marked in it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest
from helpers import says
from helpers.evidence import BLUE, DARK, PAPER, RATE, RED, Made, Viewing, cited, colours, look, near, share
from PIL import Image
from textual.widgets import OptionList

from edge_assistant.core.answer import Computation
from edge_assistant.core.evidence import Evidence, Locator, Passage
from edge_assistant.core.signals import Kind, Origin, take_bytes, take_file
from edge_assistant_tui import messages
from edge_assistant_tui.rendering.pictures import _FRAME
from edge_assistant_tui.screens import signal as screens
from edge_assistant_tui.screens.evidence import EvidenceScreen
from edge_assistant_tui.screens.signal import SignalScreen
from edge_assistant_tui.terminal import Graphics, Terminal
from edge_assistant_tui.widgets.picture import Picture
from edge_assistant_tui.widgets.picture_view import PictureView
from edge_assistant_tui.widgets.rows_view import RowsView
from edge_assistant_tui.widgets.signals import SignalEntry, SignalList


async def test_the_picture_is_cut_out_around_its_box_and_framed_and_others_are_a_key_away(viewing, things) -> None:
    await viewing.open(things.answer(), "E1")
    seen = []
    for key in ("n", "right", "n", "right", "n", "p", "left", "n", "n"):
        await viewing.press(key)
        seen.append(viewing.screen.exhibit.id)
    assert seen == ["E3", "E5", "E6", "C1", "E1", "C1", "E6", "C1", "E1"]
    pixels = colours(viewing)
    assert share(pixels, RED) == share(pixels, BLUE) == 0
    assert share(pixels, DARK) > 0.1
    frames = [row for row in pixels if sum(near(colour, _FRAME) for colour in row) > 10]
    assert len(frames) == 2  # the upper and the lower edge
    dark = [x for row in pixels for x, colour in enumerate(row) if near(colour, DARK)]
    edge = [x for row in pixels for x, colour in enumerate(row) if near(colour, _FRAME)]
    assert min(edge) < min(dark) <= max(dark) < max(edge)


async def test_the_whole_page_and_back_larger_and_moved(viewing: Viewing, things: Made) -> None:
    await viewing.open(things.answer(), "E1")
    view = viewing.screen.query_one(PictureView)
    part = share(colours(viewing), DARK)
    await viewing.press("f")
    whole = colours(viewing)
    assert near(whole[2][0], RED)
    assert near(whole[2][-1], BLUE)
    assert "the whole of 480 x 400 pixels" in viewing.text()
    await viewing.press("plus", "plus", "plus")
    assert "times larger" in viewing.text()
    assert share(colours(viewing), RED) == 0
    await viewing.press(*"hhhhhhhh")
    edge = colours(viewing)
    assert near(edge[-1][0], RED)
    await viewing.press("h", "l")  # beyond the edge there is nothing to come back from
    assert colours(viewing) != edge
    await viewing.press("minus", "minus", "minus", "minus")
    assert view.zoom == 1
    await viewing.press("0")
    assert share(colours(viewing), DARK) == part


@pytest.mark.parametrize("ending", ["tiff", "pdf"])
async def test_the_page_that_is_cited_is_shown(viewing: Viewing, tmp_path: Path, ending: str) -> None:
    leaves = [Image.new("RGB", (200, 260), colour) for colour in (PAPER, RED, BLUE)]
    path = tmp_path / f"scan.{ending}"
    leaves[0].save(path, save_all=True, append_images=leaves[1:])
    signal = take_file(path, Kind.IMAGE, 1)
    items = [
        Evidence(f"E{page}", signal.id, f"page {page}", None, Locator(page=page, box=(50, 50, 40, 20)), Passage())
        for page in (1, 2, 3)
    ]
    await viewing.open(cited(signal, *items), "E3")
    assert share(colours(viewing), BLUE) > 0.7
    assert "page 3, a box of 40 x 20 pixels at 50, 50" in viewing.text()
    await viewing.press("p")
    assert share(colours(viewing), RED) > 0.7


async def test_a_recording_shows_what_is_said_around_and_the_cited_seconds_are_played(things, tmp_path) -> None:
    out = tmp_path / "out.wav"
    async with look(speaker=f"file:{out}") as viewing:
        await viewing.open(things.answer(), "E3")
        text = viewing.text()
        assert "  00:00.2-00:02.0  Hello, this is Martin." in text
        assert "▶ 00:04.0-00:06.0  I'm allergic to penicillin." in text
        await viewing.press("space")
        await viewing.until(lambda: "♪ playing 00:04.0-00:06.0" in viewing.state())
        await viewing.until(lambda: viewing.state() == "")
        sound = take_file(out, Kind.AUDIO, 1).read()[44:]
        await viewing.press("down", "enter")  # another line, and the key stops it
        await viewing.until(lambda: "♪ playing 00:06.5-00:07.5" in viewing.state())
        assert viewing.app.playback.playing
        await viewing.press("space")
        await viewing.until(lambda: viewing.state() == "" and not viewing.app.playback.playing)
        await viewing.press("space")
        await viewing.until(lambda: "♪ playing" in viewing.state())
        await viewing.press("escape")
        assert not viewing.app.playback.playing
        viewing.app.options = replace(viewing.app.options, speaker=f"file:{tmp_path / 'nowhere' / 'out.wav'}")
        await viewing.open(things.answer(), "E3")
        await viewing.press("space")
        await viewing.until(lambda: "out.wav cannot be written" in viewing.state())
        assert "name another file" in viewing.state()
    heard = np.abs(np.frombuffer(sound, "<i2").astype(float)) / 32767
    assert len(heard) == pytest.approx(2.5 * RATE, abs=RATE / 20)
    middle = heard[RATE // 2 : -RATE // 2]  # of the fifth and the sixth second
    assert {round(level, 1) for level in middle} == {0.5, 0.6}


async def test_rows_are_a_curve_with_the_cited_ones_marked_over_a_table(viewing: Viewing, things: Made) -> None:
    await viewing.open(things.answer(), "E5")
    text = viewing.text()
    assert "temperature [degC]   ● cited" in text
    assert text.count("●") == 1 + 3
    marked = [line for line in viewing.lines() if "▶" in line]
    assert [line.split("▶")[1].split()[0] for line in marked] == ["30", "31", "32"]
    assert all("38.4" in line for line in marked)
    assert "29  2026-03-14 09:29" in text
    await viewing.press("c")
    assert "pulse [1/min]   ● cited" in viewing.text()
    await viewing.press("c")
    assert "state holds no numbers to draw" in viewing.text()
    await viewing.press("c", "f")
    assert viewing.screen.query_one(RowsView).whole
    assert "2026-03-14 09:50" in viewing.text()


async def test_a_difference_marks_the_rows_of_both_sides(things: Made) -> None:
    def item(number: int, row: int) -> Evidence:
        return Evidence(f"E{number}", "readings:1", f"row {row}", None, Locator(rows=(row, row)), Passage())

    answer = cited(
        things.vitals, item(1, 10), item(2, 20), computed=(Computation("C1", "a - b", "0.5 degC", ("E1", "E2")),)
    )
    async with look((100, 48)) as viewing:
        await viewing.open(answer, "C1")
        assert "row 10 · row 20 · computed from E1, E2" in viewing.text()
        assert viewing.marked() == ["10", "20"]


async def test_a_passage_deep_in_a_long_text_is_scrolled_to_and_cannot_steer_the_terminal() -> None:
    text = "".join(f"Line {number} of a log with words in it.\n" for number in range(5000)) + "\x1b[31mred\x07\n"
    text += "Line of the end.\n" * 300
    a = text.index("\x1b")
    signal = take_bytes(text.encode(), Kind.TEXT, 1, origin=Origin.USER, name="log.txt")
    item = Evidence("E1", signal.id, text[a : a + 9], None, Locator(chars=(a, a + 9)), Passage())
    async with look((80, 24)) as viewing:
        await viewing.open(cited(signal, item), "E1")
        await viewing.pilot.pause()
        shown = viewing.text()
        assert "▶\N{REPLACEMENT CHARACTER}[31mred\N{REPLACEMENT CHARACTER}◀" in shown
        assert "Line 4999 of a log" in shown
        assert "\x1b" not in shown
        assert "\x07" not in shown


def film(path: Path) -> Path:
    """Two seconds of paper, then two of a red square on it, and a tone."""
    with av.open(str(path), "w") as container:
        video = container.add_stream("libx264", rate=25, options={"preset": "superfast"})
        video.width, video.height, video.pix_fmt = 320, 192, "yuv420p"
        audio = container.add_stream("aac", rate=RATE, layout="mono")
        for number in range(100):
            rgb = np.full((192, 320, 3), PAPER, np.uint8)
            if number >= 50:
                rgb[60:120, 100:160] = RED
            container.mux(video.encode(av.VideoFrame.from_ndarray(rgb, format="rgb24")))
        container.mux(video.encode())
        tone = (0.5 * np.sin(np.arange(4 * RATE) / 5)).astype(np.float32)
        frame = av.AudioFrame.from_ndarray(tone[None], format="flt", layout="mono")
        frame.sample_rate = RATE
        container.mux([*audio.encode(frame), *audio.encode()])
    return path


async def test_a_video_shows_the_frame_at_its_second_with_the_box_and_its_sound_is_played(tmp_path: Path) -> None:
    signal = take_file(film(tmp_path / "clip.mp4"), Kind.VIDEO, 1)
    seen = Evidence("E1", signal.id, "a red square", 0.8, Locator(box=(100, 60, 60, 60), seconds=(2.0, 4.0)), Passage())
    said_ = Evidence("E2", signal.id, "It is red.", 0.7, Locator(seconds=(1.0, 1.5)), Passage())
    async with look(speaker=f"file:{tmp_path / 'out.wav'}") as viewing:
        await viewing.open(cited(signal, seen, said_), "E1")
        pixels = colours(viewing)
        assert share(pixels, RED) > 0.1
        assert share(pixels, _FRAME) > 0.01
        await viewing.press("space")
        await viewing.until(lambda: "♪ playing" in viewing.state())
        await viewing.press("n")
        assert not viewing.app.playback.playing
        assert "▶ 00:01.0-00:01.5  It is red." in viewing.text()
        assert "00:02.0-00:04.0  seen: a red square" in viewing.text()


@pytest.mark.parametrize("graphics", [Graphics.KITTY, Graphics.SIXEL])
async def test_a_terminal_that_draws_pixels_is_given_pixels(things, graphics, capfd) -> None:
    async with look(terminal=Terminal(graphics, (8, 16))) as viewing:
        await viewing.open(things.answer(), "E1")
        await viewing.pilot.pause(0.1)
        picture = viewing.screen.query_one(Picture)
        assert picture.children
        drawn = picture._drawn
        assert drawn is not None
        assert drawn.image is not None
        assert drawn.strips == ()
        assert drawn.image.size == (drawn.size[0] * 8, drawn.size[1] * 16)
        shown = viewing.text()
        assert ("\U0010eeee" in shown) == (graphics is Graphics.KITTY)  # what Kitty puts pictures in place of
        assert ("\x1bP" in shown) == (graphics is Graphics.SIXEL)
        await viewing.press("f", "n")
        assert not viewing.screen.query(Picture)
    written = capfd.readouterr().out
    assert ("\x1b_Gi=" in written) == (graphics is Graphics.KITTY)
    assert "\x1b[c" not in written  # by now the answer would be taken for keys


async def test_a_signal_as_a_whole_lists_what_was_perceived_and_opens_it(viewing: Viewing, things: Made) -> None:
    answer = things.answer()
    entry = SignalEntry(
        things.note, "ready", "3 pieces", evidence={"speech": answer.evidence[1:4]}, notes=("its end was not heard",)
    )
    talk = viewing.screen
    talk.query_one(SignalList).post_message(SignalList.Wanted(entry))
    await viewing.pilot.pause()
    assert isinstance(viewing.screen, SignalScreen)
    text = viewing.text()
    for words in (
        "note.wav",
        "ready: 3 pieces",
        "note: its end was not heard",
        "from 00:04.0 to 00:06.0, confidence 50%",
    ):
        assert words in text
    await viewing.press("down", "enter")
    assert isinstance(viewing.screen, EvidenceScreen)
    assert "▶ 00:04.0-00:06.0  I'm allergic to penicillin." in viewing.text()
    await viewing.press("n")
    assert "▶ 00:06.5-00:07.5  Thank you." in viewing.text()
    await viewing.press("escape")
    assert viewing.screen.query_one(OptionList).highlighted == 1
    await viewing.press("escape")
    assert viewing.screen is talk
    await viewing.tell(messages.Taken(things.form), says.sensed("image:1", "writing", answer.evidence[:1]))
    await viewing.press("ctrl+l", "enter")
    assert isinstance(viewing.screen, SignalScreen)
    assert "Allergies: none" in viewing.text()
    await viewing.press("enter")
    assert share(colours(viewing), DARK) > 0.1


async def test_of_very_much_evidence_the_beginning_is_listed_and_of_none_it_is_said(things, monkeypatch) -> None:
    monkeypatch.setattr(screens, "MOST", 3)
    much = SignalEntry(things.remark, "ready", "5 pieces", evidence={"text": things.answer().evidence[5:] * 5})
    async with look() as viewing:
        await viewing.show(SignalScreen(much))
        assert "the first 3 of 5 pieces are listed" in viewing.text()
        assert viewing.screen.query_one(OptionList).option_count == 3
        await viewing.show(SignalScreen(SignalEntry(things.remark, "ready", "0 pieces")))
        assert "nothing was found in it" in viewing.text()
