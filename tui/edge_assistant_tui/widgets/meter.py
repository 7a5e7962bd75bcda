"""What the microphone hears: how loud it is, whether somebody speaks, and their words so far."""

from __future__ import annotations

from textual.content import Content
from textual.reactive import reactive
from textual.widgets import Static

_FLOOR, _TOP = -60.0, -6.0  # dBFS at the ends of the bar
_WIDTH = 20
_PARTS = " ▏▎▍▌▋▊▉█"


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

    dbfs: reactive[float] = reactive(_FLOOR, layout=False)
    state: reactive[str] = reactive("")
    heard: reactive[str] = reactive("", layout=True)

    def render(self) -> Content:
        """One line, and another where something was understood."""
        parts: list[str | tuple[str, str]] = [
            ("mic ", "$text-muted"),
            (bar(self.dbfs), "$text-success"),
            (f" {self.dbfs:4.0f} dB  ", "$text-muted"),
            (self.state, "bold $text-accent" if self.state.startswith("speaking") else "$text-muted"),
        ]
        if self.heard:
            parts.append((f"\n… {self.heard}", "italic"))
        return Content.assemble(*parts)


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
