"""A model that a run has accepted, made in the test: a small ONNX file with its record."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path

import pytest
from helpers.looks import hits, weights
from helpers.records import record, variant
from msgspec.structs import replace

from edge_assistant_quantize import candidate as candidates
from edge_assistant_quantize import record as records
from edge_assistant_quantize.acceptance import looks, signature
from edge_assistant_quantize.candidate import Candidate
from edge_assistant_quantize.record import Bound, Criterion, ModelFile, ModelSums

RECIPE = """name = "ours"
source = { model = "silero-vad" }

[publish]
name = "ours-int8"
description = "ours in eight bits"
profiles = ["test"]
"""


@pytest.fixture(autouse=True)
def without_plots(monkeypatch: pytest.MonkeyPatch) -> None:
    """Plots are tested elsewhere, and take their time."""
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "matplotlib" else found(name))


@pytest.fixture(autouse=True)
def incumbent(home: Path, store: Path) -> None:
    """The model that is first in the profile `test` now."""
    (home / "models").mkdir(exist_ok=True)
    (home / "models" / "silero-vad").symlink_to(store / "silero-vad")


@pytest.fixture
def run_folder(tmp_path: Path) -> Path:
    """What a run leaves: `accepted/`, another form that was refused, and their record."""
    return made(tmp_path / "out")


@pytest.fixture
def make() -> Callable[[Path], Path]:
    """Makes such a folder elsewhere."""
    return made


def made(folder: Path, seed: int = 1, against: str = "silero-vad") -> Path:
    """A run's folder whose models hold the number `seed`, compared with the product's own, or another."""
    reference = candidates.find(against)
    sums, options = reference.sums(), reference.options
    forms = {"accepted": ("int8", seed, 0.81), "variants/refused": ("int4", seed + 100, 0.5)}
    variants, looked = [], []
    for place, (name, number, share) in forms.items():
        (folder / place).mkdir(parents=True)
        weights(folder / place / "model.onnx", number)
        model = Candidate("ours", "vad", folder / place, {"model": "model.onnx"}, {"rate": 16000})
        model.write()
        look, verdicts = looks.take(
            ModelSums(name, model.sums(), model.options),
            ModelSums("f32", sums, options, "silero-vad" * (against == "silero-vad")),
            [Criterion("presence", Bound.AT_MOST_WORSE, 0.05)],
            {"presence": hits("presence", share), "precision": hits("precision", 0.8)},
            {"presence": hits("presence", 0.8125), "precision": hits("precision", 0.8)},
            {"presence": "ab" * 32},
        )
        looked.append(look)
        files = {"model": ModelFile("model.onnx", model.bytes, model.sums()["model"])}
        variants.append(replace(variant(name, 1, share, accepted=True), files=files, verdicts=verdicts))
    found = record(name="ours", role="vad", recipe=RECIPE, variants=variants, chosen="int8", layers=[], looks=looked)
    records.write(signature.sign(found), folder / records.FILE)
    return folder
