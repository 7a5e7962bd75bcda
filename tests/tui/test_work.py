"""The worker: what it posts when the history is not what it was."""

from __future__ import annotations

from pathlib import Path

from textual.message import Message

from edge_assistant.history.store import FILE
from edge_assistant_tui import messages
from edge_assistant_tui.options import Options
from edge_assistant_tui.work import Work


def test_a_damaged_history_is_set_aside_and_said(home: Path) -> None:
    file = home / "history" / FILE
    file.parent.mkdir()
    file.write_bytes(b"this is no database " * 100)
    posted: list[Message] = []
    work = Work(posted.append, Options(profile="test"))
    work.start()
    work.close()
    notes = [message.text for message in posted if isinstance(message, messages.HistoryNoted)]
    assert len(notes) == 1
    assert "set aside" in notes[0]
