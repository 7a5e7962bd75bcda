"""What snapshots of the app need to be the same on every machine and at every hour."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

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
    """One zone, and always the same memory."""
    monkeypatch.setattr(status, "memory_mib", lambda: 612)
