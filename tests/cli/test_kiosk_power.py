"""Power cuts: at whichever moment all is killed, the kiosk is up again, its trail is whole, and no visitor is in it."""

from __future__ import annotations

import random
import shutil
import sqlite3
import statistics
import threading
import time
from collections import Counter
from contextlib import closing, suppress
from pathlib import Path

import pytest
from helpers import kiosks
from helpers.kiosks import Kiosk, Visitor

from edge_assistant.cli.main import main

pytest.importorskip("uvicorn")
pytestmark = pytest.mark.usefixtures("boots")
SEED = 20
UP_S = 60.0  # from the power to an answer; loading the models takes most of it
# In what the power is cut, and within how many seconds of its begin; all but the start come after a whole answer
MOMENTS = (("question", 2.0), ("forgetting", 0.8), ("start", 5.0), ("question", 2.0), ("restart", 4.0))
FORGETTING = kiosks.DATA / "keys" / "forgetting.json"


def cut(booted: Kiosk, moment: str, after_s: float, visitor: Visitor, *, alone: bool) -> None:
    """Have something done, and cut the power in it.

    Args:
        booted: has just answered, or is starting.
        moment: what is to be done.
        after_s: seconds of it until then.
        visitor: who does it.
        alone: whether it restarts after each answer.
    """
    does = {"question": lambda: booted.ask(visitor.request), "forgetting": booted.leave}

    def begun() -> None:
        with suppress(Exception):  # as its connection breaks
            does[moment]()

    if moment in does:
        if alone:
            booted.renewed()
        threading.Thread(target=begun, daemon=True).start()
    time.sleep(after_s)
    booted.manager.cut()


def trail(disk: Path, patch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> tuple[str, str]:
    """What is wrong with the trail on a disk, and the kind of its last row.

    It is looked at in a copy, as the next boot is to find the files as the power left them.
    """
    data, copy = disk / kiosks.DATA.relative_to("/"), disk.with_name("copy")
    if not (data / "audit" / "audit.db").exists():
        return "", "none"
    shutil.copytree(data, copy)
    try:
        patch.setenv("EDGE_ASSISTANT_HOME", str(copy))
        patch.setenv("CREDENTIALS_DIRECTORY", str(disk))
        capsys.readouterr()
        status = main(["audit", "verify"])
        told = capsys.readouterr()
        with closing(sqlite3.connect(copy / "audit" / "audit.db")) as database:
            (kind,) = database.execute("SELECT kind FROM rows ORDER BY number DESC").fetchone() or ("none",)
        return f"{status}: {told.out}{told.err}" if status else "", kind
    finally:
        shutil.rmtree(copy)


@pytest.mark.parametrize(
    ("cuts", "policy"),
    [
        (2, kiosks.VISITORS),
        pytest.param(100, kiosks.VISITORS, marks=pytest.mark.bench),
        pytest.param(40, kiosks.POLICY, marks=pytest.mark.bench, id="40 with sealed caches"),
    ],
)
def test_a_power_cut_at_any_moment_leaves_the_trail_whole_and_nothing_of_a_visitor(
    cuts: int,
    policy: str,
    store: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    chance, disk = random.Random(SEED), tmp_path / "disk"
    visitors: list[Visitor] = []
    wrong: list[object] = []
    up_s: list[float] = []
    ends, begun = Counter[str](), 0
    for number in range(cuts + 1):  # the last one shows that the one before was survived
        moment, most_s = MOMENTS[number % len(MOMENTS)] if number < cuts else ("end", 0.0)
        after_s = chance.uniform(0, most_s)
        visitors.append(Visitor.arrived(chance))
        work = tmp_path / str(number)
        began = time.monotonic()
        with kiosks.booted(work, disk, store, policy=policy, plain=True) as booted:
            if moment != "start":
                status, said = booted.ask(visitors[-1].request)
                up_s.append(time.monotonic() - began)
                left = booted.manager.root.joinpath(FORGETTING.relative_to("/")).exists()
                if status != 200 or left:
                    wrong.append((number, moment, status, said, left))
            if moment == "end":
                booted.leave()
            cut(booted, moment, after_s, visitors[-1], alone=policy == kiosks.VISITORS)
        shutil.rmtree(work)
        begun += disk.joinpath(FORGETTING.relative_to("/")).exists()
        found = {path.relative_to(disk) for visitor in visitors for path in visitor.left(disk)}
        with monkeypatch.context() as patch:
            broken, last = trail(disk, patch, capsys)
        ends[last] += 1
        if found or broken:
            wrong.append((number, moment, round(after_s, 3), found, broken))
    with capsys.disabled():
        print(
            f"\nseed {SEED}: {cuts} cuts, up to an answer {statistics.median(up_s):.1f} s, at most {max(up_s):.1f} s;"
        )
        print(f"last rows of the trail {dict(ends)}; in {begun} a forgetting had begun; wrong: {wrong}")
    assert not wrong
    assert not list(disk.rglob("sealed/evidence/*")), "what the visitors before had sealed is gone with the last one"
    assert max(up_s) < UP_S
    (disk / "found").write_bytes(visitors[0].request)
    assert visitors[0].left(disk) == [disk / "found"], "what stands on the disk is found"
