"""The themes: every word that any screen shows has the contrast that WCAG asks for."""

from __future__ import annotations

import pytest
from helpers import says
from helpers.app import FORM, NOTE, VITALS, Stage, conflict, play
from textual.color import Color

from edge_assistant.session import health
from edge_assistant.session.health import DoctorCheck
from edge_assistant_tui import messages, themes
from edge_assistant_tui.screens.visitor import Attract, Countdown

RATIOS = {"dark": 4.5, "light": 4.5, "high-contrast": 7.0}
LINES = {"─", "│", "╭", "╮", "╰", "╯", "█", "░", "├", "└", "▌", "▐", "▎", "▊", "▔", *"▁▂▃▄▅▆▇"}
_OFF = "X"  # of a switch, hidden where it is off; a word beside it says so


def ratio(one: Color, other: Color) -> float:
    """Contrast by WCAG 2.1, of relative luminance."""
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(color: Color) -> float:
    def linear(value: float) -> float:
        return value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4

    red, green, blue = (linear(part / 255) for part in color.rgb)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_the_ratio_is_that_of_the_standard() -> None:
    assert ratio(Color.parse("#000"), Color.parse("#fff")) == pytest.approx(21)
    assert ratio(Color.parse("#777"), Color.parse("#fff")) == pytest.approx(4.48, abs=0.01)


def poor(stage: Stage, least: float) -> set[tuple[str, str, str, float]]:
    """Words on the screen with less contrast: the text, its colours, the ratio."""
    found = set()
    for strip in stage.screen._compositor.render_strips():
        for text, style, _ in strip:
            word = "".join(character for character in text if character not in LINES).strip()
            if not word or word == _OFF or style is None or style.color is None or style.bgcolor is None:
                continue
            front, back = (Color.from_rich_color(part) for part in (style.color, style.bgcolor))
            if style.reverse:
                front, back = back, front
            got = ratio(front, back)
            if got < least:
                found.add((word, front.hex, back.hex, round(got, 2)))
    return found


async def test_every_screen_can_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    checks = [
        DoctorCheck("a", True, "b"),
        DoctorCheck("model for vad", False, "b", "c"),
        DoctorCheck("d", None, "e", "f"),
    ]
    monkeypatch.setattr(health, "checks", lambda profile: iter(checks))
    unread: dict[tuple[str, str], set[object]] = {}
    async with play(size=(100, 40)) as stage:

        async def read(place: str, word: str = "") -> None:
            for theme in sorted(RATIOS, key=lambda theme: theme != stage.app.theme):  # a change styles all anew
                stage.app.theme = theme
                await stage.settle()
                unread[place, theme] = {told for told in poor(stage, RATIOS[theme]) if word in told[0]}

        await stage.tell(messages.Ready(("whisper-base",)))
        await read("welcome")
        await stage.tell(*(messages.Taken(given) for given in (FORM, NOTE, VITALS)))
        await stage.talk.ask(conflict().question)
        await stage.tell(
            says.failed("readings:1", "it is empty", "give another"),
            says.sensing("audio:1", "speech", 0.5),
            says.ended(1, conflict()),
        )
        await read("conversation")
        for key in ("f1", "f2", "f6", "f8", "f9", "f10", "f11"):
            await stage.press(key)
            await read(key)
        await stage.press("escape", "ctrl+s")
        await read("export", "xport")
        await stage.press("escape")
        await stage.app.push_screen(Attract())
        await read("attract")
        await stage.app.push_screen(Countdown(17))
        for word in ("still", "erased", "Press"):
            await read(f"countdown: {word}", word)
    assert unread == {place: set() for place in unread}
    assert {theme.name for theme in themes.OWN} == set(RATIOS)
