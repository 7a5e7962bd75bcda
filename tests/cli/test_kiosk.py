"""A kiosk's units: as written they are valid, expose little, and what hangs in them is killed and started anew."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers import scripted_resident, systemd

from edge_assistant.cli import _units
from edge_assistant.cli.main import main

pytest.importorskip("uvicorn")
TOKEN = "0123456789abcdef0123"
POLICY = '[serve]\naddresses = ["127.0.0.1"]\n'
SERVICES = (_units.MODELS_UNIT, _units.GATEWAY_UNIT, _units.RETENTION_UNIT)
CLIENT = """
import json, sys, urllib.error, urllib.request
body = json.dumps({"messages": [{"role": "user", "content": sys.argv[2]}]}).encode()
headers = {"Authorization": "Bearer " + sys.argv[1], "Content-Type": "application/json"}
try:
    got = urllib.request.urlopen(urllib.request.Request("http://127.0.0.1:8011/v1/chat/completions", body, headers))
except urllib.error.HTTPError as error:
    got = error
print(json.dumps([got.status, json.loads(got.read())]))
"""
boots = pytest.mark.skipif(bool(systemd.missing()), reason=systemd.missing())
analyzes = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed")


@pytest.fixture
def written(tmp_path: Path) -> Path:
    assert main(["kiosk", "install", "--output", str(tmp_path / "units")]) == 0
    return tmp_path / "units"


@analyzes
def test_the_units_are_valid_and_expose_little(written: Path) -> None:
    found = systemd.analyze("verify", *written.iterdir())
    assert (found.returncode, found.stderr) == (0, "")
    for name, most in zip(SERVICES, (15, 20, 15), strict=True):
        found = systemd.analyze("security", "--offline=true", f"--threshold={most}", written / name)
        assert found.returncode == 0, found.stdout
    weak = written / _units.MODELS_UNIT
    weak.write_text(weak.read_text().replace("CapabilityBoundingSet=\n", "").replace("PrivateNetwork=yes\n", ""))
    assert systemd.analyze("security", "--offline=true", "--threshold=15", weak).returncode != 0


def ask(manager: systemd.Booted, text: str) -> tuple[int, dict[str, object]]:
    """What the gateway says to a question."""
    status, said = json.loads(manager.run(sys.executable, "-c", CLIENT, TOKEN, text))
    return status, said


@pytest.fixture
def scripted(written: Path, tmp_path: Path) -> Iterator[systemd.Booted]:
    """The units with a resident that does what it is told, and a watchdog that bites soon."""
    units = {path.name: path.read_text() for path in written.iterdir()}
    begins = f"ExecStart={sys.executable} {scripted_resident.__file__} {_units.DATA} 0"
    units[f"{_units.MODELS_UNIT}.d/test.conf"] = systemd.dropin("WatchdogSec=4", "ExecStart=", begins)
    units[f"{_units.GATEWAY_UNIT}.d/test.conf"] = systemd.dropin("WatchdogSec=4")
    units[f"{_units.RETENTION_UNIT}.d/test.conf"] = systemd.dropin()
    with systemd.booted(tmp_path, units, {"edge-assistant/policy.toml": POLICY}, TOKEN) as manager:
        yield manager


@boots
def test_what_hangs_is_killed_and_started_anew_and_a_restart_is_no_end(scripted: systemd.Booted) -> None:
    first = scripted.until(_units.MODELS_UNIT, ActiveState="active")
    assert first["StatusText"] == "is ready"
    assert scripted.show(_units.GATEWAY_UNIT)["ActiveState"] == "inactive"
    status, said = ask(scripted, "note:alone")  # the socket starts the gateway, which finds the resident
    assert status == 200, said
    gateway = scripted.until(_units.GATEWAY_UNIT, ActiveState="active", StatusText="listens")
    # A visitor's question, after which the resident restarts; then one that hangs, while its other threads go on.
    status, said = ask(scripted, "say:begun\nlong")
    assert (status, said["error"]["code"]) == (500, "resident"), said
    second = scripted.until(_units.MODELS_UNIT, ActiveState="active", NRestarts="1", StatusText="is ready")
    assert second["MainPID"] != first["MainPID"]
    assert ask(scripted, "say:again")[0] == 200
    after = scripted.until(_units.MODELS_UNIT, ActiveState="active", StatusText="is ready")
    assert (after["MainPID"], after["NRestarts"]) == (second["MainPID"], "1"), "a restart by execve is no new service"
    # The gateway hangs, and the broker, its parent, does not.
    scripted.run("pkill", "-STOP", "-P", gateway["MainPID"])
    scripted.until(_units.GATEWAY_UNIT, NRestarts="1", ActiveState="active", StatusText="listens")
    assert ask(scripted, "say:again")[0] == 200
    command = (sys.executable, "-m", "edge_assistant.cli.main", "kiosk", "check", "--json")
    checks = {check["name"]: check for check in json.loads(scripted.run(*command, check=False))["checks"]}
    good = ("units", "policy", "key", "token", "address 127.0.0.1:8011", "edge-assistant-http.socket")
    assert [name for name in good if checks[name]["ok"] is not True] == []
    assert checks[_units.MODELS_UNIT]["found"] == "starts with the machine; active, is ready, 1 restarts"
