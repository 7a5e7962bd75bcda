"""`doctor`: ready or not, as text and as JSON."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers.commands import Command, Here

from edge_assistant.governance.offline import lock


@pytest.fixture(autouse=True)
def locked(monkeypatch: pytest.MonkeyPatch) -> None:
    """This process, as the command's own would be."""
    monkeypatch.setattr(lock, "state", lambda: lock.OfflineLock(True))


def test_ready(command: Command) -> None:
    ran = command("doctor")
    assert ran.status == 0
    assert ran.out.endswith("\nready\n")
    assert "ok       model for language: smollm2-135m-instruct-q4_1, installed" in ran.out
    assert "missing  " not in ran.out


def test_a_model_is_missing(here: Here, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDGE_ASSISTANT_MODELS", str(home / "none"))
    ran = here("doctor")
    assert ran.status == 1
    line = next(line for line in ran.out.splitlines() if "model for language" in line)
    assert line.startswith("missing  ")
    assert line.endswith(" - edge-assistant models pull --profile test")
    assert ran.out.endswith("not ready: do what stands behind 'missing' above\n")
    assert "without  model for detector" in ran.out
    (line,) = (line for line in here("doctor", "--profile", "starter").out.splitlines() if "model for voice" in line)
    assert line.startswith("without  ")
    assert line.endswith(" - edge-assistant models pull piper-en-us-joe-medium")


@pytest.mark.parametrize("ready", [True, False])
def test_as_json(here: Here, ready: bool, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if not ready:
        monkeypatch.setenv("EDGE_ASSISTANT_MODELS", str(home / "none"))
    ran = here("doctor", "--json", "--profile", "test")
    report = ran.object
    assert (ran.status, ran.err, report["ready"]) == (0 if ready else 1, "", ready)
    names = {check["name"] for check in report["checks"]}
    assert {"python", "machine", "cores", "model for language"} <= names
    assert {f"folder for {what}" for what in ("models", "data", "state")} <= names
    assert all(check.keys() == {"name", "ok", "found", "hint"} for check in report["checks"])
    assert all(check["hint"] for check in report["checks"] if check["ok"] is False)


def test_a_broken_catalog(here: Here, home: Path) -> None:
    (home / "catalog").mkdir()
    (home / "catalog" / "mine.toml").write_text("name = ")
    ran = here("doctor")
    assert (ran.status, ran.err) == (1, "")
    line = next(line for line in ran.out.splitlines() if line.startswith("missing"))
    assert line.startswith("missing  catalog: catalog/mine.toml")
    assert line.endswith(" - correct the file or remove it")
    assert "folder for models" in ran.out
