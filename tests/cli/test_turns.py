"""Two commands of one user: the second says that it waits, and goes on, or ends by Ctrl-C."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from helpers.commands import Command

from edge_assistant.compute.scheduling.turn import FILE, ComputeTurn

WAITS = "waits: another edge-assistant is computing\n"


@contextmanager
def computing(home: Path) -> Iterator[None]:
    """Another process of the same user that computes."""
    with ComputeTurn(home / "state" / FILE).taken(lambda: None, lambda: None):
        yield


def compared(folder: Path) -> list[str | Path]:
    (folder / "form.txt").write_text("Dose: 5 mg")
    (folder / "note.txt").write_text("Dose: 50 mg")
    return ["check", "--text", folder / "form.txt", "--text", folder / "note.txt"]


def test_a_second_command_waits_says_so_and_answers(command: Command, home: Path, tmp_path: Path) -> None:
    with computing(home):
        started = command.start(*compared(tmp_path))
        assert started.stderr is not None
        assert started.stderr.readline() == WAITS
        assert started.poll() is None
    out, _ = started.communicate()
    assert (started.returncode, "conflict  " in out) == (1, True)
    assert command(*compared(tmp_path)).err.count(WAITS) == 0
