"""Files of what can be made again: read only as they were written, by nobody else, and without waiting."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edge_assistant.storage import cachefile

HEAD = b"a test 1\n"
MOST = 1_000


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "folder" / "file.bin"
    cachefile.write(path, HEAD, [b"what can be", b" made again"])
    return path


def test_what_was_written_is_read_in_this_version_and_where_nobody_else_could_write(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert cachefile.read(file, HEAD, file.stat().st_size) == b"what can be made again"
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o777 == 0o700
    assert cachefile.read(file, b"a test 2\n", MOST) is None
    assert cachefile.read(file, HEAD, file.stat().st_size - 1) is None
    for mode in (0o620, 0o602):
        file.chmod(mode)
        assert cachefile.read(file, HEAD, MOST) is None
    file.chmod(0o600)
    monkeypatch.setattr("os.geteuid", lambda: file.stat().st_uid + 1)
    assert cachefile.read(file, HEAD, MOST) is None


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=200))
def test_any_bytes(file: Path, data: bytes) -> None:
    cachefile.write(file, HEAD, [data])
    assert cachefile.read(file, HEAD, MOST) == data


def test_what_is_damaged_anywhere_is_not_read(file: Path) -> None:
    content = file.read_bytes()
    for at in range(len(content)):
        file.write_bytes(content[:at] + bytes([content[at] ^ 4]) + content[at + 1 :])
        assert cachefile.read(file, HEAD, MOST) is None
        file.write_bytes(content[:at])
        assert cachefile.read(file, HEAD, MOST) is None
    file.write_bytes(content + b"x")
    assert cachefile.read(file, HEAD, MOST) is None


def test_no_link_is_followed_and_no_pipe_waited_for(file: Path) -> None:
    link = file.with_name("link")
    link.symlink_to(file)
    assert cachefile.read(link, HEAD, MOST) is None
    os.mkfifo(file.with_name("pipe"))
    assert cachefile.read(file.with_name("pipe"), HEAD, MOST) is None
    assert cachefile.read(file.parent, HEAD, MOST) is None
    assert cachefile.read(file.with_name("nothing"), HEAD, MOST) is None
