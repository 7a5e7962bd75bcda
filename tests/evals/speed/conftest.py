"""What a part is measured with in a test: the profile of tests, over an example of the clinic."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from edge_assistant.core.signals import Kind
from edge_assistant_models.portfolio import Portfolio
from evals.speed import process
from evals.speed.part import QUESTION, Setting

CLINIC = Path(__file__).parents[3] / "examples" / "clinic"


@pytest.fixture
def setting(tmp_path: Path, store: Path, monkeypatch: pytest.MonkeyPatch, steps: list[float]) -> Setting:
    """One repeat of everything, quick."""
    monkeypatch.setenv("EDGE_ASSISTANT_MODELS", str(store))
    signals = ((Kind.IMAGE, str(CLINIC / "form.jpg")), (Kind.AUDIO, str(CLINIC / "note.wav")))
    return Setting(Portfolio(store), "test", QUESTION, signals, 1, True, tmp_path, None, steps.append)


@pytest.fixture
def steps() -> list[float]:
    """What a part told of how far it is."""
    return []


@pytest.fixture
def at_home(setting: Setting) -> Callable[[], None]:
    """The setting's home holds while the test runs."""
    with process.temporary_home(setting.folder):
        yield process.clear_caches
