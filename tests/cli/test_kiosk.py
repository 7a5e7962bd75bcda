"""A kiosk's units: as written they are valid, expose little, and what hangs in them is killed and started anew."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers import scripted_resident, systemd

from edge_assistant.cli import _units, kiosk
from edge_assistant.cli.main import main
from edge_assistant.governance.policy import policy
from edge_assistant.session.health import DoctorCheck

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
# As docs/kiosk.md shows the figures to a collector of another user
COLLECTOR = """
[Unit]
DefaultDependencies=no
[Service]
Type=oneshot
User=nobody
BindReadOnlyPaths=/run/private/edge-assistant/metrics:/run/edge-assistant-metrics
ExecStart=/bin/grep -q "^edge_assistant_starts_total 2$" /run/edge-assistant-metrics/edge_assistant.prom
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
    units["collector.service"] = COLLECTOR
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
    status, said = ask(scripted, "long")
    assert (status, said["error"]["code"]) == (500, "resident"), said
    second = scripted.until(_units.MODELS_UNIT, ActiveState="active", NRestarts="1", StatusText="is ready")
    assert second["MainPID"] != first["MainPID"]
    assert ask(scripted, "say:again")[0] == 200
    after = scripted.until(_units.MODELS_UNIT, ActiveState="active", StatusText="is ready")
    assert (after["MainPID"], after["NRestarts"]) == (second["MainPID"], "1"), "a restart by execve is no new service"
    scripted.run("systemctl", "start", "collector.service")
    # The gateway hangs, and the broker, its parent, does not.
    scripted.run("pkill", "-STOP", "-P", gateway["MainPID"])
    scripted.until(_units.GATEWAY_UNIT, NRestarts="1", ActiveState="active", StatusText="listens")
    assert ask(scripted, "say:again")[0] == 200
    command = (sys.executable, "-m", "edge_assistant.cli.main", "kiosk", "check", "--json")
    checks = {check["name"]: check for check in json.loads(scripted.run(*command, check=False))["checks"]}
    good = ("units", "policy", "key", "token", "address 127.0.0.1:8011", "edge-assistant-http.socket")
    assert [name for name in good if checks[name]["ok"] is not True] == []
    assert checks[_units.MODELS_UNIT]["found"] == "starts with the machine; active, is ready, 1 restarts"


@pytest.mark.bench
@boots
def test_the_real_models_answer_through_the_gateway(written: Path, tmp_path: Path, store: Path) -> None:
    units = {path.name: path.read_text() for path in written.iterdir()}
    real = f"Environment=EDGE_ASSISTANT_PROFILE=test EDGE_ASSISTANT_MODELS={store}"
    for name in SERVICES:
        units[f"{name}.d/test.conf"] = systemd.dropin(real, needed=(store,))
    with systemd.booted(tmp_path, units, {"edge-assistant/policy.toml": POLICY}, TOKEN, store) as manager:
        manager.until(_units.MODELS_UNIT, ActiveState="active", StatusText="is ready")
        status, said = ask(manager, "Allergies: latex. Which allergies are known?")
        assert (status, said["object"]) == (200, "chat.completion")
        manager.run("systemctl", "start", _units.RETENTION_UNIT)
        files = manager.run("find", _units.DATA_OF_USER).split()
        assert f"{_units.DATA_OF_USER}/keys/keys.db" in files
        assert not [file for file in files if file.endswith(("master.key", "keyring"))], "the key is systemd's"


@pytest.fixture
def elsewhere(tmp_path: Path, written: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in which everything is looked for."""
    monkeypatch.setattr(kiosk, "SYSTEM_UNITS", written)
    monkeypatch.setattr(policy, "SYSTEM", tmp_path / "policy.toml")
    for name in ("MASTER", "TOKEN", "DATA", "MODELS", "CONFIG"):
        monkeypatch.setattr(_units, name, str(tmp_path / name.lower()))
    monkeypatch.setattr(kiosk, "_HINTS", {_units.MASTER: "make the key", _units.TOKEN: "make the token"})
    monkeypatch.setenv("EDGE_ASSISTANT_HOME", "")  # which the verb sets, and the test's end sets back
    monkeypatch.setenv("EDGE_ASSISTANT_MODELS", "")
    return tmp_path


def found(capsys: pytest.CaptureFixture[str], status: int) -> dict[str, DoctorCheck]:
    capsys.readouterr()
    assert main(["kiosk", "check", "--json"]) == status
    return {check["name"]: DoctorCheck(**check) for check in json.loads(capsys.readouterr().out)["checks"]}


def test_what_is_missing_is_said_line_by_line(elsewhere: Path, capsys: pytest.CaptureFixture[str]) -> None:
    checks = found(capsys, 1)
    assert {name for name in ("policy", "key", "token", "model for language") if checks[name].ok is False} == {
        "policy", "key", "token", "model for language",
    }  # fmt: skip
    assert checks["key"].hint == "make the key"
    assert checks["model for language"].hint.startswith(
        f"EDGE_ASSISTANT_MODELS={elsewhere}/models edge-assistant models"
    )
    assert checks[_units.MODELS_UNIT].hint == f"systemctl enable --now {_units.MODELS_UNIT}"
    (elsewhere / "policy.toml").write_text('[serve]\naddresses = ["::1"]\n')
    (elsewhere / "master").touch()
    checks = found(capsys, 1)
    assert (checks["key"].ok, checks["policy"].ok, checks["token"].ok) == (True, True, False)
    assert checks["address 127.0.0.1:8011"].found == "the policy refuses: no gateway on 127.0.0.1 (serve.addresses)"
    (elsewhere / "policy.toml").write_text("[serv]\n")
    assert found(capsys, 1)["policy"].found.startswith("unknown key serv")
    (elsewhere / "units" / _units.TIMER_UNIT).unlink()
    assert found(capsys, 1)["units"].found == f"{_units.TIMER_UNIT} not in {elsewhere}/units"


def test_the_clock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kiosk, "_SYNCHRONIZED", tmp_path / "synchronized")
    monkeypatch.setattr(kiosk, "_HARDWARE_CLOCK", tmp_path / "rtc0")
    assert kiosk.clock().ok is None
    (tmp_path / "rtc0").touch()
    assert kiosk.clock().found.endswith("kept by a clock with a battery")
    (tmp_path / "synchronized").touch()
    assert kiosk.clock().found.endswith("set over the network")
    monkeypatch.setattr(kiosk.time, "time", lambda: 0.0)
    assert kiosk.clock().ok is False


def test_an_address_that_is_none_and_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    assert main(["kiosk", "install", "--http", "8011", "--output", str(tmp_path / "units")]) == 2
    assert not (tmp_path / "units").exists()
    (tmp_path / "file").touch()
    assert main(["kiosk", "install", "--output", str(tmp_path / "file")]) == 6


def test_only_groups_of_this_machine_are_joined() -> None:
    unit = _units.units({"http": "127.0.0.1:8011"}, ["video"])[_units.MODELS_UNIT]
    assert "SupplementaryGroups=video\n" in unit
    assert "char-alsa" not in unit
    assert "SupplementaryGroups" not in _units.units({}, [])[_units.MODELS_UNIT]
