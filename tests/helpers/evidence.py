"""Signals made in a folder, an answer that cites them, and the app while its evidence is looked at."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from helpers import sounds
from helpers.app import POLL_S, Stage, play, shown
from PIL import Image, ImageDraw
from textual.screen import Screen
from textual.widgets import Static

from edge_assistant.core.answer import Agreement, Answer, Computation, Route, Status, Told, Verdict
from edge_assistant.core.evidence import Evidence, Field, Locator, Passage, Statistic
from edge_assistant.core.signals import Kind, Signal, take_file
from edge_assistant_tui import exhibits
from edge_assistant_tui.screens.evidence import EvidenceScreen
from edge_assistant_tui.widgets.picture import Picture

RATE = 16_000
BOX = (120, 200, 160, 60)  # of the dark word on the form
RED, BLUE, DARK, PAPER = (200, 30, 30), (30, 30, 200), (20, 20, 20), (240, 240, 230)
REMARK = "The pump was checked on Monday.\n\nIt ran at 60 rpm, and nothing was wrong with it.\n\nThe filter is new.\n"
SPAN = (REMARK.index("It ran"), REMARK.index("\n\nThe filter"))
HANGS = 60.0


def form(path: Path, size: tuple[int, int] = (480, 400)) -> Path:
    """Paper with a dark rectangle where a word would be, red at the left edge and blue at the right."""
    image = Image.new("RGB", size, PAPER)
    pen = ImageDraw.Draw(image)
    pen.rectangle((0, 0, 19, size[1]), fill=RED)
    pen.rectangle((size[0] - 20, 0, size[0], size[1]), fill=BLUE)
    pen.rectangle((BOX[0] + 10, BOX[1] + 10, BOX[0] + BOX[2] - 11, BOX[1] + BOX[3] - 11), fill=DARK)
    image.save(path)
    return path


def note(path: Path, seconds: int = 8) -> Path:
    """A recording in which each second is as loud as its number: a tenth of full scale for the first."""
    loud = np.repeat(np.arange(1, seconds + 1) / 10, RATE)
    samples = loud * np.sign(np.sin(2 * np.pi * 200 * np.arange(seconds * RATE) / RATE + 0.1))
    path.write_bytes(sounds.wav(samples, RATE))
    return path


def vitals(path: Path, rows: int = 60) -> Path:
    """Readings of two columns and a state, with a peak in the rows 30 to 32."""
    lines = ["time,temperature [degC],pulse [1/min],state"]
    for row in range(1, rows + 1):
        high = 38.4 if 30 <= row <= 32 else 36.5 + row % 5 / 10
        lines.append(
            f"2026-03-14T{9 + row // 60:02d}:{row % 60:02d}:00,{high},{60 + row % 7},{'up' if row > 5 else 'off'}"
        )
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return path


def remark(path: Path) -> Path:
    """Three paragraphs."""
    path.write_text(REMARK, "utf-8")
    return path


@dataclass(frozen=True)
class Made:
    """The signals of a folder."""

    form: Signal
    note: Signal
    vitals: Signal
    remark: Signal

    def answer(self) -> Answer:
        """An answer that cites one piece of evidence of each, has a conflict and a computation."""
        return Answer(
            question="What is the patient allergic to?",
            text="The picture says none [E1]; the recording says penicillin [E3]. The highest was 38.4 degC [C1].",
            status=Status.CONFLICT,
            route=Route("cross-signal", (), "code answered"),
            signals=(self.form, self.note, self.vitals, self.remark),
            evidence=(
                Evidence("E1", "image:1", "Allergies: none", 0.99, Locator(box=BOX), Field("Allergies", "none")),
                Evidence("E2", "audio:1", "Hello, this is Martin.", 0.9, Locator(seconds=(0.2, 2.0)), Passage()),
                Evidence("E3", "audio:1", "I'm allergic to penicillin.", 0.5, Locator(seconds=(4.0, 6.0)), Passage()),
                Evidence("E4", "audio:1", "Thank you.", 0.9, Locator(seconds=(6.5, 7.5)), Passage()),
                Evidence(
                    "E5",
                    "readings:1",
                    "temperature is highest in rows 30-32",
                    None,
                    Locator(rows=(30, 32)),
                    Statistic("temperature", "degC", "max", 38.4),
                ),
                Evidence("E6", "text:1", REMARK[slice(*SPAN)], None, Locator(chars=SPAN), Passage()),
            ),
            computed=(Computation("C1", "max(temperature)", "38.4 degC", ("E5",)),),
            verdicts=(
                Verdict("allergy", "patient", Agreement.CONFLICT, (Told("none", ("E1",)), Told("penicillin", ("E3",)))),
            ),
            citations=("E1", "E3", "E5", "E6"),
        )


def made(folder: Path) -> Made:
    """Make them all."""
    return Made(
        take_file(form(folder / "form.png"), Kind.IMAGE, 1),
        take_file(note(folder / "note.wav"), Kind.AUDIO, 1),
        take_file(vitals(folder / "vitals.csv"), Kind.READINGS, 1),
        take_file(remark(folder / "remark.txt"), Kind.TEXT, 1),
    )


class Viewing(Stage):
    """The app while evidence is looked at."""

    async def open(self, answer: Answer, id: str) -> None:
        """Open a citation and wait until it is shown."""
        await self.show(EvidenceScreen(exhibits.of_answer(answer, {}), id))

    async def show(self, screen: Screen[Any]) -> None:
        """Open a screen and wait until what it wants is shown."""
        await self.app.push_screen(screen)
        await self.settle()

    async def settle(self) -> None:
        """Wait until nothing is being loaded."""
        await self.pilot.pause(POLL_S)
        await self.until(lambda: not getattr(self.screen, "waiting", False), "what is loaded")
        await self.pilot.pause()

    def state(self) -> str:
        """What is said below."""
        states = self.screen.query("#state")
        return shown(states.first(Static)) if states else ""

    def lines(self) -> list[str]:
        """What the screen shows, line by line."""
        width, height = self.app.size
        return [strip.text[:width] for strip in self.screen._compositor.render_strips()[:height]]

    def text(self) -> str:
        """The same as one text."""
        return "\n".join(self.lines())

    def marked(self) -> list[str]:
        """The first words of the lines that are marked as cited."""
        return [line.split("▶")[1].split()[0] for line in self.lines() if "▶" in line]


@asynccontextmanager
async def look(size: tuple[int, int] = (100, 32), **given: Any) -> AsyncIterator[Viewing]:
    """The app with a worker that computes nothing, to look at evidence; `given` as for `play`."""
    async with play(size, **given) as stage:
        yield Viewing(stage.pilot)


def colours(viewing: Viewing) -> list[list[tuple[int, int, int]]]:
    """The pixels of the picture that is shown, two a cell."""
    drawn = viewing.screen.query_one(Picture)._drawn
    assert drawn is not None
    rows: list[list[tuple[int, int, int]]] = []
    for strip in drawn.strips:
        upper: list[tuple[int, int, int]] = []
        lower: list[tuple[int, int, int]] = []
        for text, style, _ in strip:
            assert style is not None
            upper += [tuple(style.color.triplet)] * len(text)  # type: ignore[union-attr, arg-type, list-item]
            lower += [tuple(style.bgcolor.triplet)] * len(text)  # type: ignore[union-attr, arg-type, list-item]
        rows += [upper, lower]
    return rows


def near(colour: tuple[int, int, int], wanted: tuple[int, int, int]) -> bool:
    return all(abs(a - b) < 24 for a, b in zip(colour, wanted, strict=True))


def share(pixels: list[list[tuple[int, int, int]]], wanted: tuple[int, int, int]) -> float:
    """How much of a picture has about this colour."""
    every = [colour for row in pixels for colour in row]
    return sum(near(colour, wanted) for colour in every) / len(every)


def cited(signal: Signal, *items: Evidence, computed: tuple[Computation, ...] = ()) -> Answer:
    """An answer over one signal that cites all of these."""
    return replace(
        Made(signal, signal, signal, signal).answer(),
        signals=(signal,),
        evidence=items,
        citations=tuple(item.id for item in items),
        computed=computed,
        verdicts=(),
    )
