"""Processes that are killed while they write the audit trail: what was committed is there, and the trail is whole."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from edge_assistant.governance.audit.trail import Trail
from edge_assistant.governance.audit.verify import verify
from edge_assistant.vault.vault import Vault

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


def opened(folder: Path) -> Trail:
    return Trail(folder / "audit", Vault(folder / "keys"), folder / "checkpoints.jsonl")


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


def test_one_that_is_written_to_meanwhile_is_whole(tmp_path: Path) -> None:
    """A checkpoint beside the trail may be of a row that came after what is read began."""
    process = subprocess.Popen([sys.executable, "-c", FOR_EVER, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    process.stdout.readline()
    reports = [verify(opened(tmp_path)) for _ in range(40)]
    process.kill()
    process.communicate()
    assert [(report.finding, report.unsure) for report in reports] == [(None, ())] * 40
    assert reports[-1].rows > reports[0].rows


def test_killed_at_random_moments(tmp_path: Path) -> None:
    told = killed(tmp_path, [random.uniform(0, SLOWEST) for _ in range(6)])
    assert told == sorted(set(told))


@pytest.mark.bench
def test_killed_two_hundred_times(tmp_path: Path) -> None:
    """The trail is one: each process goes on with what the killed one left."""
    told = killed(tmp_path, [random.uniform(0, SLOWEST) for _ in range(200)])
    assert told == sorted(set(told))
    print(f"{len(told)} processes killed, {told[-1]:,} rows, none lost")
