"""The bench of the gateway: what it measures, and what it says of it."""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path

import pytest
from helpers import plain_model
from helpers.commands import Command
from helpers.platforms import needs_lock

from evals import serve

pytest.importorskip("uvicorn")
pytestmark = needs_lock
GOOD = serve.GatewayFigures(100.0, 15.0, 1.0, 1.05, 9.0)


def test_a_figure_over_its_bound_is_named() -> None:
    assert GOOD.misses == []
    assert replace(GOOD, question_more_ms=15.1, clients_times=9.1).misses == ["question_more_ms", "clients_times"]
    assert replace(GOOD, transcription_times=1.06).misses == ["transcription_times"]


def test_a_locked_process_says_that_it_cannot_be_a_client(home: Path, tmp_path: Path) -> None:
    ran = Command(tmp_path)("bench", "serve")
    assert ran.status == 2
    assert "--no-lock bench serve" in ran.err


def test_all_figures_are_measured_in_one_run(
    home: Path,
    store: Path,
    pytestconfig: pytest.Config,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    plain_model.use(monkeypatch)
    monkeypatch.setenv("EDGE_ASSISTANT_MODELS", str(store))
    monkeypatch.setattr(serve, "_ROUNDS", 1)
    audio = pytestconfig.rootpath / "tests" / "fixtures" / "speech" / "allergies.wav"
    args = argparse.Namespace(questions=2, transcriptions=2, profile="test", audio=audio, json=True)
    status = serve.run(args)
    found = json.loads(capsys.readouterr().out)
    assert status == bool(found["misses"])
    assert found["question_ms"] > 0
    assert found["transcription_s"] > 0.05  # it is heard anew each time
    assert found["clients_times"] > 1
