"""Every line of curl in docs/api.md, run as it stands there."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from helpers.gateways import TOKEN, Gateway
from helpers.platforms import needs_lock

pytestmark = [needs_lock, pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")]
PAGE = Path(__file__).parents[2] / "docs" / "api.md"
LINES = re.findall(r"`(curl [^`]+)`", PAGE.read_text("utf-8"))


@pytest.mark.parametrize("line", LINES, ids=range(len(LINES)))
def test_a_line_does_what_it_says(gateway: Gateway, line: str, tmp_path: Path) -> None:
    (tmp_path / "examples").symlink_to(PAGE.parents[1] / "examples")
    there = {**os.environ, "URL": f"http://127.0.0.1:{gateway.port}", "TOKEN": TOKEN}
    ran = subprocess.run(["sh", "-c", line], cwd=tmp_path, env=there, capture_output=True, check=False)
    assert ran.returncode == 0, ran.stderr
    speech = tmp_path / "speech.wav"
    if speech.exists():
        assert speech.read_bytes()[:4] == b"RIFF"
    else:
        assert "error" not in json.loads(ran.stdout.strip().rpartition(b"data: ")[2])


def test_every_endpoint_has_a_line() -> None:
    assert len(LINES) == 10
