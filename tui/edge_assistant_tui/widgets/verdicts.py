"""The verdicts of an answer as a table: each has a word, and a colour beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.content import Content
from textual.widgets import Static

from edge_assistant.core.signals import printable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edge_assistant.core.answer import Verdict

_COLUMN = 12  # columns of the word
STYLES = {
    "agree": "$text-success",
    "conflict": "bold $text-error",
    "single": "$text-accent",
    "missing": "$text-muted",
}


class Verdicts(Static):
    """Attribute by attribute: the verdict in a word, and each value with its evidence."""

    def __init__(self, verdicts: Sequence[Verdict]) -> None:
        super().__init__(_rows(verdicts), classes="verdicts")
        self.border_title = "Verdicts"

    def show(self, verdicts: Sequence[Verdict]) -> None:
        """Other verdicts, or more."""
        self.update(_rows(verdicts))


def row(verdict: Verdict) -> Content:
    """A verdict in one line."""
    word = f"{verdict.status.word:{_COLUMN}}", STYLES[verdict.status]
    return Content.assemble(word, (printable(verdict.matter), "bold"), printable(f": {verdict.shown}"))


def _rows(verdicts: Sequence[Verdict]) -> Content:
    return Content("\n").join(row(verdict) for verdict in verdicts)
