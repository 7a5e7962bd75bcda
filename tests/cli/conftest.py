"""What tests of the real command stand on."""

from __future__ import annotations

from pathlib import Path

import plain_model
import pytest
from real_command import Command


@pytest.fixture
def small_command(tmp_path_factory: pytest.TempPathFactory, store: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    """Runs the real command with the models of the profile `test`."""
    monkeypatch.setenv("EDGE_ASSISTANT_MODELS", str(store))
    monkeypatch.setenv("EDGE_ASSISTANT_PROFILE", "test")
    return Command(tmp_path_factory.mktemp("ran"))


@pytest.fixture
def command(small_command: Command, monkeypatch: pytest.MonkeyPatch) -> Command:
    """The same, but a plain model reads in place of the language model."""
    plain_model.use(monkeypatch)
    return small_command
