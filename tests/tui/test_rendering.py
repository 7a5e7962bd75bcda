"""What is made ready to be shown: the part of a picture, the rows, the passage, the seconds."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import av
import numpy as np
import pytest
from helpers.evidence import HANGS, RATE, note
from hypothesis import given
from hypothesis import strategies as st

from edge_assistant.core.signals import SAMPLE_RATE, Kind, take_file
from edge_assistant.perception.page import Page
from edge_assistant.perception.table import Column, Table
from edge_assistant_tui import playback as playing
from edge_assistant_tui.playback import Playback
from edge_assistant_tui.rendering import pictures, sounds, tables, texts
from edge_assistant_tui.terminal import Graphics, Terminal

SIDE = st.integers(1, 400)
PART = st.floats(-0.5, 1.5)


@given(
    size=st.tuples(SIDE, SIDE),
    place=st.tuples(PART, PART, PART, PART),
    cells=st.tuples(st.integers(1, 80), st.integers(1, 40)),
    whole=st.booleans(),
    zoom=st.floats(1, 30),
    shift=st.tuples(st.floats(-9, 9), st.floats(-9, 9)),
    graphics=st.sampled_from(list(Graphics)),
    scale=st.sampled_from([1.0, 0.5, 0.25]),
)
def test_any_part_of_any_picture_fits_into_its_cells(size, place, cells, whole, zoom, shift, graphics, scale) -> None:
    width, height = size
    full = (round(width / scale), round(height / scale))
    page = Page(None, np.zeros((height, width, 3), np.uint8), full, scale)
    box = tuple(int(part * side) for part, side in zip(place, (*full, *full), strict=True))
    wanted = pictures.PictureRequest(*cells, whole=whole, zoom=zoom, shift=shift)
    drawn = pictures.drawn(page, box, wanted, Terminal(graphics, (8, 16)))
    columns, rows = drawn.size
    assert 1 <= columns <= cells[0]
    assert 1 <= rows <= cells[1]
    if graphics is Graphics.CELLS:
        assert [strip.cell_length for strip in drawn.strips] == [columns] * rows
    else:
        assert drawn.image is not None
        assert drawn.image.size == (columns * 8, rows * 16)
    x, y, wide, high = drawn.region
    assert x >= 0
    assert y >= 0
    assert x + wide <= full[0] + 2 / scale
    assert y + high <= full[1] + 2 / scale


@given(
    box=st.tuples(st.integers(0, 900), st.integers(0, 700), st.integers(1, 100), st.integers(1, 100)),
    cells=st.tuples(st.integers(10, 150), st.integers(5, 50)),
)
def test_the_box_is_always_in_the_part_around_it(box: tuple[int, int, int, int], cells: tuple[int, int]) -> None:
    page = Page(None, np.zeros((800, 1000, 3), np.uint8), (1000, 800))
    x, y, wide, high = pictures.drawn(page, box, pictures.PictureRequest(*cells), Terminal()).region
    assert x <= box[0] + 1
    assert y <= box[1] + 1
    assert x + wide >= box[0] + box[2] - 1
    assert y + high >= box[1] + box[3] - 1


def table(values: np.ndarray) -> Table:
    start = np.datetime64(datetime(2026, 1, 1), "ns")
    times = start + np.arange(len(values)) * np.timedelta64(60, "s")
    words = np.array([None if at % 3 else "on\x1b[31m" for at in range(len(values))], dtype=object)
    rows = np.arange(1, len(values) + 1)
    return Table(times, rows, (Column("flow", "l/min", values), Column("state", None, words)))


@given(st.integers(1, 3000), st.data())
def test_a_curve_is_thin_and_keeps_its_peaks(length: int, data: st.DataObject) -> None:
    peak = data.draw(st.integers(0, length - 1))
    values = np.sin(np.arange(length) / 7.0)
    values[peak] = 9.0
    first = data.draw(st.integers(1, length))
    last = data.draw(st.integers(first, length))
    found = tables.rows(table(values), tables.TableRequest(((first, last),), whole=True, points=100))
    assert found.curve is not None
    assert len(found.curve.points) <= 102
    assert len(found.curve.marked) <= 102
    assert max(value for _, value in found.curve.points) == 9.0
    assert all(first - 1 <= at <= last - 1 for at, _ in found.curve.marked)
    assert len(found.cells) <= tables.ROWS
    shown = {row for row, _, _, cited in found.cells if cited}
    assert {first, last} <= shown <= set(range(first, last + 1))
    window = tables.rows(table(values), tables.TableRequest(((first, last),), points=100))
    assert window.left_out + len(window.cells) <= length


def test_gaps_are_left_out_and_a_column_of_words_has_no_curve() -> None:
    values = np.array([1.0, np.nan, 3.0, np.nan])
    found = tables.rows(table(values), tables.TableRequest(((1, 1),)))
    assert found.curve is not None
    assert found.curve.points == ((0, 1.0), (2, 3.0))
    assert found.cells[1][2] == ("", "")
    assert "\x1b" not in found.cells[0][2][1]
    assert tables.rows(table(values), tables.TableRequest(((1, 1),), "STATE")).curve is None
    assert tables.rows(table(np.full(4, np.nan)), tables.TableRequest(())).curve is None
    assert tables.rows(table(values), tables.TableRequest((), "nothing like it")).chosen == 0


@given(st.text(alphabet=st.sampled_from("ab \t\r\n\x1b\x9b\N{SNOWMAN}é"), max_size=300), st.data())
def test_any_passage_is_plain_and_whole(text: str, data: st.DataObject) -> None:
    a = data.draw(st.integers(0, len(text) + 5))
    b = data.draw(st.integers(0, len(text) + 5))
    found = texts.passage(text, (a, b))
    for part in (found.before, found.span, found.after):
        assert all(character.isprintable() or character == "\n" for character in part)
    assert found.cut == (False, False)
    if "\r" not in text and "\t" not in text:
        assert len(found.before + found.span + found.after) == len(text)


def test_little_of_a_long_text_is_shown() -> None:
    text = "".join(f"line {number}\n" for number in range(100_000))
    a = text.index("line 50000\n")
    found = texts.passage(text, (a, a + 10))
    assert found.span == "line 50000"
    assert found.cut == (True, True)
    assert len(found.before) <= texts.AROUND
    assert len(found.after) <= texts.AROUND
    assert found.before.startswith(f"line {found.line - 1}\n")


def recording(path: Path, seconds: int, codec: str) -> Path:
    """Each second is as loud as the last digit of its number."""
    loud = np.repeat((np.arange(seconds) % 10 + 1) / 12, RATE)
    samples = (loud * np.sin(2 * np.pi * 300 * np.arange(seconds * RATE) / RATE)).astype(np.float32)
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=RATE, layout="mono")
        frame = av.AudioFrame.from_ndarray(samples[None], format="flt", layout="mono")
        frame.sample_rate = RATE
        resampler = av.AudioResampler(format=stream.format.name, layout="mono", rate=RATE)
        for part in [*resampler.resample(frame), *resampler.resample(None)]:
            container.mux(stream.encode(part))
        container.mux(stream.encode())
    return path


@pytest.mark.parametrize(
    ("name", "codec"), [("a.wav", "pcm_s16le"), ("a.flac", "flac"), ("a.mp4", "aac"), ("a.mp3", "libmp3lame")]
)
def test_the_seconds_far_into_a_recording_are_found(tmp_path: Path, name: str, codec: str) -> None:
    signal = take_file(recording(tmp_path / name, 150, codec), Kind.AUDIO, 1)
    checks: list[int] = []
    found = sounds.excerpt(signal, (123.25, 125.75), lambda: checks.append(1))
    assert found.seconds == (123.0, 126.0)
    assert len(found.samples) == pytest.approx(3 * RATE, abs=RATE / 50)
    levels = np.abs(found.samples).reshape(-1)[: 3 * RATE]
    for number, digit in enumerate((3, 4, 5)):
        inner = levels[number * RATE + RATE // 10 : (number + 1) * RATE - RATE // 10]
        assert inner.max() == pytest.approx((digit + 1) / 12, abs=0.04)
    near = len(checks)
    checks.clear()
    sounds.excerpt(signal, (1.0, 2.0), lambda: checks.append(1))
    if codec != "libmp3lame":
        assert near < 10 * len(checks) + 100  # not from the beginning


def test_long_stretches_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sounds, "MAX_SECONDS", 2.0)
    signal = take_file(note(tmp_path / "note.wav"), Kind.AUDIO, 1)
    found = sounds.excerpt(signal, (1.0, 8.0), lambda: None)
    assert len(found.samples) == 2 * SAMPLE_RATE


def test_what_is_played_is_not_heard_for_a_moment_after_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(playing, "ECHO_S", HANGS)
    playback = Playback()
    assert not playback.audible
    playback.stop()
    playback.play(np.zeros(RATE * 10, np.float32), RATE, f"file:{tmp_path / 'out.wav'}", lambda: None)
    assert playback.playing
    assert playback.audible
    playback.stop()
    assert not playback.playing
    assert playback.audible
    monkeypatch.setattr(playing, "ECHO_S", 0.0)
    assert not playback.audible


def test_another_speaker_is_taken_once_it_is_chosen(tmp_path: Path) -> None:
    playback = Playback()
    for name in ("a.wav", "b.wav"):
        playback.play(np.ones(RATE, np.float32), RATE, f"file:{tmp_path / name}", lambda: None)
        playback.stop()
        assert (tmp_path / name).exists()
