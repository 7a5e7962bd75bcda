"""What tests need that search every file of a home."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest


@pytest.fixture
def temporary(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Temporary files lie in the home, too, and are searched with it."""
    (home / "tmp").mkdir()
    monkeypatch.setenv("TMPDIR", str(home / "tmp"))
    monkeypatch.setenv("SQLITE_TMPDIR", str(home / "tmp"))
    monkeypatch.setattr(tempfile, "tempdir", str(home / "tmp"))
