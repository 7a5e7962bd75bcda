"""What watches for side effects sees them: each kind is done here, and has to be told."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from evals.attack.effects import watched

EFFECTS: dict[str, Callable[[Path], object]] = {
    "write": lambda folder: (folder / "evil").write_text("x"),
    "append": lambda folder: (folder / "kept").open("a").close(),
    "descriptor": lambda folder: os.close(os.open(folder / "evil", os.O_CREAT | os.O_WRONLY)),
    "remove": lambda folder: (folder / "kept").unlink(),
    "rename": lambda folder: (folder / "kept").rename(folder / "gone"),
    "start": lambda folder: subprocess.run([sys.executable, "-c", ""], check=True),
    "shell": lambda folder: os.system("true"),
    "socket": lambda folder: socket.socket().close(),
}


@pytest.mark.parametrize("effect", EFFECTS)
def test_an_effect_is_seen(effect: str, tmp_path: Path) -> None:
    (tmp_path / "kept").write_text("kept")
    with watched([]) as done:
        EFFECTS[effect](tmp_path)
    assert done


def test_only_changes_within_are_effects_whatever_made_them(tmp_path: Path) -> None:
    (tmp_path / "kept").write_text("kept")
    with watched([tmp_path]) as done:
        os.utime(tmp_path / "kept", (1, 1))  # past Python: no audit event that is listened to
        assert not done
    assert done == [f"{tmp_path.name} changed: kept"]
    with watched([tmp_path]) as done:
        (tmp_path / "kept").read_text()
    (tmp_path / "evil").write_text("x")
    assert not done
