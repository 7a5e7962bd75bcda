"""The audit trail: rows in a chain, written by several processes at once, on the disk when told so."""

from __future__ import annotations

import json
import random
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest
from helpers import smalldisk

from edge_assistant.core.errors import KeyLost, StorageFull
from edge_assistant.governance.audit import checkpoints
from edge_assistant.governance.audit.rows import FIRST, AuditRow
from edge_assistant.governance.audit.trail import EVERY, FILE, RESERVE, RESERVE_BYTES, Trail
from edge_assistant.governance.audit.verify import verify
from edge_assistant.vault.vault import Vault

ID = "00112233aabbccdd"


def opened(folder: Path) -> Trail:
    return Trail(folder / "audit", Vault(folder / "keys"), folder / "checkpoints.jsonl")


def rows(trail: Trail) -> list[AuditRow]:
    return trail.read(lambda c: [AuditRow(*row) for row in c.execute("SELECT * FROM rows ORDER BY number")])


def test_each_row_carries_the_code_of_the_one_before(tmp_path: Path) -> None:
    trail = opened(tmp_path)

    assert trail.append("signal", {"kind": "image", "bytes": 12}, ID) == 1
    assert opened(tmp_path).extend([("route", {"path": "image"}), ("said", {"n": 1})], ID) == 3

    found = rows(trail)
    assert [(row.number, row.conversation, row.kind) for row in found] == [
        (1, ID, "signal"),
        (2, ID, "route"),
        (3, ID, "said"),
    ]
    assert [row.previous for row in found] == [FIRST, found[0].mac, found[1].mac]
    assert [row.code(trail.key) for row in found] == [row.mac for row in found]
    assert json.loads(found[0].body) == {"bytes": 12, "kind": "image"}


def test_a_checkpoint_signs_how_far_the_trail_has_come(tmp_path: Path) -> None:
    trail = opened(tmp_path)
    trail.append("said", {})
    made = trail.checkpoint()
    assert (made.rows, made.mac) == (1, rows(trail)[0].mac)
    assert made.genuine
    assert json.loads(rows(trail)[1].body) == made.to_json()
    assert list(checkpoints.read(trail.outside)) == [made]
    with pytest.raises(ValueError, match="JSON"):
        trail.extend([("route", {}), ("said", {"n": float("nan")})])
    trail.extend([("said", {})] * (EVERY - 3))  # none of those; there is one after so many rows
    trail.extend([("said", {})] * 2)
    assert [found.rows for found in checkpoints.read(trail.outside) if found] == [1, EVERY + 1]
    assert [row.kind for row in rows(trail)[EVERY - 1 :]] == ["said", "said", "checkpoint"]
    for path in (tmp_path / "audit", tmp_path / "audit" / FILE, tmp_path / "checkpoints.jsonl"):
        assert path.stat().st_mode & 0o077 == 0


def test_where_there_is_no_key_just_now_or_another_the_old_one_stays(tmp_path: Path) -> None:
    trail = opened(tmp_path)
    trail.append("said", {})
    trail.close()
    other = Trail(tmp_path / "audit", Vault(tmp_path / "other keys"), tmp_path / "checkpoints.jsonl")
    with pytest.raises(KeyLost, match="begun with another key"):
        other.append("said", {})
    (tmp_path / "keys" / "master.key").rename(tmp_path / "master.key")
    with pytest.raises(KeyLost):
        opened(tmp_path).renew()
    (tmp_path / "master.key").rename(tmp_path / "keys" / "master.key")
    assert len(rows(opened(tmp_path))) == 1


def test_where_the_key_is_gone_for_good_a_new_one_is_begun_and_the_old_one_kept(tmp_path: Path) -> None:
    trail = opened(tmp_path)
    trail.append("said", {})
    mark = trail.checkpoint()
    trail.renew()
    assert len(rows(trail)) == 2
    trail.close()
    trail.vault.reset()

    other = opened(tmp_path)
    other.renew()
    assert other.append("forgot", {}) == 1
    (file,) = (tmp_path / "audit").glob("audit-until-*.db")
    with sqlite3.connect(file) as connection:
        assert connection.execute("SELECT count(*) FROM rows").fetchone() == (2,)
    connection.close()
    (kept,) = tmp_path.glob("checkpoints-until-*.jsonl")
    assert list(checkpoints.read(kept)) == [mark]


# a disk that is full


def written_for_ever(trail: Trail) -> None:
    while True:
        trail.append("said", {"padding": "x" * 3_000}, ID)


def test_a_full_disk_is_written_down_once(tmp_path: Path) -> None:
    with smalldisk.mounted(tmp_path / "disk", lazy=True) as folder:
        trail = opened(folder)
        trail.append("said", {}, ID)
        filler = smalldisk.fill(folder)
        for _ in range(2):
            with pytest.raises(StorageFull, match="the audit trail cannot be written"):
                written_for_ever(trail)
        smalldisk.fill(folder)
        assert [row.kind for row in rows(trail) if row.kind != "said"] == ["stopped"]
        filler.unlink()
        trail.append("said", {}, ID)
        assert (trail.folder / RESERVE).stat().st_size == RESERVE_BYTES
        assert rows(trail)[-1].kind == "said"
        trail.close()


# processes that are killed while they write: what was committed is there, and the trail is whole

# Tells the number of each row once it is committed; every tenth time several rows, and a checkpoint after them.
FOR_EVER = """
import sys
from pathlib import Path
from edge_assistant.governance.audit.trail import Trail
from edge_assistant.vault.vault import Vault
folder = Path(sys.argv[1])
trail = Trail(folder / "audit", Vault(folder / "keys"), folder / "checkpoints.jsonl")
said = 0
while True:
    said += 1
    rows = [("said", {"sentence": said, "digest": "ab" * (said % 40)})]
    number = trail.extend(rows * 7, checkpoint=True) if said % 10 == 0 else trail.append(*rows[0])
    print(number, flush=True)
"""
SLOWEST = 0.15  # seconds after the first row at which a process is killed at the latest: some hundred rows
# Kills itself between the statements of a transaction: all is written, nothing is committed.
IN_THE_MIDDLE = """
import os, signal, sys
from pathlib import Path
from edge_assistant.governance.audit import trail as module
from edge_assistant.vault.vault import Vault
folder = Path(sys.argv[1])
trail = module.Trail(folder / "audit", Vault(folder / "keys"), folder / "checkpoints.jsonl")
print(trail.append("said", {}), flush=True)
extended = module._extended
def killed(*arguments):
    extended(*arguments)
    os.kill(os.getpid(), signal.SIGKILL)
module._extended = killed
trail.append("said", {})
"""


def killed(folder: Path, moments: list[float]) -> list[int]:
    """Kill one process after the other that goes on with the same trail; how many rows were told as committed."""
    told = []
    for moment in moments:
        process = subprocess.Popen([sys.executable, "-c", FOR_EVER, str(folder)], stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        first = process.stdout.readline()
        time.sleep(moment)
        process.kill()
        numbers = [
            int(first),
            *(int(line) for line in process.stdout.read().splitlines(keepends=True) if line[-1] == "\n"),
        ]
        process.wait()
        process.stdout.close()
        trail = opened(folder)
        report = verify(trail)
        trail.close()
        assert (report.finding, report.unsure) == (None, ())
        assert not [note for note in report.notes if "garbled" in note]
        assert numbers[-1] <= report.rows <= numbers[-1] + 8  # what was being written may be committed and not yet told
        told.append(report.rows)
    return told


def test_killed_in_the_middle_of_a_row(tmp_path: Path) -> None:
    process = subprocess.run([sys.executable, "-c", IN_THE_MIDDLE, str(tmp_path)], capture_output=True, check=False)
    assert (process.returncode, process.stdout) == (-signal.SIGKILL, b"1\n")
    trail = opened(tmp_path)
    assert (verify(trail).rows, verify(trail).finding) == (1, None)
    assert trail.append("said", {}) == 2
    trail.close()


def test_killed_before_the_first_line_of_the_file_beside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trail = opened(tmp_path)
    with monkeypatch.context() as killed:
        killed.setattr(trail, "_publish", lambda *_: trail.outside.touch())
        trail.extend([("said", {})], checkpoint=True)
    trail.close()
    again = opened(tmp_path)
    assert (verify(again).finding, verify(again).unsure) == (None, ())
    again.extend([("said", {})], checkpoint=True)
    assert "unwitnessed" not in [row.kind for row in rows(again)]
    assert verify(again).unsure == ()
    again.close()


def test_killed_before_their_lines_of_the_file_beside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened(tmp_path).extend([("said", {})], checkpoint=True)
    for _ in range(3):
        trail = opened(tmp_path)
        with monkeypatch.context() as killed:
            killed.setattr(trail, "_publish", lambda *_: None)
            trail.extend([("said", {})], checkpoint=True)
        assert (verify(trail).finding, verify(trail).unsure) == (None, ())
        trail.close()
    opened(tmp_path).extend([("said", {})], checkpoint=True)
    assert len(opened(tmp_path).outside.read_bytes().splitlines()) == 5


def test_one_that_is_written_to_meanwhile_is_whole(tmp_path: Path) -> None:
    """A checkpoint beside the trail may be of a row that came after what is read began."""
    process = subprocess.Popen([sys.executable, "-c", FOR_EVER, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    process.stdout.readline()
    reports = [verify(opened(tmp_path))]
    while reports[-1].rows < 50 and process.poll() is None:
        reports.append(verify(opened(tmp_path)))
    process.kill()
    process.communicate()
    assert {(report.finding, report.unsure) for report in reports} == {(None, ())}
    assert reports[-1].rows >= 50


def test_killed_at_random_moments(tmp_path: Path) -> None:
    told = killed(tmp_path, [random.uniform(0, SLOWEST) for _ in range(4)])
    assert told == sorted(set(told))


@pytest.mark.bench
def test_killed_two_hundred_times(tmp_path: Path) -> None:
    """The trail is one: each process goes on with what the killed one left."""
    told = killed(tmp_path, [random.uniform(0, SLOWEST) for _ in range(200)])
    assert told == sorted(set(told))
    print(f"{len(told)} processes killed, {told[-1]:,} rows, none lost")
