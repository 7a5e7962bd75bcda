"""Tests are sealed from the machine they run on."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from edge_assistant_models import paths


def test_sockets_do_not_leave_this_machine() -> None:
    for family, address in ((socket.AF_INET, ("192.0.2.1", 80)), (socket.AF_INET6, ("2001:db8::1", 80))):
        with socket.socket(family) as outside, pytest.raises(OSError, match="a test may not connect"):
            outside.connect(address)
    with pytest.raises(OSError, match="a test may not connect"):
        socket.create_connection(("192.0.2.1", 80), timeout=1)


def test_models_that_all_tests_share_are_not_changed_by_a_link(store: Path, tmp_path: Path) -> None:
    file = next(path for path in store.rglob("*") if path.is_file())
    before = file.stat()
    with pytest.raises(OSError, match="a test may not link"):
        (tmp_path / "link").hardlink_to(file)
    assert file.stat().st_ctime_ns == before.st_ctime_ns
    (tmp_path / "mine").write_bytes(b"")
    (tmp_path / "link").hardlink_to(tmp_path / "mine")


def test_every_test_has_a_home_of_its_own(home: Path) -> None:
    assert paths.data_dir() == home
    assert paths.models_dir() == home / "models"
    there = sorted(path.relative_to(home).as_posix() for path in home.glob("*/*"))
    assert there == ["cache/embeddings"]
    assert [path.name for path in home.iterdir()] == ["cache"]


def test_one_variable_moves_every_folder_and_the_store_may_lie_elsewhere(
    home: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for kind in ("config", "state", "cache"):
        assert getattr(paths, f"{kind}_dir")() == home / kind
    monkeypatch.setenv("EDGE_ASSISTANT_MODELS", str(tmp_path))
    assert paths.models_dir() == tmp_path


def test_without_a_variable_the_platform_decides(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("EDGE_ASSISTANT_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert paths.data_dir().name == "edge-assistant"
    assert paths.data_dir().is_relative_to(tmp_path)


def test_a_package_client_that_a_test_starts_has_no_registry() -> None:
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "six"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "No matching distribution" in done.stderr
