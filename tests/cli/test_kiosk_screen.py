"""The app on a kiosk's own screen: it waits for a visitor, and a crash leaves nothing of one."""

from __future__ import annotations

import itertools
import os
import pty
import random
import shutil
import threading
import time
import tty
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from helpers import devices, kiosks
from helpers.app import BOTTLES, HASH, PIN
from helpers.consoles import Console
from helpers.kiosks import SCREEN_WAITS, Kiosk, Visitor

from edge_assistant.cli import _units
from edge_assistant.cli.main import main

pytest.importorskip("textual")
pytestmark = pytest.mark.usefixtures("boots")
POLICY = f'[roles]\npin = "{HASH}"\nvisitor = ["ask", "camera", "follow", "microphone"]\n'
SEED = 20
ANSWERED_S = 3.0  # from a question to some time after its answer
GETTY = "[Service]\nExecStart=/bin/sleep 1000\n[Install]\nWantedBy=multi-user.target\n"
TIMER = "[Timer]\nOnActiveSec=1h\n[Install]\nWantedBy=timers.target\n"  # the real one counts from the machine's start


def started(booted: Kiosk, console: Console, restarts: int = 0) -> str:
    """Wait until the app waits for a visitor; gives its process."""
    shown = booted.manager.until(_units.SCREEN_UNIT, ActiveState="active", NRestarts=str(restarts))
    console.until(SCREEN_WAITS)
    return shown["MainPID"]


@contextmanager
def plugged(name: str = "") -> Iterator[str]:
    """A serial port that anybody may open, on which numbers come; under a name that it had before, or any."""
    device, port = pty.openpty()
    found, ends = os.ttyname(port), threading.Event()
    tty.setraw(port)
    Path(found).chmod(0o666)

    def write() -> None:
        for number in itertools.count():
            if ends.wait(0.2):
                return
            os.write(device, b"%d.5,40\n" % number)

    writes = threading.Thread(target=write)
    try:
        if name not in ("", found):
            pytest.skip("another program took the name of the pseudoterminal")
        writes.start()
        yield found
    finally:
        ends.set()
        writes.join()
        os.close(port)
        os.close(device)


@pytest.mark.parametrize("kills", [1, pytest.param(30, marks=pytest.mark.bench)])
def test_a_killed_and_a_hung_app_leave_nothing_and_the_screen_waits_again(
    kills: int, store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chance, disk = random.Random(SEED), tmp_path / "disk"
    visitors: list[Visitor] = []
    with Console() as console:
        getty = f"getty@{console.name.replace('/', '-')}.service"
        more = {getty: GETTY, _units.TIMER_UNIT: TIMER}
        with kiosks.booted(
            tmp_path / "boot", disk, store, policy=POLICY, plain=True, screen=console.name, more=more
        ) as booted:
            for number in range(kills):
                process = started(booted, console, number)
                visitors.append(Visitor.arrived(chance))
                note, _ = visitors[-1].words
                console.press("x")
                console.until("End and erase")
                console.press(f"Pump {note} is at 85 degrees. How hot is pump {note}?\r")
                if number == 0:
                    assert note in console.until("characters 0"), "the source of the answer"
                    assert (disk / kiosks.DATA.relative_to("/") / "audit" / "audit.db").exists()
                else:
                    time.sleep(chance.uniform(0, ANSWERED_S))
                soon = booted.manager.root / f"etc/systemd/system/{_units.SCREEN_UNIT}.d/watchdog.conf"
                soon.write_text("[Service]\nWatchdogSec=10\n" if number == kills - 1 else "")
                booted.manager.run("systemctl", "daemon-reload")
                console.forget()
                booted.manager.run("kill", "-KILL", process)
            process = started(booted, console, kills)
            assert [path for visitor in visitors for path in visitor.left(disk)] == []
            assert booted.manager.show(getty)["ActiveState"] == "inactive"
            checks = booted.checked(PIN)
            good = ("units", "packages 'tui'", "policy", "visitors", "key", _units.SCREEN_UNIT)
            assert {name: checks[name] for name in good if checks[name]["ok"] is not True} == {}
            assert not {"token", _units.MODELS_UNIT, "packages 'serve'"} & checks.keys(), "there is no gateway"
            console.forget()
            booted.manager.run("kill", "-STOP", process)
            started(booted, console, kills + 1)
    monkeypatch.setenv("EDGE_ASSISTANT_HOME", str(disk / kiosks.DATA.relative_to("/")))
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(disk))
    assert main(["audit", "verify"]) == 0
    (disk / "found").write_text(note)
    assert visitors[-1].left(disk) == [disk / "found"], "what stands on the disk is found"


@pytest.mark.bench
@pytest.mark.skipif(bool(devices.MISSING), reason=f"not installed: {', '.join(devices.MISSING)}")
def test_pulled_devices_are_said_and_come_back(store: Path, tmp_path: Path) -> None:
    signals = tmp_path / "disk" / "var" / "lib" / "signals"
    signals.mkdir(parents=True)
    shutil.copy(BOTTLES, picture := signals / "camera.jpg")
    camera = f"Environment=EDGE_ASSISTANT_CAMERA=file:/var/lib/signals/{picture.name}"
    sound = "Environment=PULSE_SERVER=unix:/var/lib/signals/native"
    with (
        devices.running() as server,
        Console() as console,
        kiosks.booted(
            tmp_path / "boot", tmp_path / "disk", store, camera, sound, policy=POLICY, plain=True, screen=console.name
        ) as booted,
    ):
        server.load("native", "module-native-protocol-unix", "auth-anonymous=1", f"socket={signals}/native")
        (signals / "native").chmod(0o777)
        server.plug("cable", "Cable")
        started(booted, console)
        console.press("x")
        console.until("End and erase")
        console.press("\x1b[[E")  # F5 of the Linux console
        console.until("camera on")
        picture.rename(signals / "unplugged")
        console.until("camera lost")
        (signals / "unplugged").rename(picture)
        console.until("camera on")
        with plugged() as port:
            console.press(f"serial:{port}\r")
            console.until("following")
        console.until("is +gone")
        with plugged(port):
            console.until("following")
        console.press("\x1b[[D")  # F4
        console.until("mic hands-free")
        server.unplug_microphone("cable")
        console.until("mic lost")
        server.unload("cable")
        server.plug("cable", "Cable")
        console.until("mic hands-free")
        assert booted.manager.show(_units.SCREEN_UNIT)["NRestarts"] == "0"
