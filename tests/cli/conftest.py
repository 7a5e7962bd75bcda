"""What tests of the real command stand on."""

from __future__ import annotations

from pathlib import Path

import plain_model
import pytest
from real_command import Command


@pytest.fixture
def command(tmp_path_factory: pytest.TempPathFactory, store: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    """Runs the real command with the models of the profile `test`, but the language model: a plain one reads."""
    plain_model.use(monkeypatch)
    monkeypatch.setenv("EDGE_ASSISTANT_MODELS", str(store))
    monkeypatch.setenv("EDGE_ASSISTANT_PROFILE", "test")
    return Command(tmp_path_factory.mktemp("ran"))
