"""Photographs and models for verbs that measure."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from helpers import damaged, drawings, forked
from numpy.typing import NDArray

from edge_assistant.compute.runtime import Runtime
from edge_assistant.perception import detectors
from edge_assistant.perception.detectors import Detection, Detector
from edge_assistant_models.model import InstalledModel
from edge_assistant_quantize.candidate import sha256_of

_SEEN: dict[tuple[str, bytes, float | None], list[Detection]] = {}


@pytest.fixture
def stored(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The catalog's models."""
    monkeypatch.setenv("EDGE_ASSISTANT_MODELS", str(store))


@pytest.fixture
def workers(monkeypatch: pytest.MonkeyPatch) -> None:
    """The processes that measure memory are forked; that of a recipe in `export/` is started as for a person."""
    forked.use(monkeypatch, torch=False)


@pytest.fixture
def photos(stored: None, tmp_path: Path) -> str:
    """Two labelled photographs."""
    return drawings.labelled(tmp_path / "photos", 1)


@pytest.fixture
def remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a detector sees in a picture is computed once for all tests, which are about what is made of it."""
    opened = detectors.open_detector

    def open_detector(model: InstalledModel, runtime: Runtime) -> Detector:
        detector = opened(model, runtime)
        detect, model_sum = detector.detect, sha256_of(model.files["model"])

        def seen(rgb: NDArray[np.uint8], down_to: float | None = None) -> list[Detection]:
            key = model_sum, hashlib.sha256(rgb.tobytes()).digest(), down_to
            if key not in _SEEN:
                _SEEN[key] = detect(rgb, down_to)
            return _SEEN[key]

        monkeypatch.setattr(detector, "detect", seen)
        return detector

    monkeypatch.setattr(detectors, "open_detector", open_detector)


@pytest.fixture
def many_photos(stored: None, remembered: None, tmp_path: Path) -> str:
    """Enough photographs to decide by."""
    return drawings.labelled(tmp_path / "many", 10)


@pytest.fixture
def blind(tmp_path: Path, models: Callable[[str], InstalledModel]) -> str:
    """A damaged detector as a lone file."""
    made = damaged.damaged(models("detector"), "model", tmp_path / "blind", damaged.not_numbers)
    return str(made.files["model"])
