"""How a resident lives: it ends or restarts where it has to, and an order is obeyed or the process is killed."""

from __future__ import annotations

import contextlib
import os
import resource
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import Any, NoReturn

import pytest
from helpers.platforms import needs_peer_descriptors
from helpers.scripted_resident import HANGS, MOST_RENEWALS, TICK_S, asking, heard, question, renewals, serving, until
from helpers.systemd import NotifySocket

from edge_assistant.core.errors import InputCorrupt
from edge_assistant.core.events import Said
from edge_assistant.core.signals import Kind, Origin, take_bytes
from edge_assistant.resident import client, compared, protocol, server
from edge_assistant.resident.guest import Guest
from edge_assistant.resident.protocol import Channel
from edge_assistant.resident.work import ResidentWork


def ends(process: subprocess.Popen[bytes]) -> bool:
    """Whether it ends by itself, and leaves no socket behind."""
    return process.wait(HANGS) == 0 and not (protocol.folder() / protocol.SOCKET).exists()


def test_it_ends_and_takes_its_socket_away(resident) -> None:
    assert client.end("stop")
    assert ends(resident)
    assert not client.end("stop")


def test_an_answer_in_progress_comes_first_and_who_waits_is_let_go(ask, resident, folder: Path) -> None:
    with asking("note:at work", "await:go") as first:
        until((folder / "at work").exists)
        with asking("say:hello") as second, client.connected() as other:
            other.connection.settimeout(HANGS)
            other.send({"order": "stop"})
            assert heard(other, "obeys")
            with pytest.raises((EOFError, ConnectionError)):
                heard(second, "answer")
            assert ask("say:hello") == "not used, as it is ending"
            (folder / "go").touch()
            assert heard(first, "answer")
            with pytest.raises((EOFError, ConnectionError)):
                other.receive()
    assert ends(resident)


def test_it_restarts_as_the_same_process(resident) -> None:
    assert client.end("restart")
    until(lambda: renewals() == 1)
    found = client.status()
    assert found is not None
    assert (found["pid"], found["answered"]) == (resident.pid, 0)


@pytest.fixture
def manager(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[NotifySocket]:
    """What hears the resident of this test, with a watchdog of two ticks."""
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
    monkeypatch.setenv("WATCHDOG_USEC", str(int(2e6 * TICK_S)))
    with NotifySocket(str(tmp_path / "notify")) as made:
        yield made


def test_systemd_hears_that_it_is_ready_works_restarts_and_ends(manager, folder: Path, ask) -> None:
    lines: list[str] = []

    def comes(wanted: str) -> bool:
        lines.extend(line for told in manager.heard() for line in told)
        return wanted in lines

    def hears(wanted: str) -> None:
        until(lambda: comes(wanted))
        del lines[: lines.index(wanted) + 1]

    folder.mkdir()
    (folder / "lacking").touch()
    with serving(folder) as process:
        hears("READY=1")
        hears("STATUS=is ready, degraded: model.missing")
        hears("WATCHDOG=1")
        assert (client.status() or {})["degraded"] == "model.missing"
        assert ask("say:one") == "done"
        hears("STATUS=is ready, 1 answered")
        client.end("restart")
        hears("STATUS=restarts with fresh memory")
        hears("READY=1")
        assert (client.status() or {})["pid"] == process.pid
        hears("WATCHDOG=1")
        client.end("stop")
        hears("STOPPING=1")


@pytest.mark.parametrize("file", ["deaf", "hanging"])
def test_systemd_hears_nothing_of_one_that_hangs_or_accepts_nobody(manager, folder: Path, file: str) -> None:
    folder.mkdir()
    (folder / file).touch()
    with serving(folder), contextlib.ExitStack() as stack:
        if file == "hanging":
            channel = stack.enter_context(asking("long"))
            assert None not in [heard(channel, "turn") for _ in range(2)]  # another thread says that it lives
        until(lambda: any("READY=1" in told for told in manager.heard()))
        until(lambda: manager.silent(5 * TICK_S))  # a look of the main thread goes by, the watchdog's time twice


def test_one_that_restarted_often_ends(resident) -> None:
    for _ in range(MOST_RENEWALS + 1):
        assert client.end("restart")
    assert ends(resident)


@pytest.mark.parametrize("order", ["stop", "restart"])
def test_one_that_does_not_obey_is_killed(resident, order: str, monkeypatch) -> None:
    monkeypatch.setattr(client, "OBEYS_S", 0.2)
    os.kill(resident.pid, signal.SIGSTOP)
    assert client.end(order)
    assert resident.wait(HANGS) == -signal.SIGKILL


def test_to_kill_one_is_to_wait_until_its_memory_is_gone(monkeypatch) -> None:
    """The kernel closes what a process had open after its memory is given back."""
    monkeypatch.setattr(protocol, "process", lambda connection: nullcontext())
    one, other = socket.socketpair()
    with one, subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        killing = threading.Thread(target=client._kill, args=(one, process.pid), daemon=True)
        killing.start()
        assert process.wait(HANGS) == -signal.SIGKILL
        killing.join(0.2)
        assert killing.is_alive()
        other.close()
        killing.join(HANGS)
        assert not killing.is_alive()


def test_one_in_the_middle_of_an_answer_is_killed_for_what_is_forgotten(resident, folder: Path, monkeypatch) -> None:
    monkeypatch.setattr(client, "OBEYS_S", 0.2)
    with asking("note:at work", "long") as guest:
        until((folder / "at work").exists)
        assert client.end("restart")
        with pytest.raises((EOFError, ConnectionError)):
            heard(guest, "answer")
    assert resident.wait(HANGS) == -signal.SIGKILL


@needs_peer_descriptors
def test_a_number_that_is_anothers_by_now_is_not_killed(resident, monkeypatch) -> None:
    """Numbers of processes are used again; the process that listens is killed all the same."""
    monkeypatch.setattr(client, "OBEYS_S", 0.2)
    with subprocess.Popen(["sleep", "600"]) as other:
        monkeypatch.setattr(protocol, "peer", lambda one: protocol.Peer(other.pid, os.geteuid(), os.getegid()))
        os.kill(resident.pid, signal.SIGSTOP)
        assert client.end("restart")
        other.kill()
    assert resident.wait(HANGS) == -signal.SIGKILL


@needs_peer_descriptors
def test_one_whose_starter_is_gone_before_it_listens_is_not_said_to_be_gone(monkeypatch) -> None:
    """The kernel names the process that began to listen; who goes on from it has the claim, and is not seen yet."""
    monkeypatch.setattr(client, "OBEYS_S", 0.2)
    code = (
        "import os, sys, time; from edge_assistant.resident import server; held = server.opened()\n"
        "if os.fork(): os._exit(0)\n"
        "print(os.getpid(), flush=True); os.close(1); time.sleep(600)"
    )
    ran = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, check=True)
    try:
        with pytest.raises(client.Unavailable, match="another process takes over"):
            client.end("restart")
    finally:
        os.kill(int(ran.stdout), signal.SIGKILL)
    until(lambda: not protocol.is_claimed())
    assert not client.end("restart")


def test_one_that_cannot_be_seen_from_here_is_not_killed_and_nobody_else_is(resident, folder, monkeypatch) -> None:
    """In another container's namespace of processes it has the number 0, which stands for all of our own group."""
    monkeypatch.setattr(client, "OBEYS_S", 0.2)
    monkeypatch.setattr(protocol, "peer", lambda connection: protocol.Peer(0, os.geteuid(), os.getegid()))
    with asking("note:at work", "long"), monkeypatch.context() as patch:
        until((folder / "at work").exists)
        patch.setattr(os, "kill", lambda *given: pytest.fail("somebody is killed"))
        with pytest.raises(client.Unavailable, match="cannot be seen from here"):
            client.end("restart")


@pytest.mark.parametrize("file", ["changed", "unlocked"])
def test_a_policy_or_lock_that_changed_holds_for_those_that_wait_already(resident, folder: Path, file: str) -> None:
    with asking("note:at work", "await:go") as first:
        until((folder / "at work").exists)
        with asking("note:answered") as second:
            until(lambda: (client.status() or {}).get("waiting") == 1)
            (folder / file).touch()
            (folder / "go").touch()
            assert heard(first, "answer")
            with pytest.raises((EOFError, ConnectionError)):
                heard(second, "answer")
    if file == "changed":
        until(lambda: renewals() == 1)
    else:
        assert ends(resident)
    assert not (folder / "answered").exists()


@pytest.mark.parametrize("file", ["unlocked", "short", None])
def test_without_lock_memory_or_folder_it_ends(resident, folder: Path, file: str | None) -> None:
    shutil.rmtree(protocol.folder()) if file is None else (folder / file).touch()
    assert ends(resident)


def test_after_its_minutes_it_ends(folder: Path) -> None:
    with serving(folder, minutes=0.01) as process:
        assert ends(process)


def test_a_connection_that_says_nothing_is_closed(folder: Path) -> None:
    folder.mkdir()
    (folder / "impatient").touch()
    with serving(folder), client.connected() as channel:
        channel.connection.settimeout(HANGS)
        with pytest.raises(EOFError):
            channel.receive()


def test_for_visitors_it_restarts_after_each_question_and_else_never(ask, resident, folder: Path) -> None:
    for _ in range(3):
        assert ask("say:hello") == "done"
    until(lambda: renewals() == 0)
    (folder / "alone").touch()
    assert ask("say:hello") == "done"
    until(lambda: renewals() == 1)


def test_it_listens_beside_an_answer_and_restarts_where_visitors_spoke(ask, resident, folder: Path) -> None:
    """Also where they hang up in the middle of it."""
    with asking("note:at work", "await:go") as busy, client.connected() as speaks:
        until((folder / "at work").exists)
        speaks.connection.settimeout(HANGS)
        speaks.send({"listen": {"rate": 16_000}})
        assert heard(speaks, "heard") == {"rate": 16_000}
        (folder / "go").touch()
        assert heard(busy, "answer")
    until(lambda: renewals() == 0)
    (folder / "alone").touch()
    with client.connected() as speaks:
        speaks.send({"listen": {}})
    until(renewals)  # who spoke first may have hung up after the visitors came


@pytest.mark.parametrize("words", [["note:at work", "long"], ["say:some", "note:at work", "long"]])
def test_who_hangs_up_is_not_answered_and_the_next_one_is_without_a_restart(
    ask, resident, folder: Path, words: list[str]
) -> None:
    with asking(*words):
        until((folder / "at work").exists)
    until((folder / "stopped").exists)
    assert ask("say:hello") == "done"
    until(lambda: renewals() == 0)
    assert resident.poll() is None


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_in_the_middle_of_an_answer_too(resident, folder: Path, number: int) -> None:
    with asking("note:at work", "long") as guest:
        until((folder / "at work").exists)
        os.kill(resident.pid, number)
        with pytest.raises((EOFError, ConnectionError)):
            heard(guest, "answer")
    assert ends(resident)


@needs_peer_descriptors
def test_a_number_that_is_anothers_by_now_gives_no_rights(monkeypatch) -> None:
    """Who connected is gone, and a process that may more has its number; who asks over the connection may not."""
    one, other = socket.socketpair()
    resident = server.Resident.__new__(server.Resident)
    resident._rights = compared.rights("self")
    with one, other, socket.socket(socket.AF_UNIX) as listener:
        assert resident._is_equal(one)
        with protocol.opened(make=True) as folder:
            listener.bind(protocol.address(folder))
            listener.listen()
            code = "import socket, sys; socket.socket(socket.AF_UNIX).connect(sys.argv[1])"
            subprocess.run([sys.executable, "-c", code, str(protocol.folder() / protocol.SOCKET)], check=True)
        with listener.accept()[0] as connection:
            monkeypatch.setattr(protocol, "peer", lambda one: protocol.Peer(os.getpid(), os.geteuid(), os.getegid()))
            assert not resident._is_equal(connection)


def test_another_users_process_gets_no_reply(monkeypatch) -> None:
    monkeypatch.setattr(protocol, "peer", lambda connection: protocol.Peer(os.getpid(), os.geteuid() + 1, 0))
    one, other = socket.socketpair()
    with one:
        one.sendall(b'{"order": "status"}\n')
        server.Resident.__new__(server.Resident)._attend(other)
        with suppress(ConnectionResetError):
            assert one.recv(1) == b""


def test_a_gateway_gets_parts_and_a_reply_without_being_equal(resident) -> None:
    given = take_bytes(b"a pump", Kind.TEXT, 1, origin=Origin.USER, name="a.txt")
    message = protocol.ServiceMessage(protocol.ServiceTask.ASK, ("before", "say:one"), (given,))
    with client.connected() as channel, os.fdopen(os.memfd_create("signal"), "wb") as file:
        channel.connection.settimeout(HANGS)
        file.write(b"a pump")
        file.flush()
        channel.send({"service": message}, [file.fileno()])
        assert heard(channel, "part") == {"text": "before"}
        assert heard(channel, "event") == Said("one")
        assert heard(channel, "held") == ["a pump"]


def test_a_gateway_hands_over_regular_files_only(resident) -> None:
    given = take_bytes(b"a pump", Kind.TEXT, 1, origin=Origin.USER, name="a.txt")
    message = protocol.ServiceMessage(protocol.ServiceTask.ASK, ("one",), (given,))
    for descriptors in ([], [0, 0], [resident_socket := socket.socket(socket.AF_UNIX).detach()]):
        with client.connected() as channel:
            channel.connection.settimeout(HANGS)
            channel.send({"service": message}, descriptors)
            assert heard(channel, "refused") == "the signals are no files"
    os.close(resident_socket)


def test_a_wish_to_stop_who_left_as_its_turn_came_stops_nobody_else(home: Path, folder: Path) -> None:
    """It is taken back before the next answer begins, and comes from no earlier guest once that has."""
    wish = threading.Event()

    class Leaves(Guest):
        def send(self, message: Mapping[str, object]) -> bool:
            assert wish.wait(HANGS), "the thread of the connection sees that nobody is there, and asks to stop"
            return False

    class Stays(Guest):
        def send(self, message: Mapping[str, object]) -> bool:
            assert not wish.is_set()
            return False

    ours, theirs = socket.socketpair()
    guest = Leaves(Channel(ours, protocol.REQUEST_BYTES), question("say:one"))
    theirs.close()
    with ours, here(begin=wish.clear, stop=wish.set) as resident:
        attending = threading.Thread(target=resident._ask, args=(guest,))
        guest.gone = True
        resident._current = guest
        attending.start()
        assert resident._serve(guest) is None
        attending.join(HANGS)
        assert wish.is_set()
        assert resident._serve(Stays(Channel(ours, protocol.REQUEST_BYTES), question("say:two"))) is None


def test_who_hangs_up_at_an_error_stops_nobody_else(home: Path, folder: Path) -> None:
    """The error is the reply, and the wish to stop would outlast it."""
    stopped = threading.Event()

    class Leaves(Guest):
        def send(self, message: Mapping[str, object]) -> bool:
            if "error" in message:
                self.gone = True
                attending = threading.Thread(target=resident._ask, args=(self,))
                attending.start()
                attending.join(1)
            return True

    def refuses(*_: object) -> NoReturn:
        raise InputCorrupt("it is damaged", "give another one")

    ours, theirs = socket.socketpair()
    with ours, theirs, here(answer=refuses, stop=stopped.set, locked=lambda: True) as resident:
        resident._serve(Leaves(Channel(ours, protocol.REQUEST_BYTES), question("say:one")))
    assert not stopped.is_set()


def test_a_connection_may_have_any_number(home: Path, folder: Path) -> None:
    """As where many clients ask over many files; select(2) knows numbers up to 1,023 only."""
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (limits[1], limits[1]))
    ours, theirs = socket.socketpair()
    try:
        with ours, theirs, here() as resident, socket.socket(fileno=os.dup2(ours.fileno(), 1_024)) as high:
            theirs.shutdown(socket.SHUT_WR)
            resident._ask(guest := Guest(Channel(high, protocol.REQUEST_BYTES), question("say:one")))
            assert guest.gone
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)


@contextlib.contextmanager
def here(**given: Any) -> Iterator[server.Resident]:
    """A resident in this process that does nothing but what is given."""
    nothing: dict[str, Any] = {
        "facts": {}, "environment": {}, "answer": no_answer, "serve": no_answer, "listen": no_answer, "warm": int,
        "begin": int, "stop": int, "relieve": bool, "changed": str, "alone": bool, "locked": bool, "again": (),
    }  # fmt: skip
    held = server.opened()
    resident = server.Resident(held, ResidentWork(**nothing | given), 0)
    yield resident
    resident._listener.close()
    os.close(held.claim)


def no_answer(*_: object) -> NoReturn:
    raise AssertionError
