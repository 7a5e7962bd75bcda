"""The session of MCP Inspector's CLI that docs/mcp.md shows, again."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import mcp_inspector
import pytest
from helpers import plain_model
from helpers.platforms import needs_lock

pytest.importorskip("mcp")
pytestmark = [
    needs_lock,
    pytest.mark.skipif(
        shutil.which("node") is None or not mcp_inspector.PROGRAM.exists(),
        reason="there is no Node, or tools/mcp_inspector.py has not brought the Inspector into the cache yet",
    ),
]


def test_the_session_is_the_one_that_is_shown(
    store: Path, pytestconfig: pytest.Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain_model.use(monkeypatch)
    monkeypatch.delenv("EDGE_ASSISTANT_HOME")  # the cache that has the Inspector is the machine's
    monkeypatch.setenv("EDGE_ASSISTANT_MODELS", str(store))
    monkeypatch.setenv("EDGE_ASSISTANT_PROFILE", "test")
    ran = subprocess.run(
        [sys.executable, mcp_inspector.__file__], env=dict(os.environ), capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr
    page = (pytestconfig.rootpath / "docs" / "mcp.md").read_text("utf-8")
    shown = page.partition("## A session")[2].partition(":\n\n")[2]
    assert ran.stdout == textwrap.dedent(shown)
