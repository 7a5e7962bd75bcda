"""A command in this process: its streams are files, and where its resident runs it lets that answer."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO
from unittest.mock import patch

import pytest

from edge_assistant.resident import client


@dataclass(frozen=True)
class Asker:
    """Asks as the command does, with `--trace`."""

    folder: Path

    def __call__(self, *words: str, **streams: TextIO | None) -> int | None:
        """Ask over other streams where some are given.

        Returns:
            The status; None where the command would do the work itself.
        """
        own = {
            name: (self.folder / name).open(mode) for name, mode in (("stdin", "r"), ("stdout", "a"), ("stderr", "a"))
        }
        try:
            with patch.multiple(sys, **(own | streams)):
                return client.answered(["ask", *words, "--trace"], 0.0)
        finally:
            for stream in own.values():
                stream.close()

    @property
    def out(self) -> str:
        """What was printed so far."""
        return (self.folder / "stdout").read_text()

    @property
    def err(self) -> str:
        """What was said on standard error so far."""
        return (self.folder / "stderr").read_text()


@pytest.fixture
def ask(tmp_path: Path) -> Asker:
    folder = tmp_path / "streams"
    folder.mkdir()
    for name, data in (("stdin", "typed\n"), ("stdout", ""), ("stderr", "")):
        (folder / name).write_text(data)
    return Asker(folder)
