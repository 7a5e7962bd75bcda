"""Photographs and models for verbs that measure."""

from __future__ import annotations

import json
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
    folder = tmp_path / "photos"
    folder.mkdir()
    drawings.clock().save(folder / "clock.png")
    drawings.stop_sign().save(folder / "sign.png")
    boxes = {"sign.png": ("stop sign", [228, 78, 184, 184]), "clock.png": ("clock", [200, 100, 240, 240])}
    labels = {name: {"objects": [{"label": label, "box": box}]} for name, (label, box) in boxes.items()}
    (folder / "labels.json").write_text(json.dumps(labels))
    return str(folder)


@pytest.fixture
def blind(tmp_path: Path, models: Callable[[str], InstalledModel]) -> str:
    """A damaged detector as a lone file."""
    made = damaged.damaged(models("detector"), "model", tmp_path / "blind", damaged.not_numbers)
    return str(made.files["model"])
