"""The real command while something goes wrong with a pull: one line, its status, and the next pull goes on."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

COMMAND = [sys.executable, "-m", "edge_assistant.cli.main", "models"]


def run(*arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*COMMAND, *arguments], capture_output=True, text=True, check=False, **options)


def error_line(done: subprocess.CompletedProcess[str]) -> str:
    """The last line, which is the only one that speaks of an error."""
    lines = done.stderr.splitlines()
    assert [line for line in lines if line.startswith("error:")] == lines[-1:]
    assert "Traceback" not in done.stderr
    return lines[-1]


def test_a_flipped_bit(catalog: Any, home: Path) -> None:
    catalog.file("mine")
    run("pull", "--own", "mine")
    path = home / "models" / "mine" / "model.bin"
    path.write_bytes(b"?" + path.read_bytes()[1:])
    done = run("verify")
    assert done.returncode == 4
    assert error_line(done) == "error: mine cannot be trusted - run 'edge-assistant models pull mine'"
    assert run("pull", "--own", "mine").returncode == 0
    assert run("verify").stdout == "mine: sound\n"


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        (["info", "nothing"], 2),
        (["import", "nothing.tar"], 3),
        (["verify", "silero-vad"], 4),
        (["pull", "--profil"], 2),
    ],
)
def test_one_line_and_a_status(arguments: list[str], status: int, tmp_path: Path) -> None:
    done = run(*arguments, cwd=tmp_path)
    assert done.returncode == status
    assert error_line(done)


def test_nothing_heavy_is_imported_to_list() -> None:
    script = (
        "import sys\nfrom edge_assistant.cli.main import main\nmain(['models', 'list'])\n"
        "heavy = {'onnx', 'onnxruntime', 'numpy', 'huggingface_hub', 'rich', 'filelock', 'http.client'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
