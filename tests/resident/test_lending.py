"""A process that is somebody else's for the time of an answer, and its own again afterwards."""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers import scripted_resident
from helpers.commands import Terminal
from helpers.scripted_resident import until

from edge_assistant.resident import client
from edge_assistant.resident.lending import lent
from edge_assistant.resident.wire import Question, Stream

TEXT = Stream("utf-8", "backslashreplace")


def question(**environment: str) -> Question:
    return Question(("ask", "q"), environment, {}, (TEXT, Stream("ascii", "backslashreplace"), TEXT), 0.0)


@pytest.fixture
def given(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> Iterator[list[int]]:
    """Streams and a folder of somebody else."""
    (tmp_path / "in").write_text("typed\n")
    (tmp_path / "theirs").mkdir()
    before = Path.cwd()
    opened = [os.open(tmp_path / "in", os.O_RDONLY)]
    opened += [os.open(tmp_path / name, os.O_RDWR | os.O_CREAT, 0o600) for name in ("out", "err")]
    opened += [os.open(tmp_path / "theirs", os.O_PATH | os.O_DIRECTORY)]
    with capfd.disabled():
        yield opened
    os.chdir(before)
    for number in opened:
        os.close(number)


def test_everything_is_theirs_and_then_ours_again(given, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("NO_COLOR", "")
    monkeypatch.setenv("EDGE_ASSISTANT_PLAIN", "1")
    monkeypatch.delenv("TERM", raising=False)
    before = (dict(os.environ), sys.stdin, sys.stdout, sys.stderr, [os.fstat(number).st_ino for number in range(3)])
    told: list[bool] = []
    with lent(question(TERM="dumb"), given, lambda: told.append(True)):
        assert (os.environ.get("NO_COLOR"), os.environ.get("EDGE_ASSISTANT_PLAIN"), os.environ["TERM"]) == (
            None, None, "dumb",
        )  # fmt: skip
        assert Path.cwd() == tmp_path / "theirs"
        assert not told
        assert sys.stdin.readline() == "typed\n"
        assert told
        print("é")
        print("to the other", file=sys.stderr)
        sys.stdout.flush()
        ctypes.CDLL(None).write(1, b"by C\n", 5)
    assert (tmp_path / "out").read_text() == "\\xe9\nby C\n"
    assert (tmp_path / "err").read_text() == "to the other\n"
    after = (dict(os.environ), sys.stdin, sys.stdout, sys.stderr, [os.fstat(number).st_ino for number in range(3)])
    assert after == before
    assert Path.cwd() == Path("/")


def test_no_variable_outlives_the_answer(given, monkeypatch) -> None:
    """Neither one that came with the question, nor one that an answer or a library set, changed or took away."""
    monkeypatch.setenv("XDG_CACHE_HOME", "/ours")
    monkeypatch.setenv("TZ", "UTC")
    before = dict(os.environ)
    with lent(question(XDG_STATE_HOME="/theirs"), given, lambda: None):
        os.environ["XDG_DATA_HOME"] = "/set"
        os.environ["XDG_CACHE_HOME"] = "/changed"
        del os.environ["TZ"]
    assert dict(os.environ) == before


def test_nothing_is_told_before_something_is_printed(given, tmp_path: Path) -> None:
    told: list[bool] = []
    with lent(question(), given, lambda: told.append(True)):
        sys.stdout.write("kept in the buffer")
        assert not told
    assert told
    assert (tmp_path / "out").read_text() == "kept in the buffer"


def test_what_could_not_be_printed_is_never_printed_to_the_next_one(given, tmp_path: Path) -> None:
    reads, writes = os.pipe()
    os.close(reads)
    with lent(question(), [given[0], writes, *given[2:]], lambda: None):
        kept = sys.stdout
        kept.write("a secret of the first")
    os.close(writes)
    with lent(question(), given, lambda: None):
        print("the second's")
        del kept
    assert (tmp_path / "out").read_text() == "the second's\n"


def test_an_error_leaves_nothing_behind(given) -> None:
    before = [os.fstat(number).st_ino for number in range(3)], sys.stdout
    with pytest.raises(KeyboardInterrupt), lent(question(), given, lambda: None):
        raise KeyboardInterrupt
    assert ([os.fstat(number).st_ino for number in range(3)], sys.stdout) == before


ASKS = "import sys; from edge_assistant.resident import client; sys.exit(client.answered(['ask', *sys.argv[1:]], 0.0))"


def test_a_secret_is_typed_where_the_command_was_and_shown_nowhere(tmp_path: Path) -> None:
    """And not where the resident was started, which has a terminal of its own."""
    (tmp_path / "resident").mkdir()
    resident = Terminal(sys.executable, scripted_resident.__file__, tmp_path / "resident", "0")
    try:
        until((tmp_path / "resident" / "ready").exists)
        command = Terminal(sys.executable, "-c", ASKS, "secret", "read")
        try:
            command.read_until("PIN: ")
            resident.press("not theirs\n")
            command.press("147258\n")
            command.read_until("6 characters")
            command.press("shown\n")
            assert command.ended() == 0
            assert command.seen.replace("\r", "") == "PIN: \n6 characters\nshown\nread shown\n"
            assert command.modes() == command.before
        finally:
            command.close()
        assert resident.modes() == resident.before
        assert client.ended("stop")
        assert resident.ended() == 0
    finally:
        resident.close()


def test_a_terminal_is_as_it_was_after_ctrl_c_at_a_secret(tmp_path: Path) -> None:
    with scripted_resident.serving(tmp_path / "resident"):
        command = Terminal(sys.executable, "-c", ASKS, "secret")
        try:
            command.read_until("PIN: ")
            command.press("14\x03")
            assert command.ended() == 130
            assert command.modes() == command.before
        finally:
            command.close()


def test_a_terminal_is_as_it_was_where_the_resident_is_lost_at_a_secret(tmp_path: Path) -> None:
    """As one is that does not obey, when something is forgotten while the PIN is waited for."""
    with scripted_resident.serving(tmp_path / "resident") as resident:
        command = Terminal(sys.executable, "-c", ASKS, "secret")
        try:
            command.read_until("PIN: ")
            assert command.modes() != command.before
            resident.kill()
            assert command.ended() == 1
            assert "ResidentLost" in command.seen
            assert command.modes() == command.before
        finally:
            command.close()


BEHIND = """
set -m
"$1" "$2" "$3" 0 &
while ! [ -e "$3/ready" ]; do sleep 0.05; done
"$1" -c "$4" read --trace
echo "status $?"
kill %1
"""


def test_a_resident_in_the_background_of_a_terminal_is_not_stopped_by_what_is_typed_there(tmp_path: Path) -> None:
    (tmp_path / "resident").mkdir()
    words = (sys.executable, scripted_resident.__file__, tmp_path / "resident", ASKS)
    shell = Terminal("/bin/sh", "-c", BEHIND, "sh", *words)
    try:
        shell.read_until("not used, as it runs in the background of this terminal\r\nstatus 0")
        shell.ended()
    finally:
        shell.close()
