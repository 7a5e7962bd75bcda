"""The `llm` command, unchanged, with a picture, a recording and a schema; it knows no model but the gateway's."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from helpers.gateways import TOKEN, Gateway
from helpers.platforms import needs_lock

pytestmark = needs_lock
EXAMPLES = Path(__file__).parents[2] / "examples"
MODEL = """
- model_id: edge
  model_name: edge
  api_base: http://127.0.0.1:{port}/v1
  api_key_name: edge
  vision: true
  audio: true
  supports_schema: true
"""


@pytest.fixture
def llm(gateway: Gateway, tmp_path: Path) -> Path:
    (tmp_path / "extra-openai-models.yaml").write_text(MODEL.format(port=gateway.port))
    (tmp_path / "keys.json").write_text(json.dumps({"edge": TOKEN}))
    return tmp_path


def asked(home: Path, *words: str | Path) -> str:
    line = [sys.executable, "-m", "llm", "-m", "edge", "--no-log", *words]
    ran = subprocess.run(line, env={**os.environ, "LLM_USER_PATH": str(home)}, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def test_a_picture_and_a_recording_contradict_each_other(llm: Path) -> None:
    files = ["-a", EXAMPLES / "clinic" / "form.jpg", "-a", EXAMPLES / "clinic" / "note.wav"]
    said = asked(llm, *files, "Which allergies are known?")
    assert "contradict each other" in said
    assert "penicillin" in said
    sources = said.partition("\n\n")[2]
    assert "picture 1.jpeg" in sources
    assert "recording 2.wav" in sources


def test_a_schema_is_filled_from_what_is_told_without_a_stream_too(llm: Path) -> None:
    said = asked(llm, "--no-stream", "--schema", "allergies str", "Allergies: latex. Which allergies are known?")
    assert json.loads(said) == {"allergies": "latex"}


def test_a_schema_is_filled_from_a_picture_and_a_recording(llm: Path) -> None:
    files = ["-a", EXAMPLES / "expense" / "receipt.jpg", "-a", EXAMPLES / "expense" / "claim.wav"]
    said = asked(llm, "--schema", "total float", *files, "What was the total?")
    assert json.loads(said) == {"total": 42.0}
