"""Where no resident answers, the command does; where one has begun to, the command does not do it again."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from helpers import scripted_resident
from helpers.scripted_resident import asking, heard, serving, until

from edge_assistant.core.errors import ResidentLost
from edge_assistant.resident import client, door, facts, place, server, wire

TURN, BEGUN, WAITING = {"turn": True}, {"begun": True}, {"waiting": True}


@pytest.fixture
def resident(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """One that runs, in the folder `resident` of this test."""
    with serving(tmp_path / "resident") as process:
        yield process


@contextmanager
def listening(*messages: dict[str, object] | bytes, then: threading.Event | None = None) -> Iterator[None]:
    """In place of a resident: takes one question, sends messages, and hangs up, or stays until something happens."""
    held = server.opened()

    def speak() -> None:
        with socket.socket(fileno=held.listener) as listener, listener.accept()[0] as connection:
            wire.close(wire.receive(connection)[1])
            for message in messages:
                connection.send(message if isinstance(message, bytes) else wire.packed(message))
            if then is not None:
                then.wait(scripted_resident.HANGS)

    thread = threading.Thread(target=speak)
    thread.start()
    try:
        yield
    finally:
        if then is not None:
            then.set()
        thread.join()
        os.close(held.claim)


def test_a_resident_answers_with_the_streams_of_the_command(ask, resident, tmp_path: Path) -> None:
    assert ask("say:hello", "read", "tell:there", "status:3") == 3
    assert (ask.out, ask.err) == ("hello\nread typed\n", "there\n")


def test_verbs_that_it_does_not_answer_are_not_asked(ask, resident) -> None:
    assert client.answered(["models", "list"], 0.0) is None
    assert client.answered(["--no-lock", "ask", "say:hello"], 0.0) is None
    assert client.answered([], 0.0) is None
    assert ask.out == ""


@pytest.mark.parametrize("variable", ["OMP_NUM_THREADS", "LD_LIBRARY_PATH", "TZ", "EDGE_ASSISTANT_GPU"])
def test_with_another_environment_the_command_does_it(ask, resident, variable: str, monkeypatch) -> None:
    monkeypatch.setenv(variable, "7")
    assert ask("say:hello") is None
    assert (ask.out, ask.err) == ("", "resident: not used, as it was started with other environment\n")


@pytest.mark.parametrize("name", ["code", "versions of Python", "folders", "environment", "limits of resources"])
def test_where_anything_differs_the_command_does_it(ask, resident, name: str, monkeypatch) -> None:
    found = facts.facts()
    assert name in found
    monkeypatch.setattr(facts, "facts", lambda: found | {name: "another"})
    assert ask("say:hello") is None
    assert (ask.out, ask.err) == ("", f"resident: not used, as it was started with other {name}\n")


def test_limits_of_resources_are_compared_as_they_are(ask, resident) -> None:
    import resource

    before = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (86_400, before[1]))
    try:
        assert ask("say:hello") is None
    finally:
        resource.setrlimit(resource.RLIMIT_CPU, before)
    assert ask.err == "resident: not used, as it was started with other limits of resources\n"


ASKED = "from edge_assistant.resident import client; print(client.answered(['ask', 'say:hello', '--trace'], 0.0))"
LESS = {
    "privileges": "import ctypes; assert ctypes.CDLL(None).prctl(38, 1, 0, 0, 0) == 0",  # PR_SET_NO_NEW_PRIVS
    "groups": "import os; os.setgroups([12345])",
}


@pytest.mark.parametrize("what", LESS)
def test_what_a_process_may_do_is_the_kernels_word(resident, what: str) -> None:
    """Files that it may not open are not opened for it, whatever its message says; to end the resident is its right."""
    if what != "privileges" and os.geteuid() != 0:
        pytest.skip("only root can change the groups of a process")
    code = f"{LESS[what]}; {ASKED}; print(client.told('status') is not None)"
    line = [sys.executable, "-c", code]
    ran = subprocess.run(line, env=dict(os.environ), capture_output=True, text=True, check=True)
    assert ran.stdout == "None\nTrue\n"
    assert ran.stderr == "resident: not used, as it was started with other rights\n"


def test_a_process_that_sees_other_files_is_not_spoken_with(resident, tmp_path: Path) -> None:
    apart = [shutil.which("unshare") or "unshare", "--user", "--map-root-user", "--mount"]
    if subprocess.run([*apart, "true"], capture_output=True, check=False).returncode:
        pytest.skip("the kernel lets nobody have namespaces of their own here")
    line = [*apart, sys.executable, "-c", ASKED]
    ran = subprocess.run(line, env=dict(os.environ), capture_output=True, text=True, check=True)
    assert ran.stdout == "None\n"
    assert "resident: not used, as it " in ran.stderr


def test_beyond_so_many_guests_the_command_does_it(ask, resident) -> None:
    with ExitStack() as guests:
        for _ in range(door.GUESTS):
            guest = guests.enter_context(client.connected())
            wire.send(guest, wire.Order("status"))
            heard(guest, "pid")
        assert ask("say:hello") is None
        assert ask.err == "resident: not used, as too many ask at a time\n"
        with pytest.raises(client.Unfit, match="too many ask"):
            client.told("status")
    until(lambda: ask("say:hello") == 0)


def test_who_says_nothing_is_let_go_of(tmp_path: Path) -> None:
    (tmp_path / "resident").mkdir()
    (tmp_path / "resident" / "impatient").touch()
    with serving(tmp_path / "resident"), client.connected() as connection:
        connection.settimeout(scripted_resident.HANGS)
        assert connection.recv(1) == b""


def test_where_others_take_long_the_command_does_it(ask, resident, monkeypatch) -> None:
    monkeypatch.setattr(client, "PATIENCE_S", 0.0)
    with asking("long") as first:
        heard(first, "turn")
        assert ask("say:hello") is None
    assert (ask.out, ask.err) == ("", "resident: not used, as it is busy for long\n")


def test_who_waits_reads_it_once(ask, resident, tmp_path: Path) -> None:
    with asking("await:go") as first:
        heard(first, "turn")
        threading.Timer(2.5, (tmp_path / "resident" / "go").touch).start()
        assert ask("say:hello") == 0
    assert (ask.out, ask.err) == ("hello\n", "waiting: the resident is busy\n")


def test_an_answer_that_takes_long_is_waited_for(ask, resident, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(client, "PATIENCE_S", 0.0)
    threading.Timer(2.5, (tmp_path / "resident" / "go").touch).start()
    assert ask("await:go", "say:hello") == 0
    assert (ask.out, ask.err) == ("hello\n", "")


def test_one_that_gives_no_sign_of_life_prints_nothing_later(ask, resident, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(client, "LIFE_S", 0.3)
    os.kill(resident.pid, signal.SIGSTOP)
    assert ask("say:late", "note:done") is None
    os.kill(resident.pid, signal.SIGCONT)
    assert ask.err == "resident: not used, as it gives no sign of life\n"
    monkeypatch.setattr(client, "LIFE_S", scripted_resident.HANGS)
    with asking("say:now") as other:
        assert heard(other, "status") == 0
    assert ask.out == ""
    assert not (tmp_path / "resident" / "done").exists()


def test_one_that_stops_in_the_middle_prints_nothing_later(ask, resident, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(client, "LIFE_S", 0.5)
    folder = tmp_path / "resident"

    def stop() -> None:
        until((folder / "at work").exists)
        os.kill(resident.pid, signal.SIGSTOP)

    thread = threading.Thread(target=stop)
    thread.start()
    assert ask("note:at work", "await:go", "say:late") is None
    thread.join()
    (folder / "go").touch()
    os.kill(resident.pid, signal.SIGCONT)
    monkeypatch.setattr(client, "LIFE_S", scripted_resident.HANGS)
    until(lambda: (_now() or {}).get("renewals") == 1)  # its answer was broken off
    assert ask.out == ""


def _now() -> dict[str, object] | None:
    try:
        return client.told("status")
    except client.Unfit:
        return None


def test_one_that_computes_lives_although_its_door_cannot_speak(ask, resident, monkeypatch) -> None:
    monkeypatch.setattr(client, "LIFE_S", 0.7)
    assert ask("compute:1.6", "say:hello") == 0
    assert (ask.out, ask.err) == ("hello\n", "")


def test_a_command_that_was_suspended_takes_the_answer_that_came(ask, monkeypatch) -> None:
    monkeypatch.setattr(client, "PATIENCE_S", -1.0)
    with listening(WAITING, WAITING, TURN, BEGUN, {"status": 0}):
        assert ask("q") == 0
    assert ask.err == ""


def test_what_was_printed_at_the_last_moment_is_not_printed_again(ask, monkeypatch) -> None:
    """The resident begins to print just when the command has lost its patience."""
    monkeypatch.setattr(client, "LIFE_S", 0.1)
    receive, came = wire.receive, threading.Event()

    def late(connection: socket.socket) -> tuple[bytes, list[int]]:
        try:
            return receive(connection)
        except TimeoutError:
            came.set()
            until(lambda: connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT))
            raise

    monkeypatch.setattr(wire, "receive", late)
    held = server.opened()
    with socket.socket(fileno=held.listener) as listener:

        def speak() -> None:
            with listener.accept()[0] as connection:
                assert came.wait(scripted_resident.HANGS)
                wire.send(connection, BEGUN)
                connection.recv(1 << 20)
                connection.recv(1)

        thread = threading.Thread(target=speak)
        thread.start()
        with pytest.raises(ResidentLost):
            ask("q")
        thread.join()
    os.close(held.claim)


@pytest.mark.parametrize("message", [b"no JSON", b"[]", b"\xff", b'{"status": "0"}', b'{"more": 1}', b"{" * 100_000])
def test_what_is_said_wrongly_is_no_answer(ask, message: bytes) -> None:
    with listening(TURN, message):
        assert ask("q") is None
    assert ask.err.startswith("resident: not used, as ")


def test_what_is_said_wrongly_in_an_answer_ends_it(ask) -> None:
    with listening(TURN, BEGUN, b"no JSON"), pytest.raises(ResidentLost):
        ask("q")


@pytest.mark.parametrize("sent", [b"no JSON", b"{}", b'{"order": "format"}', b" " * (wire.MAX_BYTES + 1)])
def test_a_message_that_is_none_ends_the_connection_alone(ask, resident, sent: bytes) -> None:
    with client.connected() as connection:
        connection.send(sent)
        connection.settimeout(scripted_resident.HANGS)
        data = connection.recv(wire.MAX_BYTES)
        assert b"refused" in data or data == b""
    assert ask("say:hello") == 0


def test_streams_of_a_network_are_not_written_to(ask, resident) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server_, socket.create_connection(server_.getsockname()) as sent:
        assert ask("say:hello", stdout=sent.makefile("w")) is None
    assert ask.err == "resident: not used, as the streams are none that it writes to\n"


def test_streams_of_this_machine_are(ask, resident) -> None:
    one, other = socket.socketpair()
    with one, other:
        assert ask("say:hello", stdout=one.makefile("w")) == 0
        assert other.recv(100) == b"hello\n"


def test_what_is_no_folder_is_not_stood_in(resident) -> None:
    with client.connected() as connection:
        streams = (wire.Stream("utf-8", "strict"),) * wire.STREAMS
        nowhere = os.open(os.devnull, os.O_RDWR)
        wire.send(connection, wire.Question(("ask",), {}, facts.facts(), streams, 0.0), [nowhere] * wire.DESCRIPTORS)
        os.close(nowhere)
        assert heard(connection, "refused") == "the folder is none"


def test_a_socket_that_nobody_listens_on_is_none(ask) -> None:
    held = server.opened()
    wire.close([held.listener, held.claim])
    assert place.folder().joinpath(place.name()).is_socket()
    assert ask("q") is None
    assert ask.err == ""


def test_another_users_is_not_asked(ask, monkeypatch) -> None:
    held = server.opened()
    monkeypatch.setattr(place, "peer", lambda connection: place.Peer(1, os.geteuid() + 1, 0))
    try:
        assert ask("q") is None
    finally:
        wire.close([held.listener, held.claim])
    assert ask.err == "resident: not used, as it is another user's\n"


def test_a_command_line_that_is_too_long_is_not_sent(ask, resident) -> None:
    assert ask("x" * wire.MAX_BYTES) is None
    assert ask.err == "resident: not used, as too long\n"


@pytest.mark.parametrize(
    ("words", "again"), [(["note:at work", "long"], True), (["say:some", "note:at work", "long"], False)]
)
def test_one_that_is_killed_is_done_without_unless_it_has_printed(
    ask, resident, tmp_path: Path, words: Sequence[str], again: bool
) -> None:
    def kill() -> None:
        until((tmp_path / "resident" / "at work").exists)
        resident.kill()

    thread = threading.Thread(target=kill)
    thread.start()
    if again:
        assert ask(*words) is None
    else:
        with pytest.raises(ResidentLost) as raised:
            ask(*words)
        assert raised.value.exit_status == 70
    thread.join()


def test_a_lock_that_is_not_in_force_ends_it_and_the_command_does_it(ask, resident, tmp_path: Path) -> None:
    (tmp_path / "resident" / "unlocked").touch()
    assert ask("say:hello") is None
    assert resident.wait(scripted_resident.HANGS) == 0
    assert ask.out == ""


def test_where_none_can_run_nothing_is_looked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on macOS, which lacks the flag that its folder is opened with: ask, forget and doctor go on without."""
    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.delattr(os, "O_PATH")
    assert client.answered(["ask", "What is it?"], 0.0) is None
    assert client.told("status") is None
    assert client.ended("drop") is False
