"""A kiosk's units: as written they are valid, expose little, and what hangs in them is killed and started anew."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from helpers import kiosks, scripted_resident, systemd
from helpers.kiosks import Kiosk

from edge_assistant.cli import _units, kiosk
from edge_assistant.cli.main import main
from edge_assistant.governance.policy import policy
from edge_assistant.serve import calls, messages
from edge_assistant.session.health import DoctorCheck

pytest.importorskip("uvicorn")
MCP, WYOMING = 8012, 10_300
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
analyzes = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed")


@pytest.fixture
def written(tmp_path: Path) -> Path:
    more = ["--mcp", f"127.0.0.1:{MCP}", "--wyoming", f"127.0.0.1:{WYOMING}"]
    assert main(["kiosk", "install", "--output", str(tmp_path / "units"), *more]) == 0
    return tmp_path / "units"


@analyzes
def test_the_units_are_valid_and_expose_little(written: Path) -> None:
    (written / _units.SCREEN_UNIT).write_text(_units.units({}, ["audio", "video"], "tty1")[_units.SCREEN_UNIT])
    found = systemd.analyze("verify", *written.iterdir())
    assert (found.returncode, found.stderr) == (0, "")
    for name in _units.SERVICES:
        found = systemd.analyze("security", "--offline=true", "--threshold=5", written / name)  # 0.5 of 10
        assert found.returncode == 0, found.stdout
    weak = written / _units.MODELS_UNIT
    weak.write_text(weak.read_text().replace("CapabilityBoundingSet=\n", "").replace("PrivateNetwork=yes\n", ""))
    assert systemd.analyze("security", "--offline=true", "--threshold=5", weak).returncode != 0


def ask(manager: systemd.Booted, text: str) -> tuple[int, dict[str, Any]]:
    """What the gateway says to a question."""
    return Kiosk(manager).ask(json.dumps({"messages": [{"role": "user", "content": text}]}).encode())


@pytest.fixture
def scripted(written: Path, tmp_path: Path) -> Iterator[systemd.Booted]:
    """The units with a resident that does what it is told, and a watchdog that bites soon."""
    units = {path.name: path.read_text() for path in written.iterdir()}
    begins = f"ExecStart={sys.executable} {scripted_resident.__file__} {_units.DATA} 0"
    units[f"{_units.MODELS_UNIT}.d/test.conf"] = systemd.dropin("WatchdogSec=10", "ExecStart=", begins)
    units[f"{_units.GATEWAY_UNIT}.d/test.conf"] = systemd.dropin("WatchdogSec=10")
    units[f"{_units.RETENTION_UNIT}.d/test.conf"] = systemd.dropin()
    units["collector.service"] = COLLECTOR
    absent = units["edge-assistant-mcp.socket"].replace("127.0.0.1", "192.0.2.7").replace("=mcp", "=late")
    units["late.socket"] = absent  # its address is brought by a network that is not there yet
    with systemd.booted(tmp_path, units, {"edge-assistant/policy.toml": kiosks.POLICY}, kiosks.TOKEN) as manager:
        yield manager


@pytest.mark.usefixtures("boots")
def test_what_hangs_is_killed_and_started_anew_and_a_restart_is_no_end(scripted: systemd.Booted) -> None:
    first = scripted.until(_units.MODELS_UNIT, ActiveState="active")
    assert first["StatusText"] == "is ready"
    assert scripted.show(_units.GATEWAY_UNIT)["ActiveState"] == "inactive"
    assert scripted.show("late.socket")["ActiveState"] == "active"
    status, said = ask(scripted, "note:alone")  # the socket starts the gateway, which finds the resident
    assert status == 200, said
    gateway = scripted.until(_units.GATEWAY_UNIT, ActiveState="active", StatusText="listens")
    most = 2 * messages.FILES * calls.WAITING  # open files of waiting questions over Wyoming's folder
    assert most < int(first["LimitNOFILESoft"]) == int(gateway["LimitNOFILESoft"])
    # A visitor's question, after which the resident restarts; then one that hangs, while its other threads go on.
    status, said = ask(scripted, "long")
    assert (status, said["error"]["code"]) == (503, "resident"), said
    second = scripted.until(_units.MODELS_UNIT, ActiveState="active", NRestarts="1", StatusText="is ready")
    assert second["MainPID"] != first["MainPID"]
    assert ask(scripted, "say:again")[0] == 200
    after = scripted.until(_units.MODELS_UNIT, ActiveState="active", StatusText="is ready")
    assert (after["MainPID"], after["NRestarts"]) == (second["MainPID"], "1"), "a restart by execve is no new service"
    scripted.run("systemctl", "start", "collector.service")
    with scripted.connected(WYOMING) as client:
        client.sendall(b'{"type": "describe"}\n')
        assert json.loads(client.makefile().readline())["type"] == "info"
    with scripted.connected(MCP) as client:
        client.sendall(b"GET /mcp HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        assert client.recv(64).startswith(b"HTTP/1.1 401 ")
    # The gateway hangs, and the broker, its parent, does not.
    scripted.run("pkill", "-STOP", "-P", gateway["MainPID"])
    scripted.until(_units.GATEWAY_UNIT, NRestarts="1", ActiveState="active", StatusText="listens")
    assert ask(scripted, "say:again")[0] == 200
    checks = Kiosk(scripted).checked()
    good = ["units", "packages 'serve'", "policy", "key", "token"]
    good += [f"address {one}" for one in (f"127.0.0.1:{kiosks.PORT}", f"127.0.0.1:{MCP}", f"127.0.0.1:{WYOMING}")]
    good += [_units.socket_unit(name) for name in ("http", "mcp", "wyoming")]
    assert [name for name in good if checks[name]["ok"] is not True] == []
    told = checks[_units.MODELS_UNIT]["found"]  # it may not be ready again after the last question
    assert re.fullmatch("starts with the machine; active, (is ready|restarts|loads).*, 1 restarts", told), told
    scripted.root.joinpath(_units.DATA_OF_USER[1:], "lacking").touch()
    scripted.run("systemctl", "restart", _units.MODELS_UNIT)
    scripted.until(_units.MODELS_UNIT, StatusText="is ready, degraded: model.missing")
    assert Kiosk(scripted).checked()[_units.MODELS_UNIT]["ok"] is False


@pytest.mark.bench
@pytest.mark.usefixtures("boots")
def test_the_real_models_answer_through_the_gateway(written: Path, tmp_path: Path, store: Path) -> None:
    units = {path.name: path.read_text() for path in written.iterdir()}
    real = f"Environment=EDGE_ASSISTANT_PROFILE=test EDGE_ASSISTANT_MODELS={store}"
    for name in kiosks.SERVICES:
        units[f"{name}.d/test.conf"] = systemd.dropin(real, needed=(store,))
    with systemd.booted(tmp_path, units, {"edge-assistant/policy.toml": kiosks.POLICY}, kiosks.TOKEN, store) as manager:
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
    return tmp_path


@pytest.fixture
def shown(elsewhere: Path) -> Path:
    """Units there with the app on a screen, and no gateway."""
    assert main(["kiosk", "install", "--screen", "--output", str(elsewhere / "units")]) == 0
    return elsewhere / "units"


def found(capsys: pytest.CaptureFixture[str], status: int) -> dict[str, DoctorCheck]:
    capsys.readouterr()
    assert main(["kiosk", "check", "--json"]) == status
    return {check["name"]: DoctorCheck(**check) for check in json.loads(capsys.readouterr().out)["checks"]}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has files of root's")
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
    (elsewhere / "policy.toml").chmod(0o666)
    assert found(capsys, 1)["policy"].found == f"others than root may write {elsewhere}/policy.toml"
    policy.reread()
    (elsewhere / "policy.toml").write_text("[serv]\n")
    assert main(["kiosk", "check"]) == 5
    assert "unknown key serv" in capsys.readouterr().err
    (elsewhere / "policy.toml").unlink()
    (elsewhere / "units" / _units.TIMER_UNIT).unlink()
    assert found(capsys, 1)["units"].found == f"{_units.TIMER_UNIT} not in {elsewhere}/units"


def test_a_check_erases_nothing_of_the_services(elsewhere: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It runs as root, whose files in their data they could not open."""
    (elsewhere / "policy.toml").write_text("[retention]\nhistory_days = 1\n")
    (elsewhere / "data" / "keys").mkdir(parents=True)
    found(capsys, 1)
    assert list((elsewhere / "data" / "keys").iterdir()) == []


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


def test_a_screen_needs_no_gateway_and_a_gateway_no_screen(
    elsewhere: Path, shown: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    install = ["kiosk", "install", "--output", str(shown)]
    alone = {_units.SCREEN_UNIT, _units.RETENTION_UNIT, _units.TIMER_UNIT}
    assert {path.name for path in shown.iterdir()} == alone, "the gateway's of a former installation are gone"
    capsys.readouterr()
    assert main(install) == 0
    assert f"no longer asked for: {_units.SCREEN_UNIT}" in capsys.readouterr().out
    served = {path.name for path in shown.iterdir()}
    assert served == {*_units.SERVICES, _units.TIMER_UNIT, "edge-assistant-http.socket"} - {_units.SCREEN_UNIT}
    assert main([*install, "--screen", "/dev/tty3", "--http", "127.0.0.1:9"]) == 0
    assert {path.name for path in shown.iterdir()} == served | alone
    assert "TTYPath=/dev/tty3\n" in (shown / _units.SCREEN_UNIT).read_text()
    assert main([*install, "--screen"]) == 0
    (elsewhere / "policy.toml").write_text("")
    checks = found(capsys, 1)
    assert (checks["units"].ok, checks["visitors"].ok) == (True, False)
    assert checks["visitors"].found == "the policy has no roles.pin, so that the screen erases nothing"
    assert not {"token", _units.MODELS_UNIT} & checks.keys()
    assert main([*install, "--screen", "../tty1"]) == 2


def test_packages_are_looked_for_in_the_python_of_the_units(
    elsewhere: Path, shown: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bare = elsewhere / "an environment" / "python%"
    bare.parent.mkdir()
    bare.write_text(f'#!/bin/sh\nexec {sys.executable} -S "$@"\n')  # without what is installed beside it
    bare.chmod(0o755)
    text = (shown / _units.SCREEN_UNIT).read_text()
    (shown / _units.SCREEN_UNIT).write_text(text.replace(sys.executable, str(bare).replace("%", "%%")))
    checks = found(capsys, 1)
    named = {check.name: check for check in checks.values() if check.name.startswith("packages")}
    assert {name: check.ok for name, check in named.items()} == {
        "packages 'tui'": False, "packages 'audio'": None, "packages 'serial'": None,
    }  # fmt: skip
    assert named["packages 'tui'"].found == f"{bare} lacks textual textual_image textual_plotext"
    assert named["packages 'tui'"].hint == f"'{bare}' -m pip install 'edge-assistant-offline[tui]'"
    bare.unlink()
    assert found(capsys, 1)["packages 'tui'"].found == f"{bare} does not run"


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
