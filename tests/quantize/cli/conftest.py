"""Photographs and models for verbs that measure."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from helpers import damaged, drawings

from edge_assistant_models.model import InstalledModel


@pytest.fixture
def stored(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The catalog's models."""
    monkeypatch.setenv("EDGE_ASSISTANT_MODELS", str(store))


@pytest.fixture
def photos(stored: None, tmp_path: Path) -> str:
    """Two labelled photographs."""
    return drawings.labelled(tmp_path / "photos", 1)


@pytest.fixture
def many_photos(stored: None, tmp_path: Path) -> str:
    """Enough photographs to decide by."""
    return drawings.labelled(tmp_path / "many", 10)


@pytest.fixture
def blind(tmp_path: Path, models: Callable[[str], InstalledModel]) -> str:
    """A damaged detector as a lone file."""
    made = damaged.damaged(models("detector"), "model", tmp_path / "blind", damaged.not_numbers)
    return str(made.files["model"])
