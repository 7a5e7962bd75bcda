"""One process computes at a time: who waits says so, can be stopped, and goes on when the other has ended, however."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from edge_assistant.compute.runtime import Halt
from edge_assistant.compute.scheduling.turn import ComputeTurn
from edge_assistant.core.errors import Stopped
from edge_assistant.core.limits import TURN_SECONDS

HOLDS = """
import sys, time
from pathlib import Path
from edge_assistant.compute.scheduling.turn import ComputeTurn
with ComputeTurn(Path(sys.argv[1])).taken(lambda: None, lambda: None):
    print("taken", flush=True)
    sys.stdin.readline()
"""
WAITS = """
import sys
from pathlib import Path
from edge_assistant.compute.scheduling.turn import ComputeTurn
with ComputeTurn(Path(sys.argv[1])).taken(lambda: print("waits", flush=True), lambda: None):
    print("taken", flush=True)
"""


@contextmanager
def process(script: str, path: Path) -> Iterator[subprocess.Popen[str]]:
    pipe = subprocess.PIPE
    started = subprocess.Popen(
        [sys.executable, "-c", script, str(path)], stdin=pipe, stdout=pipe, stderr=pipe, text=True
    )
    try:
        yield started
    finally:
        started.kill()
        started.communicate()


def line(of: subprocess.Popen[str]) -> str:
    assert of.stdout is not None
    return of.stdout.readline().strip()


def free(path: Path) -> bool:
    """Whether the turn can be had at once."""
    try:
        with ComputeTurn(path).taken(lambda: None, Halted().check):
            return True
    except Stopped:
        return False


class Halted(Halt):
    """A wish to stop that was there before."""

    def __init__(self) -> None:
        super().__init__()
        self.ask()


def test_a_second_process_waits_says_so_and_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "state" / "turn"
    with process(HOLDS, path) as first:
        assert line(first) == "taken"
        with process(WAITS, path) as second:
            assert line(second) == "waits"
            assert second.poll() is None
            first.communicate("go on\n")
            assert line(second) == "taken"


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_the_turn_goes_with_the_process_that_has_it(number: signal.Signals, tmp_path: Path) -> None:
    path = tmp_path / "turn"
    with process(HOLDS, path) as first:
        assert line(first) == "taken"
        assert not free(path)
        first.send_signal(number)
        first.wait()
        assert path.exists()
        assert free(path)


@pytest.mark.skipif(not Path("/proc/locks").exists(), reason="only Linux tells who has locked a file")
def test_a_process_that_was_stopped_is_not_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "turn"
    with process(HOLDS, path) as first:
        assert line(first) == "taken"
        with process(WAITS, path) as second:
            assert line(second) == "waits"
            first.send_signal(signal.SIGSTOP)
            assert line(second) == "taken"
        first.send_signal(signal.SIGCONT)
        assert not free(path)
        first.communicate("go on\n")
        assert free(path)


def test_a_process_that_computes_for_long_is_not_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with process(HOLDS, path) as first:
        assert line(first) == "taken"
        long_ago = time.time() - TURN_SECONDS.value - 1
        os.utime(path, (long_ago, long_ago))
        with process(WAITS, path) as second:
            assert (line(second), line(second)) == ("waits", "taken")


def test_ctrl_c_ends_the_waiting(tmp_path: Path) -> None:
    path = tmp_path / "turn"
    with ComputeTurn(path).taken(lambda: None, lambda: None), process(WAITS, path) as second:
        assert line(second) == "waits"
        second.send_signal(signal.SIGINT)
        assert "KeyboardInterrupt" in second.communicate(timeout=60)[1]
        assert second.returncode != 0
    assert free(path)


@pytest.mark.parametrize("content", [b"", b"12345\n", b"\0" * 5000])
def test_a_file_that_was_left_is_no_obstacle(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "turn"
    path.write_bytes(content)
    os.utime(path, (1, 1))
    assert free(path)
    assert path.stat().st_mtime > 1, "who takes the turn begins anew"
    assert path.read_bytes() == content
    path.unlink()
    assert free(path)
    assert (path.stat().st_mode & 0o777, path.stat().st_size) == (0o600, 0)


def test_where_no_file_can_be_locked_everybody_goes_on(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    (tmp_path / "link").symlink_to(tmp_path / "file")
    (tmp_path / "folder").mkdir()
    for path in (tmp_path / "file" / "turn", tmp_path / "link", tmp_path / "folder", None):
        with ComputeTurn(path).taken(lambda: pytest.fail("there is nobody to wait for"), lambda: None):
            pass
    assert (tmp_path / "file").read_text() == "no folder"


def test_one_thread_nests_it_and_another_waits_for_all_of_it(tmp_path: Path) -> None:
    turn, order, waits = ComputeTurn(tmp_path / "turn"), list[str](), threading.Event()

    def other() -> None:
        with turn.taken(waits.set, lambda: None):
            order.append("other")

    thread = threading.Thread(target=other)
    with turn.taken(lambda: None, lambda: None):
        thread.start()
        assert waits.wait(60)
        with turn.taken(lambda: pytest.fail("it is mine"), lambda: None):
            order.append("inner")
        order.append("outer")
    thread.join()
    assert order == ["inner", "outer", "other"]


def test_it_is_given_away_while_a_person_is_asked(tmp_path: Path) -> None:
    path = tmp_path / "turn"
    turn = ComputeTurn(path)
    with turn.taken(lambda: None, lambda: None), turn.taken(lambda: None, lambda: None):
        assert not free(path)
        with turn.given(lambda: None, lambda: None):
            assert free(path)
        assert not free(path)
    assert free(path)
    with turn.given(lambda: None, lambda: None):  # whoever does not have it has nothing to give
        assert free(path)


def test_children_do_not_keep_it(tmp_path: Path) -> None:
    path = tmp_path / "turn"
    with ComputeTurn(path).taken(lambda: None, lambda: None):
        child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, close_fds=False)
    tries = iter(range(1000))  # the kernel closes the child's copy a moment after it has let the parent go on
    with ComputeTurn(path).taken(lambda: None, lambda: next(tries)):
        assert child.poll() is None
    child.communicate(b"\n")


def test_stopped_while_it_waits_for_what_it_gave_away(tmp_path: Path) -> None:
    path, halt = tmp_path / "turn", Halt()
    turn, other = ComputeTurn(path), ComputeTurn(path)
    with pytest.raises(Stopped), turn.taken(lambda: None, lambda: None), turn.given(lambda: halt.ask(), halt.check):
        assert other._tried()
    other._give()
    assert free(path)
