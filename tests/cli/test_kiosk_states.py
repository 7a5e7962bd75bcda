"""What a kiosk does that starts without something: it answers, or says what is missing; see docs/kiosk.md."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest
from helpers import kiosks
from helpers.kiosks import Kiosk, Visitor
from helpers.scripted_resident import until

from edge_assistant.cli import _units
from edge_assistant.resident import metrics

pytest.importorskip("uvicorn")
pytestmark = pytest.mark.usefixtures("boots")
FULL = f"mkdir -p -m 700 {kiosks.DATA.parent} {kiosks.DATA}; mount -t tmpfs -o size=16k tmpfs {kiosks.DATA}"


@pytest.fixture
def visitor() -> Visitor:
    return Visitor.arrived(random.Random(0))


def told(booted: Kiosk) -> dict[str, Any]:
    """The status file."""
    file = booted.manager.root / "run/private/edge-assistant/metrics" / metrics.STATUS
    return json.loads(file.read_text()) if file.exists() else {}


def test_a_full_disk_is_said_and_once_there_is_room_it_answers(store: Path, tmp_path: Path, visitor: Visitor) -> None:
    last = (
        f"{FULL}; mount -o remount,ro,bind /; mount -o remount,size=16k {kiosks.DATA}"  # and a root that is read only
    )
    with kiosks.booted(tmp_path / "boot", tmp_path / "disk", store, plain=True, last=last) as booted:
        booted.ready()
        status, said = booted.ask(visitor.request)
        assert (status, said["error"]["code"]) == (507, "storage.full"), said
        assert booted.requested("GET", "/readyz") == (200, {"status": "degraded", "code": "storage.full"})
        booted.manager.until(_units.MODELS_UNIT, StatusText="is ready, 1 answered, degraded: storage.full")
        until(lambda: told(booted).get("state") == "degraded")
        booted.manager.run("mount", "-o", "remount,size=64m", kiosks.DATA)
        status, said = booted.ask(visitor.request)
        assert status == 200, said
        assert booted.requested("GET", "/readyz") == (200, {"status": "ready"})
        assert booted.manager.show(_units.MODELS_UNIT)["NRestarts"] == "0"


def test_without_its_key_no_resident_runs_and_the_gateway_says_so(store: Path, tmp_path: Path) -> None:
    with kiosks.booted(tmp_path / "boot", tmp_path / "disk", store, plain=True, last=f"rm {_units.MASTER}") as booted:
        assert booted.requested("GET", "/readyz") == (503, {"status": "no resident runs"})
        until(lambda: booted.manager.show(_units.MODELS_UNIT)["NRestarts"] != "0")
        assert not (booted.manager.root / str(kiosks.DATA / "keys" / "master.key")[1:]).exists(), "none is made"
