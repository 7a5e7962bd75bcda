"""Photographs and models for verbs that measure."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from helpers import damaged, drawings
from PIL import ImageChops

from edge_assistant_models.model import InstalledModel


@pytest.fixture
def stored(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The catalog's models."""
    monkeypatch.setenv("EDGE_ASSISTANT_MODELS", str(store))


@pytest.fixture
def photos(stored: None, tmp_path: Path) -> str:
    """Two labelled photographs."""
    return drawn(tmp_path / "photos", 1)


@pytest.fixture
def many_photos(stored: None, tmp_path: Path) -> str:
    """Enough photographs to decide by."""
    return drawn(tmp_path / "many", 10)


def drawn(folder: Path, count: int) -> str:
    """Signs and clocks, so many of each, moved by some pixels."""
    folder.mkdir()
    labels = {}
    for number in range(count):
        for name, label, draw, box in (
            ("sign", "stop sign", drawings.stop_sign, [228, 78, 184, 184]),
            ("clock", "clock", drawings.clock, [200, 100, 240, 240]),
        ):
            moved = ImageChops.offset(draw(), number, 0)
            moved.save(folder / f"{name}{number}.png")
            labels[f"{name}{number}.png"] = {"objects": [{"label": label, "box": [box[0] + number, *box[1:]]}]}
    (folder / "labels.json").write_text(json.dumps(labels))
    return str(folder)


@pytest.fixture
def blind(tmp_path: Path, models: Callable[[str], InstalledModel]) -> str:
    """A damaged detector as a lone file."""
    made = damaged.damaged(models("detector"), "model", tmp_path / "blind", damaged.not_numbers)
    return str(made.files["model"])
