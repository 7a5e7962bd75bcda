"""What an empty conversation says: what is missing, what can be done first, the examples one key away."""

from __future__ import annotations

from textual.content import Content
from textual.reactive import reactive
from textual.widgets import Static


class Welcome(Static):
    """The first words.

    Attributes:
        missing: names of models that are not in the store.
    """

    missing: reactive[tuple[str, ...]] = reactive(())

    def render(self) -> Content:
        """A few lines."""
        lines: list[str | tuple[str, str]] = [
            ("Ask one question over pictures, recordings, video, readings and text.\n", "bold"),
            "Every fact shows where it came from, and contradictions are said. Nothing leaves this machine.\n\n",
            ("Attach  ", "bold $accent"), "paste or type a path, or Ctrl+O for files; F5 camera, F3 microphone\n",
            ("Ask     ", "bold $accent"), "type, then Enter; Escape stops\n",
            ("Try     ", "bold $accent"), "F6 opens the examples: a clinic, a production line, an expense claim\n",
            ("Help    ", "bold $accent"), "F1 or ?, and Ctrl+P for everything\n",
        ]  # fmt: skip
        if self.missing:
            lines += [
                "\n",
                (f"Missing: {', '.join(self.missing)}\n", "bold $text-error"),
                ("F9 ", "bold $accent"),
                "pulls them, where there is a network; Escape leads back here meanwhile.\n",
            ]
        return Content.assemble(*lines)
