"""Evidence whose signal is gone, changed, damaged or large: it is said, and nothing else stops."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest
from helpers.evidence import HANGS, Made, Viewing, form, look, vitals

from edge_assistant.core.answer import Answer
from edge_assistant.core.errors import InputCorrupt
from edge_assistant.core.evidence import Evidence, Locator, Passage
from edge_assistant.core.signals import Kind, take_file
from edge_assistant_tui import exhibits
from edge_assistant_tui.rendering import decoder as decoding
from edge_assistant_tui.rendering.decoder import Decoded, Superseded
from edge_assistant_tui.rendering.loader import Loader, Problem
from edge_assistant_tui.screens.evidence import GONE, LOADING, EvidenceScreen
from edge_assistant_tui.widgets.turn import Turn
from edge_assistant_tui.widgets.view import View


def path_of(answer: Answer, id: str) -> Path:
    """The file that a citation rests on."""
    (item,) = (item for item in answer.evidence if item.id == id)
    (signal,) = (signal for signal in answer.signals if signal.id == item.signal)
    assert signal.path is not None
    return signal.path


@pytest.mark.parametrize("id", ["E1", "E3", "E5", "E6"])  # picture, recording, readings, text
async def test_a_file_that_changed_or_is_gone_is_said_and_what_was_perceived_stays(viewing, things, id) -> None:
    path = path_of(things.answer(), id)
    data = bytearray(path.read_bytes())
    data[-1] ^= 1  # of the same length
    path.write_bytes(data)
    await viewing.open(things.answer(), id)
    assert f"{path.name} has changed since it was perceived" in viewing.state()
    assert "attach it again" in viewing.state()
    path.unlink()
    await viewing.open(things.answer(), id)
    assert viewing.state() == f"{path.name} does not exist: check the path"
    (item,) = (item for item in things.answer().evidence if item.id == id)
    assert item.text.split("\n")[0] in viewing.text()
    await viewing.press("n")
    assert viewing.state() == ""


async def test_what_cannot_be_heard_is_said(viewing: Viewing, things: Made) -> None:
    late = Evidence("E1", "audio:1", "Goodbye.", 0.5, Locator(seconds=(90.0, 95.0)), Passage())
    await viewing.show(EvidenceScreen(exhibits.of_signal(things.note, [late]), "1"))
    await viewing.press("space")
    await viewing.until(lambda: "no sound there" in viewing.state())
    await viewing.open(things.answer(), "E3")
    path_of(things.answer(), "E3").unlink()
    await viewing.press("space")
    await viewing.until(lambda: "note.wav does not exist" in viewing.state())
    assert "I'm allergic to penicillin." in viewing.text()


async def test_a_picture_that_is_damaged_is_said(viewing: Viewing, tmp_path: Path) -> None:
    path = tmp_path / "form.png"
    form(path)
    path.write_bytes(path.read_bytes()[:200])
    signal = take_file(path, Kind.IMAGE, 1)
    item = Evidence("E1", signal.id, "a word", 0.5, Locator(box=(10, 10, 50, 20)), Passage())
    shown = exhibits.of_signal(signal, [item])
    await viewing.show(EvidenceScreen(shown, "1"))
    assert viewing.state().startswith("form.png ")
    assert "copy or export it again" in viewing.state()


async def test_a_place_that_is_not_there_is_no_fault(viewing: Viewing, things: Made) -> None:
    boxes = [Locator(box=box) for box in ((10_000, 10_000, 50, 50), (-5, -5, 0, 0), (470, 390, 500, 500))]
    for place in (*boxes, Locator(page=7, box=(1, 1, 5, 5)), Locator()):
        item = Evidence("E1", "image:1", "a word", 0.5, place, Passage())
        await viewing.show(EvidenceScreen(exhibits.of_signal(things.form, [item]), "1"))
        assert "fault" not in viewing.state(), place
        assert "log" not in viewing.state(), place
        await viewing.press("f", "plus", "j")
    rows = [(things.vitals, Locator(rows=rows), "2026-03-14 09:01") for rows in ((1000, 2000), (0, 0), (5, 1))]
    chars = [(things.remark, Locator(chars=chars), "▶") for chars in ((10_000, 20_000), (0, 0), (50, 10))]
    for signal, place, seen in (*rows, *chars):
        item = Evidence("E1", signal.id, "a peak", None, place, Passage())
        await viewing.show(EvidenceScreen(exhibits.of_signal(signal, [item]), "1"))
        assert viewing.state() == "", place
        assert seen in viewing.text(), place


async def test_an_answer_from_the_history_is_shown_with_the_signals_of_the_conversation(viewing, things) -> None:
    answer = things.answer()
    bare = replace(answer, signals=tuple(replace(signal, path=None) for signal in answer.signals))
    same = exhibits.of_answer(bare, {"image:1": things.form, "audio:1": replace(things.note, sha256="0" * 64)})
    assert [exhibit.signal is not None for exhibit in same] == [True, False, False, False, False]
    await viewing.show(EvidenceScreen(same, "E3"))
    assert viewing.state() == GONE
    assert "▶ 00:04.0-00:06.0  I'm allergic to penicillin." in viewing.text()
    await viewing.press("space")
    assert viewing.state() == GONE
    await viewing.press("n", "n")
    assert viewing.state() == GONE
    assert not viewing.screen.query(View)
    await viewing.press("n", "n")
    assert viewing.state() == ""


async def test_a_citation_without_evidence_opens_nothing_and_a_value_on_nothing_is_shown(viewing, things) -> None:
    answer, talk = things.answer(), viewing.screen
    hollow = replace(answer, citations=("E9",), computed=(replace(answer.computed[0], evidence=("E9",)),))
    assert exhibits.of_answer(replace(hollow, computed=()), {}) == ()
    for cited in (replace(answer, citations=(), computed=()), answer):
        await viewing.tell(Turn.Cited(cited, "E77"))
        assert viewing.screen is talk
    await viewing.open(hollow, "E9")
    assert "max(temperature) = 38.4 degC" in viewing.text()


async def test_what_takes_long_says_so_and_holds_up_neither_keys_nor_what_is_wanted_next(things, monkeypatch) -> None:
    go, begun = threading.Event(), threading.Event()

    def page(self: Decoded, *arguments: object) -> object:
        begun.set()
        while not go.wait(0.01):
            self.check()
        return real(self, *arguments)

    real = Decoded.page
    monkeypatch.setattr(Decoded, "page", page)
    monkeypatch.setattr(Viewing, "settle", _settle_but_for_the_picture)
    async with look() as viewing:
        await viewing.app.push_screen(EvidenceScreen(exhibits.of_answer(things.answer(), {}), "E1"))
        await viewing.until(begun.is_set)
        await viewing.until(lambda: viewing.state() == LOADING)
        await viewing.press("n", "n")
        assert "temperature [degC]   ● cited" in viewing.text()
        await viewing.press("p", "p", "escape")
        go.set()
        assert viewing.screen is viewing.talk


async def _settle_but_for_the_picture(viewing: Viewing) -> None:
    """Wait until something is shown, but for a picture, which never comes in this test."""
    for _ in range(int(HANGS / 0.02)):
        await viewing.pilot.pause(0.02)
        screen = viewing.screen
        if not isinstance(screen, EvidenceScreen) or screen.exhibit.kind == "image" or not screen.waiting:
            await viewing.pilot.pause()
            return


def test_the_loader_does_the_newest_wish_and_gives_up_those_before() -> None:
    loader = Loader()
    told: list[object] = []
    begun, done = threading.Event(), threading.Event()

    def endless(decoded: Decoded) -> object:
        begun.set()
        while True:
            decoded.check()
            time.sleep(0.001)

    loader.want(endless, told.append)
    assert begun.wait(HANGS)
    for number in range(10):
        loader.want(lambda decoded, number=number: number, lambda made: (told.append(made), done.set()))
    assert done.wait(HANGS)
    assert told[-1] == 9
    assert told == sorted(told, key=str)


def test_the_loader_tells_what_went_wrong_and_goes_on() -> None:
    loader = Loader()
    told: list[object] = []
    turn = threading.Event()

    def hear(made: object) -> None:
        told.append(made)
        turn.set()

    def fails(decoded: Decoded) -> object:
        raise InputCorrupt("it is damaged", "copy it again")

    def faulty(decoded: Decoded) -> object:
        raise KeyError("ours")

    for job in (fails, faulty, lambda decoded: "made"):
        turn.clear()
        loader.want(job, hear)
        assert turn.wait(HANGS)
    assert told == [
        Problem("it is damaged", "copy it again"),
        Problem("it cannot be shown (KeyError)", "the log has the details"),
        "made",
    ]


@pytest.mark.parametrize("idle", [0.01, HANGS])
def test_the_loader_has_one_thread_and_lets_go_of_everything_after_a_while_or_at_once(idle, monkeypatch) -> None:
    monkeypatch.setattr(Loader, "IDLE", idle)
    loader = Loader()
    done = threading.Event()
    for _ in range(20):
        loader.want(lambda decoded: 1, lambda made: done.set())
    assert done.wait(HANGS)
    thread = loader._thread
    if idle == HANGS:
        loader.close()
    if thread is not None:
        thread.join(HANGS)
        assert not thread.is_alive()
    assert loader._thread is None


def test_a_file_is_summed_once_and_decoded_once_and_little_is_held(things, tmp_path, monkeypatch) -> None:
    checks = []
    decoded = Decoded(lambda: checks.append(1))
    first = decoded.table(things.vitals)
    read = len(checks)
    assert decoded.table(things.vitals) is first
    assert len(checks) == read
    monkeypatch.setattr(decoding, "_KEPT", 2)
    for number in range(2, 6):
        decoded.table(take_file(vitals(tmp_path / f"{number}.csv", rows=60 + number), Kind.READINGS, number))
    assert len(decoded._kept) == 2
    assert decoded.table(things.vitals) is not first
    assert len(decoded.table(things.vitals)) == len(first)

    def stop() -> None:
        raise Superseded

    with pytest.raises(Superseded):  # something else is wanted
        Decoded(stop).table(things.vitals)
