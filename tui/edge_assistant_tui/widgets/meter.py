"""What the microphone hears: how loud it is, whether somebody speaks, and their words so far."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.content import Content
from textual.reactive import reactive
from textual.widgets import Static

if TYPE_CHECKING:
    from edge_assistant_tui.interface import AppInterface

_FLOOR, _TOP = -60.0, -6.0  # dBFS at the ends of the bar
_WIDTH = 20
_PARTS = " ▏▎▍▌▋▊▉█"
_LISTENING = {"talk": "speak now; F3 when you are done, Escape to drop it", "free": "listening, hands-free", "off": ""}


class Meter(Static):
    """A bar with a word, and a line of transcript.

    Attributes:
        dbfs: the level.
        state: what is going on, in words.
        heard: what was understood so far.
    """

    DEFAULT_CSS = """
    Meter { height: auto; max-height: 4; padding: 0 1; }
    """

    app: AppInterface

    dbfs: reactive[float] = reactive(_FLOOR, layout=False)
    state: reactive[str] = reactive("")
    heard: reactive[str] = reactive("", layout=True)

    def render(self) -> Content:
        """One line, and another where something was understood."""
        parts: list[str | tuple[str, str]] = [
            (f"{self.app.gettext('mic')} ", "$text-muted"),
            (bar(self.dbfs), "$text-success"),
            (f" {self.dbfs:4.0f} dB  ", "$text-muted"),
            (self.app.gettext(self.state), "bold $text-accent" if self.state.startswith("speaking") else "$text-muted"),
        ]
        if self.heard:
            parts.append((f"\n… {self.heard}", "italic"))
        return Content.assemble(*parts)


def described(mode: str, *, speaking: bool, deaf: bool, writing: bool) -> str:
    """What is going on, in words: what a person has to know now before what is still done with what they said.

    >>> described("free", speaking=False, deaf=False, writing=True)
    'writing it down'

    Args:
        mode: of the microphone: `talk`, `free` or `off`.
        speaking: whether a person speaks.
        deaf: whether nothing is heard, as the assistant speaks.
        writing: whether something that was said is being written down.
    """
    if deaf:
        return "deaf while the assistant speaks"
    if speaking:
        return "speaking"
    return "writing it down" if writing else _LISTENING[mode]


def bar(dbfs: float) -> str:
    """A level as a bar of twenty cells, each in eighths.

    >>> bar(-6.0), bar(-90.0)
    ('▕████████████████████▏', '▕                    ▏')
    """
    share = min(1.0, max(0.0, (dbfs - _FLOOR) / (_TOP - _FLOOR)))
    eighths = round(share * _WIDTH * 8)
    full, rest = divmod(eighths, 8)
    cells = "█" * full + (_PARTS[rest] if full < _WIDTH else "")
    return f"▕{cells:<{_WIDTH}}▏"
