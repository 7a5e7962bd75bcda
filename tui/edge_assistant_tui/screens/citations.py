"""The sources of answers on the conversation screen: opened by a citation, a key or their id, and copied."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual import on

from edge_assistant_tui import clipboard_text
from edge_assistant_tui.screens.devices import DeviceScreen
from edge_assistant_tui.widgets.prompt import Prompt
from edge_assistant_tui.widgets.signals import SignalList
from edge_assistant_tui.widgets.sources import Sources
from edge_assistant_tui.widgets.turn import Turn

if TYPE_CHECKING:
    from edge_assistant.core.answer import Answer

NOTHING, NO_SOURCES = "Nothing was asked yet.", "The last answer has no sources."


class Citing(DeviceScreen):
    """A screen with turns."""

    def open_source(self, id: str) -> None:
        """Show the evidence of the last answer that cites it, else of the last that has it; where none does, say so."""
        answers = self._answers()
        likely = sorted(answers, key=lambda answer: id in _cited(answer))
        if not any(self._show_source(answer, id) for answer in likely[::-1]):
            self.notify(_sources_of(answers), title=f"There is no source {id}", severity="warning")

    @on(Turn.Cited)
    def _told_cited(self, event: Turn.Cited) -> None:
        self._show_source(event.answer, event.id)

    def action_sources(self) -> None:
        """Go to the sources of the last answer."""
        last = self._last()
        if last is not None and (sources := last.query(Sources)):
            sources.first(Sources).focus()
        elif last is None:
            self.notify(NOTHING)
        else:
            self.notify(NO_SOURCES if last.over else "The answer is still being made.")

    def action_copy_answer(self) -> None:
        """Copy the last answer with its sources; where something is typed, the key redoes what was undone."""
        prompt = self.query_one(Prompt)
        if prompt.has_focus and prompt.text:
            prompt.action_redo()
        elif answers := self._answers():
            clipboard_text.copy(self.app, answers[-1])
        else:
            self.notify("There is no answer to copy yet.")

    def _show_source(self, answer: Answer, id: str) -> bool:
        """Show a piece of evidence, or a computation, where an answer has it; whether it does."""
        from edge_assistant_tui import exhibits
        from edge_assistant_tui.screens.evidence import EvidenceScreen

        there = {entry.signal.id: entry.signal for entry in self.query_one(SignalList).entries}
        shown = exhibits.of_answer(answer, there, also=(id,))
        found = any(exhibit.id == id for exhibit in shown)
        if found:
            self.app.push_screen(EvidenceScreen(shown, id))
        return found

    def _answers(self) -> list[Answer]:
        return [turn.answer for turn in self.query(Turn) if turn.answer is not None]

    def _last(self) -> Turn | None:
        turns = self.query(Turn)
        return turns.last() if turns else None


def _cited(answer: Answer) -> list[str]:
    """The ids that stand under an answer."""
    return [*answer.citations, *(found.id for found in answer.computed)]


def _sources_of(answers: list[Answer]) -> str:
    """What the last answer has to be looked at, in words."""
    if not answers:
        return NOTHING
    ids = _cited(answers[-1])
    return f"The last answer has {', '.join(ids[:8])}." if ids else NO_SOURCES
