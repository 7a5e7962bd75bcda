"""A scripted resident, and a command that asks it."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from helpers.scripted_resident import question, serving

from edge_assistant.core.events import Event, Said
from edge_assistant.core.signals import Signal
from edge_assistant.resident import client, compared


class Asker:
    """Asks as the command does, and keeps the sentences that came."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def __call__(self, *words: str, signals: Sequence[Signal] = (), facts: dict[str, str] | None = None) -> str:
        """Ask; the text of the answer, or why there is none from a resident."""
        try:
            given = question(*words, signals=signals)
            return client.ask(given, compared.facts() if facts is None else facts, self._watch)[0].text
        except client.Unavailable as error:
            return f"not used, as {error}"

    def _watch(self, event: Event) -> None:
        assert isinstance(event, Said)
        self.said.append(event.text)


@pytest.fixture
def ask() -> Asker:
    return Asker()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """That the resident of this test looks into."""
    return tmp_path / "resident"


@pytest.fixture
def resident(folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """One that runs."""
    with serving(folder) as process:
        yield process
