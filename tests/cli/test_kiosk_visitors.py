"""Visitors in a row at a kiosk that stays up: memory, descriptors, threads and files are those of before."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from helpers import kiosks
from helpers.gateways import children, used
from helpers.kiosks import Kiosk, Visitor

from edge_assistant.cli import _units
from edge_assistant.resident import metrics

pytest.importorskip("uvicorn")
pytestmark = pytest.mark.usefixtures("boots")
SEED = 20
WARM = 1  # visitor before anything is looked at: the first use of a model, and the first restart
LOOKS = (10, 50, 100)
HEARD = 5  # each so manieth has a recording
# What two looks at the same process differ by; a picture that is kept of each of 100 visitors would be thrice that
GROWTH_MIB = {"resident": 32, "broker": 8, "gateway": 8}
GROWTH_KIB = 256  # of all files but those of the trail, which keeps a row of each step for good
WATCHED = ("/run/private", "/tmp", "/var/tmp", str(kiosks.DATA))


def looked(booted: Kiosk) -> dict[str, dict[str, int]]:
    """Memory, descriptors and threads of the processes, and files with their KiB, those of the trail apart."""
    resident, broker = (int(booted.manager.show(unit)["MainPID"]) for unit in kiosks.SERVICES[:2])
    root = booted.manager.root
    [gateway] = children(broker, root / "proc")
    found = {
        name: used(process, root / "proc")
        for name, process in {"resident": resident, "broker": broker, "gateway": gateway}.items()
    }
    files = [path for folder in WATCHED for path in root.joinpath(folder[1:]).rglob("*") if path.is_file()]
    trail = [path for path in files if "audit" in path.parts]
    sizes = {"files": files, "trail": trail}
    found["disk"] = {"files": len(files)} | {
        f"{name}_kib": sum(path.stat().st_size for path in those) >> 10 for name, those in sizes.items()
    }
    return found


@pytest.mark.parametrize("visitors", [2, pytest.param(100, marks=pytest.mark.bench)])
def test_nothing_grows_with_the_visitors(
    visitors: int, store: Path, tmp_path: Path, pytestconfig: pytest.Config, capsys: pytest.CaptureFixture[str]
) -> None:
    chance = random.Random(SEED)
    sound = (pytestconfig.rootpath / "tests" / "fixtures" / "speech" / "allergies.wav").read_bytes()
    shown: dict[int, dict[str, dict[str, int]]] = {}
    with kiosks.booted(tmp_path / "boot", tmp_path / "disk", store, plain=True) as booted:
        for number in range(-WARM, visitors + 1):
            if number in (0, *LOOKS, visitors):
                shown[number] = looked(booted)
            if number == visitors:
                break
            visitor = Visitor.arrived(chance, sound if number % HEARD == 0 else b"")
            for _ in range(2):
                status, said = booted.ask(visitor.request)
                assert status == 200, said
            booted.leave()
            booted.ready()
            assert visitor.left(tmp_path / "disk") == []
            assert not list((tmp_path / "disk").rglob("sealed/evidence/*"))
        told = booted.manager.root.joinpath(f"run/private/edge-assistant/metrics/{metrics.TEXT}").read_text()
        restarted = booted.manager.show(_units.MODELS_UNIT)["NRestarts"]
    (tmp_path / metrics.TEXT).write_text(told)
    with capsys.disabled():
        print(f"\nseed {SEED}, {restarted} starts by systemd")
        for number, found in shown.items():
            print(f"after {number}: {found}")
    before, after = shown[0], shown[visitors]
    for name, growth in GROWTH_MIB.items():
        assert after[name]["mib"] <= before[name]["mib"] + growth, name
        assert after[name]["fd"] <= before[name]["fd"] + 1, name
        assert after[name]["task"] <= before[name]["task"] + 1, name
    assert after["disk"]["files"] <= before["disk"]["files"]
    trails = [look["disk"]["files_kib"] - look["disk"]["trail_kib"] for look in (before, after)]
    assert trails[1] <= trails[0] + GROWTH_KIB
