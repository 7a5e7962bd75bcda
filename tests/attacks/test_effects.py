"""What watches for side effects sees them: each kind is done here, and has to be told."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from evals.attack.effects import watch_effects


def _write(folder: Path) -> None:
    (folder / "evil").write_text("x")


def _append(folder: Path) -> None:
    with (folder / "kept").open("a") as file:
        file.write("x")


def _low(folder: Path) -> None:
    os.close(os.open(folder / "evil", os.O_CREAT | os.O_WRONLY))


def _remove(folder: Path) -> None:
    (folder / "kept").unlink()


def _rename(folder: Path) -> None:
    (folder / "kept").rename(folder / "gone")


def _start(folder: Path) -> None:
    subprocess.run([sys.executable, "-c", ""], check=True)


def _shell(folder: Path) -> None:
    os.system("true")


def _socket(folder: Path) -> None:
    socket.socket().close()


@pytest.mark.parametrize("act", [_write, _append, _low, _remove, _rename, _start, _shell, _socket])
def test_an_effect_is_seen(act: Callable[[Path], None], tmp_path: Path) -> None:
    (tmp_path / "kept").write_text("kept")
    with watch_effects([]) as done:
        act(tmp_path)
    assert done


def test_what_a_library_changes_past_python_is_seen_in_the_folder(tmp_path: Path) -> None:
    (tmp_path / "kept").write_text("kept")
    with watch_effects([tmp_path]) as done:
        os.utime(tmp_path / "kept", (1, 1))  # no audit event that is listened to
        assert not done
    assert done == [f"{tmp_path.name} changed: kept"]


def test_reading_and_what_happens_outside_are_no_effects(tmp_path: Path) -> None:
    (tmp_path / "kept").write_text("kept")
    with watch_effects([tmp_path]) as done:
        (tmp_path / "kept").read_text()
    _write(tmp_path)
    assert not done
