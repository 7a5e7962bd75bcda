"""A recipe with scripted steps and metrics, its model and its data."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest
from helpers.recipe_steps import LOG, METRICS, STEPS

from edge_assistant_quantize.candidate import Candidate
from edge_assistant_quantize.metrics import metric
from edge_assistant_quantize.progress import ignore
from edge_assistant_quantize.recipes import engine, loading, steps
from edge_assistant_quantize.record import Record

RECIPE = """
name = "small"
role = "detector"
speed = false
source = { path = "model" }
calibration = { path = "photos" }

[data]
photos = { path = "photos" }

[[metrics]]
metric = "length"
data = "photos"
at_least = 0.5

[[prepare]]
do = "shrink"
file = "model"
to = 90

[[variants]]
name = "half"
steps = [{ do = "shrink", to = 60 }]

[[variants]]
name = "tenth"
steps = [{ do = "shrink", to = 10 }]

[[variants]]
name = "searched"
steps = [{ do = "shrink", to = 30, search = true }, { do = "shrink", to = 85, calibrated = true }]
"""


@pytest.fixture
def scripted(monkeypatch):
    monkeypatch.setattr(metric, "all_metrics", lambda: METRICS)
    monkeypatch.setattr(steps, "STEPS", STEPS)


@dataclass(frozen=True)
class Place:
    """A recipe with its model and data."""

    folder: Path

    def run(self, output: str = "out", *changes: tuple[str, str], **options: object) -> Record:
        """Run the recipe with texts of it replaced."""
        text = RECIPE
        for old, new in changes:
            assert old in text
            text = text.replace(old, new)
        (self.folder / "small.toml").write_text(text)
        recipe = loading.load(str(self.folder / "small.toml"))
        return engine.run(recipe, self.folder / output, **{"threads": 1, "watch": ignore, **options})  # type: ignore[arg-type]

    def log(self) -> list[str]:
        """The steps that were done."""
        path = self.folder / "log"
        return path.read_text().splitlines() if path.exists() else []


@pytest.fixture
def place(scripted, tmp_path, monkeypatch) -> Place:
    monkeypatch.setenv(LOG, str(tmp_path / "log"))
    for name in ("model", "photos"):
        (tmp_path / name).mkdir()
    (tmp_path / "model" / "weights.gguf").write_bytes(bytes(range(100)))
    (tmp_path / "model" / "labels.txt").write_text("cat\n")
    files = {"model": "weights.gguf", "labels": "labels.txt"}
    Candidate("large", "detector", tmp_path / "model", files, {"size": 3}).write()
    (tmp_path / "photos" / "one.jpg").write_bytes(b"one")
    return Place(tmp_path)
