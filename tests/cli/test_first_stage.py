"""Code that packages have Python run at its start, in a real environment with a `.pth` file."""

from __future__ import annotations

import errno
import json
import subprocess
import sysconfig
import venv
from pathlib import Path

import pytest
from helpers import webserver
from helpers.platforms import needs_lock

import edge_assistant
import edge_assistant_models
from edge_assistant.cli import _first_stage

pytestmark = needs_lock

COMMAND = ["-P", "-m", "edge_assistant.cli.main"]
FIRST_STAGE = ["-I", "-S", _first_stage.__file__]

# A child, as it would outlive the moment; it is waited for, so that the test knows what became of it.
EVIL = """
import os, urllib.request
if os.fork() == 0:
    try:
        urllib.request.urlopen({address!r} + "/secret")
    except OSError as error:
        with open({said!r}, "w") as file:
            file.write(str(getattr(getattr(error, "reason", error), "errno", error)))
    os._exit(0)
os.wait()
"""


@pytest.fixture
def python(tmp_path: Path) -> Path:
    """An environment that has this one's packages."""
    environment = tmp_path / "environment"
    venv.create(environment, symlinks=True)
    places = [Path(module.__file__ or "").parents[1] for module in (edge_assistant, edge_assistant_models)]
    (_packages(environment) / "these.pth").write_text("\n".join(map(str, [*places, sysconfig.get_path("purelib")])))
    return environment / "bin" / "python"


def _packages(environment: Path) -> Path:
    (found,) = environment.glob("lib/python*/site-packages")
    return found


@pytest.mark.parametrize(("start", "seen", "told"), [(COMMAND, 1, None), (FIRST_STAGE, 0, str(errno.EACCES))])
def test_a_package_runs_code_at_the_start_of_python(
    python: Path, tmp_path: Path, start: list[str], seen: int, told: str | None
) -> None:
    """Before the lock, as docs/offline.md says; under it where the first stage sets it."""
    said = tmp_path / "said"
    with webserver.serving() as outside:
        outside.files["/secret"] = b"more"
        (_packages(python.parents[1]) / "evil.py").write_text(EVIL.format(address=outside.address, said=str(said)))
        (_packages(python.parents[1]) / "evil.pth").write_text("import evil\n")
        ran = subprocess.run([python, *start, "models", "list", "--json"], capture_output=True, text=True, check=True)
    assert json.loads(ran.stdout)["models"]
    assert ran.stderr == ""
    assert len(outside.seen) == seen
    assert (said.read_text() if said.exists() else None) == told


def test_the_first_stage_is_the_command(python: Path) -> None:
    """Its lock is proven as the command's own, and what it says of a wrong line is the same."""
    proven = subprocess.run(
        [python, *FIRST_STAGE, "doctor", "--prove-offline", "--json"], capture_output=True, text=True, check=True
    )
    assert json.loads(proven.stdout)["offline"] is True
    wrong = [
        subprocess.run([python, *start, "asc"], capture_output=True, text=True) for start in (COMMAND, FIRST_STAGE)
    ]
    assert [ran.returncode for ran in wrong] == [2, 2]
    assert wrong[0].stderr == wrong[1].stderr
