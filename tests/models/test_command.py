"""The real command while something goes wrong with a pull: one line, its status, and the next pull goes on."""

from __future__ import annotations

import json
import resource
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from edge_assistant_models.portfolio import Portfolio
from edge_assistant_models.store import State

COMMAND = [sys.executable, "-m", "edge_assistant.cli.main", "models"]


def run(*arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*COMMAND, *arguments], capture_output=True, text=True, check=False, **options)


def error_line(done: subprocess.CompletedProcess[str]) -> str:
    """The last line, which is the only one that speaks of an error."""
    lines = done.stderr.splitlines()
    assert [line for line in lines if line.startswith("error:")] == lines[-1:]
    assert "Traceback" not in done.stderr
    return lines[-1]


def test_a_pull_and_what_is_shown_of_it(web: Any, catalog: Any, content: bytes) -> None:
    web.files["/model"] = content
    catalog.url("mine", f"{web.address}/model")
    done = run("pull", "--own", "mine", "--json")
    assert done.returncode == 0
    assert json.loads(done.stdout)["models"] == {"vad": "mine"}
    assert done.stderr.splitlines() == ["mine: model.bin from url 127.0.0.1", "mine is ready"]


def test_the_connection_is_cut_again_and_again(web: Any, catalog: Any, content: bytes) -> None:
    web.files["/model"], web.cuts = content, [3_000_000, 0, 0, 0]
    catalog.url("mine", f"{web.address}/model")
    done = run("pull", "--own", "mine")
    assert done.returncode == 4
    assert "url 127.0.0.1: the connection broke off after 3000000 of 5120000 bytes" in error_line(done)
    assert run("pull", "--own", "mine").returncode == 0
    assert web.seen[-1][1] == "bytes=3000000-"


def test_the_disk_is_full(web: Any, catalog: Any, content: bytes) -> None:
    web.files["/model"] = content
    catalog.url("mine", f"{web.address}/model")

    def small_files_only() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (2_500_000, 2_500_000))

    done = run("pull", "--own", "mine", preexec_fn=small_files_only)
    assert done.returncode == 6
    assert error_line(done).startswith("error: model.bin cannot be stored: the disk is full - free some space")
    assert Portfolio().state("mine") is State.PARTIAL
    assert run("pull", "--own", "mine").returncode == 0


def test_interrupted(web: Any, catalog: Any, content: bytes) -> None:
    web.files["/model"], web.delay_s = content, 30
    catalog.url("mine", f"{web.address}/model")
    process = subprocess.Popen([*COMMAND, "pull", "--own", "mine"], stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    assert process.stderr.readline() == "mine: model.bin from url 127.0.0.1\n"
    process.send_signal(signal.SIGINT)
    rest = process.stderr.read()
    process.stderr.close()
    assert process.wait(30) == 130
    assert rest.startswith("error: interrupted - ")
    web.stopped.set()
    assert run("pull", "--own", "mine").returncode == 0


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


def test_a_catalog_file_that_is_wrong_is_named(home: Path) -> None:
    (home / "catalog").mkdir()
    (home / "catalog" / "mine.toml").write_text("name = 1")
    done = run("list")
    assert done.returncode == 2
    assert error_line(done).startswith("error: catalog/mine.toml: 'name' must be a text")


def test_nothing_heavy_is_imported_to_list() -> None:
    script = (
        "import sys\nfrom edge_assistant.cli.main import main\nmain(['models', 'list'])\n"
        "heavy = {'onnx', 'onnxruntime', 'numpy', 'huggingface_hub', 'rich', 'filelock', 'http.client'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
