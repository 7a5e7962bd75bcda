"""The end of the audit trail: an older copy, garbage or nothing in its place is found by what is kept outside of it."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from edge_assistant.core.errors import AuditDamaged, StorageFull
from edge_assistant.governance.audit import checkpoints, export
from edge_assistant.governance.audit import trail as trail_module
from edge_assistant.governance.audit.trail import Trail
from edge_assistant.governance.audit.verify import Damage, Report, verify
from edge_assistant.vault.vault import Vault

ID = "00112233aabbccdd"


class Answers:
    """A machine whose trail takes answers; each run is a process of its own as far as files go."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.audit, self.keys, self.outside = folder / "audit", folder / "keys", folder / "state" / "checkpoints.jsonl"

    def trail(self) -> Trail:
        return Trail(self.audit, Vault(self.keys), self.outside)

    def run(self, work: Callable[[Trail], object]) -> object:
        trail = self.trail()
        try:
            return work(trail)
        finally:
            trail.close()
            trail.vault.close()

    def answer(self, times: int = 1) -> None:
        def answered(trail: Trail) -> None:
            for _ in range(times):
                trail.vault.key(ID)
                trail.extend([("question", {}), ("said", {"sentence": 1})], ID)
                trail.extend([("answer", {"status": "supported"})], ID, checkpoint=True)

        self.run(answered)

    def verify(self) -> Report:
        report = self.run(verify)
        assert isinstance(report, Report)
        return report

    def change_keys(self, statement: str) -> None:
        with closing(sqlite3.connect(self.keys / "keys.db", isolation_level=None)) as connection:
            connection.execute(statement)

    def kept(self, *folders: Path) -> Callable[[], None]:
        """Copy folders as they are now; what brings them back."""
        copies = {folder: folder.with_name(f"{folder.name}-old") for folder in folders}
        for folder, copy in copies.items():
            shutil.copytree(folder, copy)

        def back() -> None:
            for folder, copy in copies.items():
                shutil.rmtree(folder)
                shutil.copytree(copy, folder)

        return back


@pytest.fixture
def machine(tmp_path: Path) -> Answers:
    machine = Answers(tmp_path)
    machine.answer(2)
    return machine


def test_an_old_trail_without_its_checkpoints_is_truncated(machine: Answers) -> None:
    back = machine.kept(machine.audit)
    machine.answer()
    back()
    machine.outside.unlink()
    finding = machine.verify().finding
    assert finding is not None
    assert (finding.row, finding.damage) == (9, Damage.TRUNCATED)
    with pytest.raises(StorageFull, match="changed from outside"):
        machine.answer()
    with pytest.raises(AuditDamaged, match="truncated"):
        machine.run(lambda trail: export.write(trail, machine.folder / "export.jsonl"))
    assert not (machine.folder / "export.jsonl").exists()


@pytest.mark.parametrize("line", [b"{}\n", b"\0" * 5_000, b"[[[[\n"])
def test_garbage_as_the_last_checkpoint_is_unsure_and_said_for_good(machine: Answers, line: bytes) -> None:
    with machine.outside.open("ab") as stream:
        stream.write(line)
    report = machine.verify()
    assert (report.finding, report.unsure) == (
        None,
        ("the last line of checkpoints.jsonl is not a checkpoint of this trail",),
    )
    machine.answer()
    report = machine.verify()
    assert (report.finding, report.unsure) == (None, ())
    assert any("was missing or garbled in checkpoints.jsonl" in note for note in report.notes)


def test_checkpoints_that_were_cut_off_are_unsure_and_come_back(machine: Answers) -> None:
    machine.answer(2)
    lines = machine.outside.read_bytes().splitlines(keepends=True)
    machine.outside.write_bytes(b"".join(lines[:1]))
    (reason,) = machine.verify().unsure
    assert "ends before the trail does" in reason
    machine.answer()
    assert machine.outside.read_bytes().splitlines(keepends=True)[: len(lines)] == lines
    assert machine.verify().unsure == ()


def test_both_folders_removed_are_missed(machine: Answers) -> None:
    shutil.rmtree(machine.audit)
    shutil.rmtree(machine.outside.parent)
    finding = machine.verify().finding
    assert finding is not None
    assert (finding.row, finding.damage, finding.what) == (
        1,
        Damage.TRUNCATED,
        "the trail was truncated: rows 1 to 8 are missing",
    )
    with pytest.raises(StorageFull, match="audit begin"):
        machine.answer()
    assert machine.verify().rows == 0
    machine.change_keys("DELETE FROM keys WHERE id = 'audit:end'")  # then the keys alone tell of it
    assert machine.verify().unsure == ("the trail has no row, and keys.db has keys of 1 conversation",)


@pytest.mark.parametrize(
    ("change", "unsure", "notes"),
    [
        (
            "DELETE FROM keys WHERE id = 'audit:end'",
            (),
            ("keys.db does not tell how far the trail has come, as of one that an earlier version began",),
        ),
        (
            "UPDATE keys SET wrapped = 10000000000000 WHERE id = 'audit:end'",
            ("what keys.db knows of the trail's end was not written by this program",),
            (),
        ),
    ],
    ids=["none", "of somebody else"],
)
def test_a_witness_that_is_not_ours_is_said_and_mended_by_the_next_checkpoint(
    machine: Answers, change: str, unsure: tuple[str, ...], notes: tuple[str, ...]
) -> None:
    machine.change_keys(change)
    report = machine.verify()
    assert (report.finding, report.unsure, report.notes) == (None, unsure, notes)
    machine.answer()
    report = machine.verify()
    assert report.unsure == ()
    assert "garbled in keys.db (an earlier version did not keep it" in report.notes[0]


def test_a_trail_gone_on_with_by_other_rows_is_replayed(machine: Answers) -> None:
    """The witness's own row is another: somebody set everything back, went on, and then set the keys forth again."""
    everything = machine.kept(machine.audit, machine.keys, machine.outside.parent)
    machine.answer()
    shutil.copytree(machine.keys, machine.folder / "later keys")
    everything()
    machine.answer(2)
    shutil.rmtree(machine.keys)
    (machine.folder / "later keys").rename(machine.keys)
    finding = machine.verify().finding
    assert finding is not None
    assert finding.damage is Damage.REPLAYED


def test_a_new_trail_names_the_end_of_the_old_one(machine: Answers) -> None:
    shutil.rmtree(machine.audit)
    assert machine.run(Trail.begin) == 8
    machine.answer()
    report = machine.verify()
    assert (report.finding, report.unsure, report.notes) == (None, (), ())

    def first(trail: Trail) -> object:
        return trail.read(lambda c: c.execute("SELECT kind, body FROM rows WHERE number = 1").fetchone())

    kind, body = machine.run(first)  # type: ignore[misc]
    assert kind == "began"
    assert '"rows":8' in body
    assert [path.name[:18] for path in machine.outside.parent.glob("checkpoints-until*")] == ["checkpoints-until-"]


@pytest.mark.parametrize("link", [False, True])
def test_a_pipe_or_link_in_the_place_of_the_checkpoints_is_refused(machine: Answers, link: bool) -> None:
    elsewhere = machine.folder / "elsewhere"
    machine.outside.rename(elsewhere)
    before = elsewhere.read_bytes()
    machine.outside.symlink_to(elsewhere) if link else os.mkfifo(machine.outside)
    assert link or machine.verify().unsure == ("the last line of checkpoints.jsonl is not a checkpoint of this trail",)
    with pytest.raises(StorageFull, match=r"checkpoints.jsonl is a link or no file"):
        machine.answer()
    assert elsewhere.read_bytes() == before


def test_a_clock_that_was_set_back_is_said(machine: Answers, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(trail_module, "_now", lambda: "2020-01-01T00:00:00.000000+00:00")
        machine.answer()
    machine.answer()
    report = machine.verify()
    assert (report.finding, report.unsure) == (None, ())
    said = "the clock was set back 1 time, first before row 9 of 2020-01-01T00:00:00.000000+00:00"
    assert report.notes == (said,)


KILLS = """
import os, signal, sys
from pathlib import Path
from edge_assistant.governance.audit import trail as module
from edge_assistant.vault.vault import Vault
folder = Path(sys.argv[1])
trail = module.Trail(folder / "audit", Vault(folder / "keys"), folder / "state" / "checkpoints.jsonl")
def killed(*arguments):
    os.kill(os.getpid(), signal.SIGKILL)  # the checkpoint is in the trail, and nowhere else
module.Trail._publish = killed
trail.extend([("answer", {})], checkpoint=True)
"""


def test_a_process_killed_before_its_checkpoint_is_outside_leaves_a_whole_trail(machine: Answers) -> None:
    subprocess.run([sys.executable, "-c", KILLS, str(machine.folder)], check=False)
    report = machine.verify()
    assert (report.rows, report.finding, report.unsure, report.notes) == (10, None, (), ())
    machine.answer()
    assert [mark and mark.rows for mark in checkpoints.read(machine.outside)] == [3, 7, 9, 13]
    report = machine.verify()
    assert (report.finding, report.unsure, report.notes) == (None, (), ())


def test_several_processes_keep_the_checkpoints_in_order(machine: Answers) -> None:
    script = KILLS.split("def killed")[0] + 'for _ in range(8): trail.extend([("answer", {})], checkpoint=True)'
    processes = [subprocess.Popen([sys.executable, "-c", script, str(machine.folder)]) for _ in range(3)]
    assert [process.wait() for process in processes] == [0, 0, 0]
    marks = [mark.rows for mark in checkpoints.read(machine.outside) if mark]
    assert marks == sorted(marks)
    assert len(marks) == 2 + 24
    report = machine.verify()
    assert (report.checkpoints, report.finding, report.unsure, report.notes) == (26, None, (), ())
