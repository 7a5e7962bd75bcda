"""Files that are written whole or not at all, and leave nothing where a process is killed."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

import pytest
from helpers import killed

from edge_assistant.core.errors import StorageFull
from edge_assistant.storage import atomic


@pytest.fixture(params=[True, False], ids=["nameless", "named"])
def nameless(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Whether the system can make a file without a name; by default this one can."""
    if not request.param:
        monkeypatch.setattr(atomic, "_DESCRIPTORS", tmp_path / "not there")
    return bool(request.param)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "folder").mkdir()
    return tmp_path / "folder"


def write(path: Path, data: bytes) -> None:
    with atomic.writing(path) as stream:
        stream.write(data)


@pytest.mark.usefixtures("nameless")
def test_a_new_file_is_its_owners_and_a_replaced_one_keeps_its_permissions(folder: Path) -> None:
    write(folder / "it", b"first")
    assert (folder / "it").read_bytes() == b"first"
    assert stat.S_IMODE((folder / "it").stat().st_mode) == 0o600
    (folder / "it").chmod(0o640)
    (folder / "link").symlink_to("it")
    write(folder / "link", b"second")
    assert (folder / "it").read_bytes() == b"second"
    assert stat.S_IMODE((folder / "it").stat().st_mode) == 0o640
    assert (folder / "link").is_symlink()
    with pytest.raises(TypeError), atomic.writing(folder / "it") as stream:
        stream.writelines([b"sec", "ond"])  # type: ignore[list-item]
    assert (folder / "it").read_bytes() == b"second"
    assert sorted(path.name for path in folder.iterdir()) == ["it", "link"]


@pytest.mark.usefixtures("nameless")
def test_what_can_be_made_again_does_not_wait_for_the_disk(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[int] = []
    monkeypatch.setattr(atomic.os, "fsync", waited.append)
    with atomic.writing(folder / "it", lasting=False) as stream:
        stream.write(b"first")
    assert waited == []
    write(folder / "it", b"second")
    assert len(waited) == 2


@pytest.mark.parametrize("step", [7, pytest.param(1, marks=pytest.mark.bench)])
@pytest.mark.parametrize("before", [b"first", None], ids=["replaced", "new"])
def test_a_process_that_is_killed_leaves_a_whole_file_or_what_was_there(
    folder: Path, before: bytes | None, step: int
) -> None:
    file = folder / "it"

    def work() -> None:
        write(file, b"second")

    for line in range(1, killed.lines(work), step):
        file.unlink(missing_ok=True) if before is None else file.write_bytes(before)
        assert killed.at_line(work, line)
        assert (file.read_bytes() if file.exists() else None) in (before, b"second")
        left = [path for path in folder.iterdir() if path != file]
        assert len(left) <= (before is not None)
        assert all(path.read_bytes() == b"second" for path in left)  # between its name and its place, and whole
        for path in left:
            path.unlink()


@pytest.mark.parametrize(
    ("number", "code", "hint"),
    [
        (errno.EROFS, "storage.read_only", atomic.WRITABLE),
        (errno.EACCES, "storage.read_only", atomic.WRITABLE),
        (errno.ENOSPC, "storage.full", "free some space, or check the permissions of the data directory"),
    ],
)
def test_the_code_and_what_helps_depend_on_what_is_wrong(number: int, code: str, hint: str) -> None:
    with pytest.raises(StorageFull) as raised, atomic.storing("the history"):
        raise OSError(number, os.strerror(number))
    assert (raised.value.code, raised.value.exit_status, raised.value.hint) == (code, 6, hint)
