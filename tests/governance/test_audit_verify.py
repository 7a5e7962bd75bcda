"""Tampering with the audit trail: each of the six kinds is found and named, wherever and however it is done."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from edge_assistant.core.errors import AuditDamaged, InputCorrupt, KeyLost, StorageFull
from edge_assistant.governance.audit import checkpoints
from edge_assistant.governance.audit.trail import EVERY, FILE, Trail
from edge_assistant.governance.audit.verify import Damage, Report, verify, whole
from edge_assistant.vault.vault import Vault

ID = "00112233aabbccdd"
ROWS = 200
FORGED = ("2026-11-26T00:00:00.000000+00:00", ID, "said", '{"digest":"00","sentence":1}', "0" * 64, "f" * 64)
SHIFT = 1_000_000  # numbers that are not in use


def opened(folder: Path) -> Trail:
    return Trail(folder / "audit", Vault(folder / "keys"), folder / "checkpoints.jsonl")


def filled(trail: Trail, rows: int) -> None:
    trail.extend([("said", {"sentence": number, "digest": f"{number:064x}"}) for number in range(1, rows + 1)], ID)


def made_in(folder: Path, rows: int) -> Path:
    """A trail of some rows, whose last row but one is the last that a checkpoint speaks of."""
    trail = opened(folder)
    trail.append("said", {"sentence": 0}, ID)
    filled(trail, rows - 2 - (rows > EVERY))  # of many rows there is one more checkpoint
    trail.checkpoint()
    trail.close()
    return folder


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made_in(tmp_path_factory.mktemp("trail"), ROWS)


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("scratch") / "trail"


def copied(folder: Path, to: Path) -> Path:
    shutil.rmtree(to, ignore_errors=True)
    shutil.copytree(folder, to)
    return to


Change = Callable[[sqlite3.Connection], object]


def changed(folder: Path, *changes: str | Change) -> Path:
    with closing(sqlite3.connect(folder / "audit" / FILE, isolation_level=None)) as connection:
        for change in changes:
            connection.execute(change) if isinstance(change, str) else change(connection)
    return folder


def found(folder: Path, kept: Path | None = None) -> tuple[int, Damage] | None:
    trail = opened(folder)
    try:
        finding = verify(trail, kept).finding
    finally:
        trail.close()
    return finding and (finding.row, finding.damage)


def moved(first: int, last: int, by: int) -> list[str]:
    """Give rows other numbers; two steps, as a number must not stand twice meanwhile."""
    return [
        f"UPDATE rows SET number = number + {SHIFT} WHERE number BETWEEN {first} AND {last}",
        f"UPDATE rows SET number = number - {SHIFT - by} WHERE number > {SHIFT}",
    ]


def forged(number: int) -> Change:
    return lambda connection: connection.execute("INSERT INTO rows VALUES (?, ?, ?, ?, ?, ?, ?)", [number, *FORGED])


COLUMNS = "time, conversation, kind, body, previous, mac"


def again(number: int, to: int) -> str:
    return f"INSERT INTO rows SELECT {to}, {COLUMNS} FROM rows WHERE number = {number}"


def exchanged(one: int, other: int, rows: int) -> list[str]:
    steps = ((one, 2 * SHIFT), (other, one), (2 * SHIFT, other))
    return [f"UPDATE rows SET number = {to} WHERE number = {number}" for number, to in steps]


EDITS = {
    "body": "replace(body, '0', '1')",
    "time": "'2020' || substr(time, 5)",
    "conversation": "'ffffffffffffffff'",
    "kind": "'answer'",
    "mac": "substr(mac, 2) || substr(mac, 1, 1)",
    "previous": "mac",
    "body as bytes": "CAST(body AS BLOB)",
}


def tampered(first: int, last: int, rows: int) -> dict[str, tuple[int, Damage, list[str | Change]]]:
    """By name, ways to change two rows: the row that is named then, the kind of damage, and the changes."""
    edits: dict[str, tuple[int, Damage, list[str | Change]]] = {
        f"edited: {what}": (
            first,
            Damage.EDITED,
            [f"UPDATE rows SET {what.split()[0]} = {edit} WHERE number = {first}"],
        )
        for what, edit in EDITS.items()
    }
    gone = f"DELETE FROM rows WHERE number BETWEEN {first} AND {last - 1}"
    over = f"UPDATE rows SET ({COLUMNS}) = (SELECT {COLUMNS} FROM rows WHERE number = {last}) WHERE number = {first}"
    return edits | {
        "inserted": (first, Damage.INSERTED, [*moved(first, rows, 1), forged(first)]),
        "inserted behind": (rows + 1, Damage.INSERTED, [forged(rows + 1)]),
        "deleted": (first, Damage.DELETED, [gone]),
        "deleted, others moved up": (first, Damage.DELETED, [gone, *moved(last, rows, first - last)]),
        "exchanged": (first, Damage.REORDERED, [*exchanged(first, last, rows)]),
        "moved back": (
            first,
            Damage.REORDERED,
            [
                f"UPDATE rows SET number = {3 * SHIFT} WHERE number = {first}",
                f"UPDATE rows SET number = number + {SHIFT} WHERE number BETWEEN {first + 1} AND {last}",
                f"UPDATE rows SET number = number - {SHIFT + 1} WHERE number BETWEEN {SHIFT} AND {2 * SHIFT}",
                f"UPDATE rows SET number = {last} WHERE number = {3 * SHIFT}",
            ],
        ),
        "moved far": (first, Damage.REORDERED, [f"UPDATE rows SET number = {9 * 10**18} WHERE number = {first}"]),
        "replayed over another": (first, Damage.REPLAYED, [over]),
        "replayed behind": (rows + 1, Damage.REPLAYED, [again(first, rows + 1)]),
        "replayed between": (last, Damage.REPLAYED, [*moved(last, rows, 1), again(first, last)]),
        "truncated": (first, Damage.TRUNCATED, [f"DELETE FROM rows WHERE number >= {first}"]),
        "without the last": (rows, Damage.TRUNCATED, [f"DELETE FROM rows WHERE number = {rows}"]),
    }


def test_one_that_nobody_touched_is_whole(made: Path, tmp_path: Path) -> None:
    trail = opened(copied(made, tmp_path / "t"))
    report = verify(trail)

    assert report == Report(ROWS, report.mac, 1, report.last)
    assert report.last is not None
    assert [row.number for row in trail.read(lambda c: list(whole(c, trail)))] == list(range(1, ROWS + 1))
    trail.close()


@pytest.mark.parametrize("how", tampered(1, 2, ROWS))
@settings(max_examples=2)
@given(st.lists(st.integers(1, ROWS), min_size=2, max_size=2, unique=True).map(sorted))
@example([1, 2])
@example([ROWS - 1, ROWS])
def test_each_kind_of_tampering_is_named_and_nothing_is_added(
    made: Path, scratch: Path, how: str, places: list[int]
) -> None:
    first, last = places
    row, damage, changes = tampered(first, last, ROWS)[how]
    assert found(changed(copied(made, scratch), *changes)) == (row, damage)
    trail = opened(scratch)
    with pytest.raises(AuditDamaged, match=str(row)):
        trail.read(lambda c: list(whole(c, trail)))
    if row >= ROWS:
        with pytest.raises(StorageFull, match="changed from outside"):
            trail.append("said", {})
    trail.close()


@pytest.mark.bench
def test_each_kind_of_tampering_is_named_in_ten_thousand_rows(tmp_path: Path, scratch: Path) -> None:
    rows = 10_000
    long = made_in(tmp_path / "long", rows)
    for place in (1, 2, 3_777, rows - 1):
        for row, damage, changes in tampered(place, rows, rows).values():
            assert found(changed(copied(long, scratch), *changes)) == (row, damage)


ANEW = ("CREATE TABLE new AS SELECT * FROM rows", "DROP TABLE rows", "ALTER TABLE new RENAME TO rows")


@pytest.mark.parametrize(
    "changes",
    [
        ("DROP TABLE rows",),
        ("DROP TABLE head", "CREATE TABLE head (count, mac, seal, public)"),
        ("DROP TABLE head",),
        (*ANEW, "INSERT INTO rows SELECT * FROM rows WHERE number = 9"),  # the same number twice
        (*ANEW, "UPDATE rows SET number = 'x' WHERE number = 9"),
    ],
)
def test_tables_that_are_others(made: Path, scratch: Path, changes: tuple[str, ...]) -> None:
    assert found(changed(copied(made, scratch), *changes)) is not None


def older(made: Path, folder: Path, files: tuple[str, ...] = (f"audit/{FILE}", "keys/keys.db")) -> Path:
    """A trail that somebody set back to a copy from before the last rows: of its file and of the witness's."""
    trail = opened(copied(made, folder))
    trail.close()
    before = {file: (folder / file).read_bytes() for file in files}
    filled(trail, 30)
    trail.checkpoint()
    trail.close()
    trail.vault.close()
    for file, data in before.items():
        (folder / file).write_bytes(data)
        for end in ("-wal", "-shm"):
            (folder / (file + end)).unlink(missing_ok=True)
    return folder


def test_one_that_was_set_back_is_truncated_and_once_gone_on_with_replayed(made: Path, scratch: Path) -> None:
    assert found(older(made, scratch)) == (ROWS + 1, Damage.TRUNCATED)
    trail = opened(scratch)
    filled(trail, 50)
    trail.checkpoint()
    report = verify(trail)
    trail.close()

    assert report.finding is not None
    assert (report.finding.row, report.finding.damage) == (ROWS, Damage.REPLAYED)
    assert report.rows == ROWS + 52  # one says that checkpoints.jsonl did not end as the trail did
    assert report.checkpoints == 2


def test_a_trail_without_a_row_is_said_to_have_none(tmp_path: Path) -> None:
    report = verify(opened(tmp_path / "new"))
    assert (report.rows, report.finding, report.unsure) == (0, None, ())
    assert report.notes == ("there is no row: nothing was asked here yet, or all folders were removed",)


def test_who_changes_all_files_is_found_by_a_checkpoint_that_was_kept_elsewhere(
    made: Path, scratch: Path, tmp_path: Path
) -> None:
    folder = older(made, scratch)
    kept = tmp_path / "kept.jsonl"
    (folder / "checkpoints.jsonl").rename(kept)
    trail = opened(folder)

    alone = verify(trail)
    assert alone.finding is None
    assert alone.notes == ("there is no checkpoints.jsonl: that the end was not cut off, only a kept one tells",)
    assert alone.unsure == ("checkpoints.jsonl is gone",)
    trail.close()
    assert found(folder, kept) == (ROWS + 1, Damage.TRUNCATED)


def test_a_checkpoint_that_somebody_made_up_counts_for_nothing(made: Path, scratch: Path) -> None:
    folder = copied(made, scratch)
    (mark,) = checkpoints.read(folder / "checkpoints.jsonl")
    assert mark is not None
    forged = checkpoints.TrailCheckpoint(ROWS + 7, mark.mac, mark.time, mark.public_key, mark.signature)
    checkpoints.add(folder / "checkpoints.jsonl", forged)
    with (folder / "checkpoints.jsonl").open("a") as stream:
        stream.write('\n{"rows": 3}\n[[[[\n\0\0\0\n')  # an empty line is none
    trail = opened(folder)
    report = verify(trail)
    trail.close()

    assert (report.finding, report.checkpoints) == (None, 1)
    assert report.notes == ("checkpoints.jsonl has 4 lines that are not checkpoints of this trail",)


def test_a_checkpoint_of_another_machine_is_refused(made: Path, scratch: Path, tmp_path: Path) -> None:
    other = opened(tmp_path / "other")
    other.checkpoint()
    trail = opened(copied(made, scratch))

    with pytest.raises(InputCorrupt, match=r"holds no checkpoint of this trail \(signed with the key"):
        verify(trail, other.outside)
    trail.close()


def test_whoever_lacks_the_key_cannot_mend_the_end(made: Path, scratch: Path) -> None:
    """The last rows are cut off, and what tells where the trail ends is changed accordingly."""
    folder = changed(
        copied(made, scratch),
        "DELETE FROM rows WHERE number > 100",
        "UPDATE head SET count = 100, mac = (SELECT mac FROM rows WHERE number = 100)",
    )
    assert found(folder) == (101, Damage.TRUNCATED)
    (folder / "checkpoints.jsonl").unlink()
    assert found(folder) == (101, Damage.TRUNCATED)  # by the witness among the keys
    for end in ("", "-wal", "-shm"):
        (folder / "keys" / f"keys.db{end}").unlink(missing_ok=True)
    assert found(folder) == (101, Damage.EDITED)


def test_the_head_of_an_older_copy_is_found_and_nothing_is_added(made: Path, scratch: Path) -> None:
    """Its code fits, as it was ours once; the rows behind it are ours, too."""
    with closing(sqlite3.connect(made / "audit" / FILE)) as connection:
        former = connection.execute("SELECT * FROM head").fetchone()
    trail = opened(copied(made, scratch))
    filled(trail, 50)
    trail.close()
    changed(scratch, "DELETE FROM head", lambda c: c.execute("INSERT INTO head VALUES (?, ?, ?, ?)", former))
    assert found(scratch) == (ROWS + 51, Damage.REPLAYED)
    trail = opened(scratch)
    with pytest.raises(StorageFull, match="changed from outside"):
        trail.append("said", {})
    trail.close()


def read(folder: Path) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(folder / "audit" / FILE)) as connection:
        return connection.execute("SELECT * FROM rows ORDER BY number").fetchall()


def test_bytes_of_the_file_that_are_overwritten(made: Path, scratch: Path) -> None:
    """What breaks a row is found; at some places SQLite itself notices. What lies beside the rows breaks none."""
    rows = read(made)
    size = (copied(made, scratch) / "audit" / FILE).stat().st_size
    damages = set()
    for start in range(0, size, size // 12):
        file = copied(made, scratch) / "audit" / FILE
        with file.open("r+b") as stream:
            stream.seek(start)
            stream.write(os.urandom(600))
        result = found(scratch)
        assert result is not None or read(scratch) == rows
        damages.add(result and result[1])
    assert Damage.UNREADABLE in damages


def test_without_the_key_nothing_can_be_said(made: Path, scratch: Path) -> None:
    folder = copied(made, scratch)
    shutil.rmtree(folder / "keys")
    with pytest.raises(KeyLost, match="begun with another key"):
        verify(opened(folder))
