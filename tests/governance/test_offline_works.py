"""What must go on under the lock and its bounds: sound, serial lines, devices that come and go, decoders, the bus."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from edge_assistant.governance.offline import seccomp

pytestmark = pytest.mark.skipif(seccomp.machine() is None, reason="the lock works on Linux on x86-64 and arm64 only")

LOCKS = """
import sys
from edge_assistant.governance.offline import bounds, lock
assert lock.engage() == lock.Lock(True)
bounds.keep([])
"""
TESTS = """
import pytest
sys.exit(pytest.main(["-q", "-p", "no:cacheprovider", "-p", "no:xdist", *sys.argv[1:]]))
"""
BUS = """
from jeepney.io.blocking import open_dbus_connection
with open_dbus_connection("SESSION") as bus:
    print(bus.unique_name)
"""


def locked(code: str, *arguments: str, prefix: tuple[str, ...] = (), **added: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    command = [*prefix, sys.executable, "-c", LOCKS + code, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=kept | added)


def test_devices_and_decoders_work_locked(pytestconfig: pytest.Config, store: Path) -> None:
    """Their own tests, in a process that is locked; models are covered by every test of a real command."""
    tests = [
        "devices/test_sound.py::TestServer::test_what_is_played_is_heard",
        "devices/test_readings.py",
        "devices/test_video4linux.py",
        "perception/test_audio.py::test_containers",
    ]
    ran = locked(
        TESTS, *(str(pytestconfig.rootpath / "tests" / test) for test in tests), EDGE_ASSISTANT_MODELS=str(store)
    )
    assert ran.returncode == 0, ran.stdout[-3000:]


@pytest.mark.skipif(shutil.which("dbus-run-session") is None, reason="D-Bus is not installed")
def test_the_bus_of_the_keyring_is_reached() -> None:
    pytest.importorskip("jeepney", reason="it comes with keyring on Linux")
    ran = locked(BUS, prefix=("dbus-run-session", "--"))
    assert ran.stdout.startswith(":"), ran.stderr
