"""The demo's three questions with the models that the demo uses: what the README promises is what is said."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DEMO = re.findall(r'\$\(BIN\)/edge-assistant (ask ".*)', (ROOT / "Makefile").read_text().partition("\ntest:")[0])
EXPECTED = {
    "allergic": ("conflict", {"none", "penicillin"}, {"image:1", "audio:1"}),
    "limit": ("supported", {"2025-03-14 18:40"}, {"readings:1", "text:1"}),
    "amount": ("supported", {"42.00"}, {"image:1", "audio:1"}),
}


@pytest.mark.bench
@pytest.mark.parametrize("word", EXPECTED)
def test_a_question_of_the_demo_is_answered_right(word: str, store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDGE_ASSISTANT_MODELS", str(store))
    (command,) = [line for line in DEMO if word in line]
    run = [sys.executable, "-m", "edge_assistant.cli.main", *shlex.split(command), "--profile", "starter", "--json"]
    done = subprocess.run(run, cwd=ROOT, capture_output=True, check=True, timeout=300)
    answer = json.loads(done.stdout)
    status, values, signals = EXPECTED[word]
    assert answer["status"] == status
    (verdict,) = answer["verdicts"]
    assert {told["value"] for told in verdict["values"]} == values
    by_id = {item["id"]: item["signal"] for item in answer["evidence"]}
    assert {by_id[id] for id in answer["citations"]} == signals
