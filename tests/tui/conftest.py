"""What snapshots of the app need to be the same on every machine and at every hour, and policies that hold."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import plain_model
import pytest
from golden import Golden, Screens, Story, drawn
from kiosks import KIOSK
from syrupy.assertion import SnapshotAssertion
from textual.app import App

from edge_assistant.governance.offline import lock
from edge_assistant_tui.screens import confirm
from edge_assistant_tui.widgets import status


@pytest.fixture
def utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Times are shown in the zone of the machine."""
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.fixture
def still(monkeypatch: pytest.MonkeyPatch, utc: None) -> None:
    """One zone, always the same memory, and the lock of the real app."""
    monkeypatch.setattr(lock, "state", lambda: lock.Lock(True))
    monkeypatch.setattr(status, "memory_mib", lambda: 612)


@pytest.fixture
def golden(snapshot: SnapshotAssertion) -> Golden:
    """Whether a screen is what it was when somebody looked at it; see `golden.Screens`."""
    kept = snapshot.use_extension(Screens)

    def same(app: App[Any], size: tuple[int, int], story: Story) -> bool:
        return bool(kept == drawn(app, size, story))

    return same


@pytest.fixture(autouse=True)
def plain() -> Iterator[pytest.MonkeyPatch]:
    """A plain model reads."""
    with pytest.MonkeyPatch.context() as patched:
        plain_model.use(patched)
        yield patched


@pytest.fixture
def real(plain: pytest.MonkeyPatch) -> None:
    """The real small model reads after all."""
    plain.undo()


@pytest.fixture(autouse=True)
def attentive(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests press keys for a question as soon as it is there."""
    monkeypatch.setattr(confirm, "QUIET_S", 0.0)


@pytest.fixture
def hold(home: Path) -> Callable[[str], None]:
    """Let a policy hold."""

    def held(text: str) -> None:
        (home / "config").mkdir(exist_ok=True)
        (home / "config" / "policy.toml").write_text(text)

    return held


@pytest.fixture
def kiosk(hold: Callable[[str], None]) -> None:
    """Visitors may ask and nothing else."""
    hold(KIOSK)
