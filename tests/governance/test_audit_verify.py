"""Tampering with the audit trail: each of the six kinds is found and named, wherever and however it is done."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_assistant.core.errors import AuditDamaged, InputCorrupt, KeyLost, StorageFull
from edge_assistant.governance.audit import checkpoints
from edge_assistant.governance.audit.trail import FILE, Trail
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


@dataclass(frozen=True)
class Made:
    """A trail in a folder that is copied before it is changed."""

    folder: Path
    rows: int

    def copied(self, to: Path) -> Path:
        shutil.rmtree(to, ignore_errors=True)
        shutil.copytree(self.folder, to)
        return to


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """A trail of some rows, whose last row but one is the last that a checkpoint speaks of."""
    folder = tmp_path_factory.mktemp("trail")
    trail = opened(folder)
    filled(trail, ROWS - 1)
    trail.checkpoint()
    trail.close()
    return Made(folder, ROWS)


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


def copied(number: int, to: int) -> str:
    return (
        f"INSERT INTO rows SELECT {to}, time, conversation, kind, body, previous, mac FROM rows WHERE number = {number}"
    )


def overwritten(number: int, by: int) -> str:
    columns = "time, conversation, kind, body, previous, mac"
    return f"UPDATE rows SET ({columns}) = (SELECT {columns} FROM rows WHERE number = {by}) WHERE number = {number}"


def test_one_that_nobody_touched_is_whole(made: Made, tmp_path: Path) -> None:
    trail = opened(made.copied(tmp_path / "t"))
    report = verify(trail)

    assert report == Report(ROWS, report.mac, 1, report.last)
    assert report.last is not None
    assert [row.number for row in trail.read(lambda c: list(whole(c, trail)))] == list(range(1, ROWS + 1))
    trail.close()


places = st.integers(1, ROWS)
every = settings(max_examples=12)


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("scratch") / "trail"


@every
@given(
    place=places,
    change=st.sampled_from(
        [
            "body = replace(body, '0', '1')",
            "time = '2020' || substr(time, 5)",
            "conversation = 'ffffffffffffffff'",
            "kind = 'answer'",
            "mac = substr(mac, 2) || substr(mac, 1, 1)",
            "previous = mac",
            "body = CAST(body AS BLOB)",
        ]
    ),
)
def test_edited(made: Made, scratch: Path, place: int, change: str) -> None:
    folder = changed(made.copied(scratch), f"UPDATE rows SET {change} WHERE number = {place}")
    assert found(folder) == (place, Damage.EDITED)


@every
@given(place=st.integers(1, ROWS + 1))
def test_inserted(made: Made, scratch: Path, place: int) -> None:
    folder = changed(made.copied(scratch), *moved(place, ROWS, 1), forged(place))
    assert found(folder) == (place, Damage.INSERTED)


@every
@given(place=st.integers(1, ROWS - 1), more=st.integers(0, 5), closed=st.booleans())
def test_deleted(made: Made, scratch: Path, place: int, more: int, closed: bool) -> None:
    last = min(place + more, ROWS - 1)
    gap = moved(last + 1, ROWS, place - last - 1) if closed else []
    folder = changed(made.copied(scratch), f"DELETE FROM rows WHERE number BETWEEN {place} AND {last}", *gap)
    assert found(folder) == (place, Damage.DELETED)


@every
@given(st.tuples(places, places).filter(lambda both: both[0] != both[1]), st.booleans())
def test_reordered(made: Made, scratch: Path, both: tuple[int, int], shifted: bool) -> None:
    first, last = sorted(both)
    swap = [
        f"UPDATE rows SET number = {SHIFT} WHERE number = {first}",
        f"UPDATE rows SET number = {first} WHERE number = {last}",
        f"UPDATE rows SET number = {last} WHERE number = {SHIFT}",
    ]
    away = [f"UPDATE rows SET number = {2 * SHIFT} WHERE number = {first}", *moved(first + 1, last, -1)]
    back = [f"UPDATE rows SET number = {last} WHERE number = {2 * SHIFT - SHIFT - 1}"]
    folder = changed(made.copied(scratch), *([*away, *back] if shifted else swap))
    assert found(folder) == (first, Damage.REORDERED)


def test_a_row_that_was_moved_far_behind_is_reordered(made: Made, scratch: Path) -> None:
    folder = changed(made.copied(scratch), "UPDATE rows SET number = 9000000000000000000 WHERE number = 7")
    assert found(folder) == (7, Damage.REORDERED)


@every
@given(
    st.tuples(places, places).filter(lambda both: both[0] != both[1]), st.sampled_from(["over", "between", "behind"])
)
def test_replayed(made: Made, scratch: Path, both: tuple[int, int], how: str) -> None:
    row, place = both
    if how == "over":
        changes = [overwritten(place, row)]
    elif how == "behind":
        place = ROWS + 1
        changes = [copied(row, place)]
    else:
        changes = [copied(row, 2 * SHIFT), *moved(place, ROWS, 1)]
        changes[-1] = changes[-1].replace(f"> {SHIFT}", f"BETWEEN {SHIFT} AND {2 * SHIFT - 1}")
        changes.append(f"UPDATE rows SET number = {place} WHERE number = {2 * SHIFT}")
    assert found(changed(made.copied(scratch), *changes)) == (place, Damage.REPLAYED)


@every
@given(place=places)
def test_truncated(made: Made, scratch: Path, place: int) -> None:
    folder = changed(made.copied(scratch), f"DELETE FROM rows WHERE number >= {place}")
    assert found(folder) == (place, Damage.TRUNCATED)


def older(made: Made, folder: Path, files: tuple[str, ...] = (f"audit/{FILE}", "keys/keys.db")) -> Path:
    """A trail that somebody set back to a copy from before the last rows: of its file and of the witness's."""
    trail = opened(made.copied(folder))
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


def test_a_trail_set_back_to_an_older_copy_is_truncated_by_the_checkpoints(made: Made, scratch: Path) -> None:
    assert found(older(made, scratch)) == (ROWS + 1, Damage.TRUNCATED)


def test_one_that_was_set_back_and_gone_on_with_is_replayed(made: Made, scratch: Path) -> None:
    trail = opened(older(made, scratch))
    filled(trail, 50)
    trail.checkpoint()
    report = verify(trail)
    trail.close()

    assert report.finding is not None
    assert (report.finding.row, report.finding.damage) == (ROWS, Damage.REPLAYED)
    assert report.rows == ROWS + 52  # one says that checkpoints.jsonl did not end as the trail did
    assert report.checkpoints == 2


def test_who_changes_all_files_is_found_by_a_checkpoint_that_was_kept_elsewhere(
    made: Made, scratch: Path, tmp_path: Path
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


def test_a_checkpoint_that_somebody_made_up_counts_for_nothing(made: Made, scratch: Path) -> None:
    folder = made.copied(scratch)
    (mark,) = checkpoints.read(folder / "checkpoints.jsonl")
    assert mark is not None
    forged = checkpoints.Checkpoint(ROWS + 7, mark.mac, mark.time, mark.public_key, mark.signature)
    checkpoints.add(folder / "checkpoints.jsonl", forged)
    with (folder / "checkpoints.jsonl").open("a") as stream:
        stream.write('{"rows": 3}\n[[[[\n\0\0\0\n')
    trail = opened(folder)
    report = verify(trail)
    trail.close()

    assert (report.finding, report.checkpoints) == (None, 1)
    assert report.notes == ("checkpoints.jsonl has 4 lines that are not checkpoints of this trail",)


def test_a_checkpoint_of_another_machine_is_refused(made: Made, scratch: Path, tmp_path: Path) -> None:
    other = opened(tmp_path / "other")
    other.checkpoint()
    trail = opened(made.copied(scratch))

    with pytest.raises(InputCorrupt, match=r"holds no checkpoint of this trail \(signed with the key"):
        verify(trail, other.outside)
    trail.close()


def test_whoever_lacks_the_key_cannot_mend_the_end(made: Made, scratch: Path) -> None:
    """The last rows are cut off, and what tells where the trail ends is changed accordingly."""
    folder = changed(
        made.copied(scratch),
        "DELETE FROM rows WHERE number > 100",
        "UPDATE head SET count = 100, mac = (SELECT mac FROM rows WHERE number = 100)",
    )
    assert found(folder) == (101, Damage.TRUNCATED)
    (folder / "checkpoints.jsonl").unlink()
    assert found(folder) == (101, Damage.TRUNCATED)  # by the witness among the keys
    for end in ("", "-wal", "-shm"):
        (folder / "keys" / f"keys.db{end}").unlink(missing_ok=True)
    assert found(folder) == (101, Damage.EDITED)


def test_the_head_of_an_older_copy_is_found_and_nothing_is_added(made: Made, scratch: Path) -> None:
    """Its code fits, as it was ours once; the rows behind it are ours, too."""
    with closing(sqlite3.connect(made.folder / "audit" / FILE)) as connection:
        former = connection.execute("SELECT * FROM head").fetchone()
    trail = opened(made.copied(scratch))
    filled(trail, 50)
    trail.close()
    changed(scratch, "DELETE FROM head", lambda c: c.execute("INSERT INTO head VALUES (?, ?, ?, ?)", former))
    assert found(scratch) == (ROWS + 51, Damage.REPLAYED)
    trail = opened(scratch)
    with pytest.raises(StorageFull, match="changed from outside"):
        trail.append("said", {})
    trail.close()


def test_nothing_is_added_behind_rows_that_are_missing(made: Made, scratch: Path) -> None:
    trail = opened(changed(made.copied(scratch), f"DELETE FROM rows WHERE number = {ROWS}"))
    with pytest.raises(StorageFull, match="changed from outside"):
        trail.append("said", {})
    trail.close()
    assert found(scratch) == (ROWS, Damage.TRUNCATED)


@pytest.mark.parametrize(
    "changes",
    [["DROP TABLE rows"], ["DROP TABLE head", "CREATE TABLE head (count, mac, seal, public)"], ["DROP TABLE head"]],
)
def test_tables_that_are_gone(made: Made, scratch: Path, changes: list[str]) -> None:
    assert found(changed(made.copied(scratch), *changes)) is not None


def test_the_same_number_twice(made: Made, scratch: Path) -> None:
    """The table is made anew without its rule that a number stands once."""
    anew = ["CREATE TABLE new AS SELECT * FROM rows", "DROP TABLE rows", "ALTER TABLE new RENAME TO rows"]
    again = "INSERT INTO rows SELECT * FROM rows WHERE number = 9"
    assert found(changed(made.copied(scratch), *anew, again)) == (10, Damage.REPLAYED)
    assert found(changed(made.copied(scratch), *anew, "UPDATE rows SET number = 'x' WHERE number = 9")) is not None


def read(folder: Path) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(folder / "audit" / FILE)) as connection:
        return connection.execute("SELECT * FROM rows ORDER BY number").fetchall()


def test_bytes_of_the_file_that_are_overwritten(made: Made, scratch: Path) -> None:
    """What breaks a row is found; at some places SQLite itself notices. What lies beside the rows breaks none."""
    rows = read(made.folder)
    size = (made.copied(scratch) / "audit" / FILE).stat().st_size
    damages = set()
    for start in range(0, size, size // 12):
        file = made.copied(scratch) / "audit" / FILE
        with file.open("r+b") as stream:
            stream.seek(start)
            stream.write(os.urandom(600))
        result = found(scratch)
        assert result is not None or read(scratch) == rows
        damages.add(result and result[1])
    assert Damage.UNREADABLE in damages


def test_without_the_key_nothing_can_be_said(made: Made, scratch: Path) -> None:
    folder = made.copied(scratch)
    shutil.rmtree(folder / "keys")
    with pytest.raises(KeyLost, match="begun with another key"):
        verify(opened(folder))


def test_an_export_of_a_damaged_trail_is_refused(made: Made, scratch: Path) -> None:
    trail = opened(changed(made.copied(scratch), "UPDATE rows SET kind = 'x' WHERE number = 5"))
    with pytest.raises(AuditDamaged, match="row 5 was edited"):
        trail.read(lambda c: list(whole(c, trail)))
    trail.close()


@pytest.mark.bench
def test_each_of_the_six_kinds_in_ten_thousand_rows(tmp_path_factory: pytest.TempPathFactory, scratch: Path) -> None:
    rows = 10_000
    folder = tmp_path_factory.mktemp("long")
    trail = opened(folder)
    filled(trail, rows - 2)  # and a checkpoint, as they are many
    trail.checkpoint()
    trail.close()
    long = Made(folder, rows)
    for place in (1, 2, 3_777, rows - 1):
        kinds: dict[Damage, list[str | Change]] = {
            Damage.EDITED: [f"UPDATE rows SET time = '2020' || substr(time, 5) WHERE number = {place}"],
            Damage.INSERTED: [*moved(place, rows, 1), forged(place)],
            Damage.DELETED: [f"DELETE FROM rows WHERE number = {place}", *moved(place + 1, rows, -1)],
            Damage.REORDERED: [
                f"UPDATE rows SET number = {SHIFT} WHERE number = {place}",
                f"UPDATE rows SET number = {place} WHERE number = {rows}",
                f"UPDATE rows SET number = {rows} WHERE number = {SHIFT}",
            ],
            Damage.REPLAYED: [overwritten(place, rows)],
            Damage.TRUNCATED: [f"DELETE FROM rows WHERE number >= {place}"],
        }
        for damage, changes in kinds.items():
            assert found(changed(long.copied(scratch), *changes)) == (place, damage)
