"""Where the socket lies: in a folder that is the user's alone, and nowhere else."""

from __future__ import annotations

import os
import shutil
import socket
from pathlib import Path

import pytest
from helpers.scripted_resident import HANGS, asking, heard, serving

from edge_assistant.core.errors import StorageFull, UsageError
from edge_assistant.resident import client, place, server, wire


def test_the_session_has_a_folder_of_its_own(monkeypatch: pytest.MonkeyPatch, home: Path, tmp_path: Path) -> None:
    monkeypatch.setenv(place.RUNTIME, str(tmp_path))
    assert place.folder() == home / "run"  # who has everything in one folder has this there, too
    monkeypatch.delenv(place.HOME)
    assert place.folder() == tmp_path / "edge-assistant"
    monkeypatch.setenv(place.RUNTIME, "relative")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert place.folder() == tmp_path / ".local" / "share" / "edge-assistant" / "run"


@pytest.fixture
def session(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The folder of a user's session; their data lie in their home."""
    monkeypatch.delenv(place.HOME)
    monkeypatch.setenv("HOME", str(tmp_path / "theirs"))
    monkeypatch.setenv(place.RUNTIME, str(tmp_path / "session"))
    (tmp_path / "session").mkdir(mode=0o700)
    return tmp_path / "session"


@pytest.mark.parametrize("elsewhere", [None, "another"])
def test_it_is_found_whatever_session_a_command_belongs_to(
    ask, session: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, elsewhere: str | None
) -> None:
    """As cron, `su` and a login without a session of its own run commands."""
    with serving(tmp_path / "resident") as process:
        assert [file.name for file in (session / "edge-assistant").iterdir()] == [place.name()]
        if elsewhere is None:
            monkeypatch.delenv(place.RUNTIME)
        else:
            monkeypatch.setenv(place.RUNTIME, str(tmp_path / elsewhere))
        assert ask("say:hello") == 0
        with pytest.raises(UsageError, match="a resident runs already"):
            server.opened()
        assert client.ended("drop")
        assert (client.told("status") or {})["renewals"] == 1
        assert client.ended("stop")
        assert process.wait(HANGS) == 0
    assert not client.ended("drop")
    assert not [*(session / "edge-assistant").iterdir()]


def test_one_whose_session_ends_ends_and_nothing_is_said_to_be_gone_before(session: Path, tmp_path: Path) -> None:
    with serving(tmp_path / "resident") as process, asking("note:at work", "await:go") as guest:
        assert heard(guest, "turn")
        shutil.rmtree(session)
        with pytest.raises(client.Unfit, match="it runs and does not listen here"):
            client.ended("drop")
        (tmp_path / "resident" / "go").touch()
        assert process.wait(HANGS) == 0
        assert not client.ended("drop")


@pytest.mark.parametrize("text", ["", "relative", "/a\0b", "/nowhere/resident", "\0\0\0"])
def test_a_claim_that_leads_nowhere_is_no_resident(home: Path, text: str) -> None:
    held = server.opened()
    wire.close([held.listener, held.claim])
    (home / "run" / place.CLAIM).write_text(text)
    assert client.told("status") is None
    assert not client.ended("drop")


def test_each_data_folder_has_a_socket_of_its_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    names = set()
    for number in range(3):
        monkeypatch.setenv(place.HOME, str(tmp_path / str(number)))
        names.add(place.name())
    assert len(names) == 3


@pytest.mark.parametrize("mode", [0o701, 0o710, 0o750, 0o777, 0o1777])
def test_a_folder_that_others_can_look_into_is_refused_by_both_sides(home: Path, mode: int) -> None:
    (home / "run").mkdir()
    (home / "run").chmod(mode)
    with pytest.raises(StorageFull, match="is not yours alone"):
        server.opened()
    with pytest.raises(StorageFull, match="is not yours alone"):
        client.told("status")


def test_a_link_in_the_place_of_the_folder_is_refused(home: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir(mode=0o700)
    (home / "run").symlink_to(tmp_path / "mine")
    with pytest.raises(StorageFull):
        server.opened()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder to another user")
def test_the_folder_of_another_user_is_refused(home: Path) -> None:
    (home / "run").mkdir(mode=0o700)
    os.chown(home / "run", 65534, 65534)
    with pytest.raises(StorageFull, match="is not yours alone"):
        server.opened()


def test_a_home_with_a_long_path_has_room_for_a_socket(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(place.HOME, str(tmp_path / ("x" * 200)))
    held = server.opened()
    try:
        assert place.folder().stat().st_mode & 0o777 == 0o700
        with client.connected() as connection:
            assert place.peer(connection) == (os.getpid(), os.geteuid(), os.getegid())
    finally:
        wire.close([held.listener, held.claim])


def test_there_is_one_at_a_time_and_one_that_was_killed_is_no_obstacle() -> None:
    held = server.opened()
    with pytest.raises(UsageError, match="a resident runs already"):
        server.opened()
    wire.close([held.listener, held.claim])  # what the kernel does for a process that is killed; the socket stays
    assert client.told("status") is None
    held = server.opened()
    wire.close([held.listener, held.claim])


def test_only_a_residents_own_descriptors_are_taken_over() -> None:
    held = server.opened()
    other = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    try:
        assert server.taken(str(held)) == held
        for text in ("", "1", "0,1,2", f"{other.fileno()},{held.claim},0", f"{held.listener},{other.fileno()},0"):
            with pytest.raises((ValueError, OSError)):
                server.taken(text)
    finally:
        other.close()
        wire.close([held.listener, held.claim])
