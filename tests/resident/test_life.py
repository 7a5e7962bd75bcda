"""How a resident lives: it ends or begins anew where it has to, and an order is obeyed or the process is killed."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import nullcontext, suppress
from pathlib import Path

import pytest
from helpers.scripted_resident import HANGS, MOST_RENEWALS, asking, heard, serving, until

from edge_assistant.resident import client, facts, place, wire
from edge_assistant.resident.door import Door, Guest


def is_told_by_the_kernel() -> bool:
    """Whether a process at the other end can be had by itself, and not by its number alone."""
    one, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with one, other, place.process(one) as process:
        return process is not None


themselves = pytest.mark.skipif(not is_told_by_the_kernel(), reason="Linux before 6.5 names processes by number alone")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "resident"


@pytest.fixture
def resident(folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """One that runs, in the folder `resident` of this test."""
    with serving(folder) as process:
        yield process


def renewals() -> object:
    """How often it has begun anew; nothing while it does."""
    with suppress(client.Unfit):
        return (client.told("status") or {}).get("renewals")
    return None


def ends(process: subprocess.Popen[bytes]) -> bool:
    """Whether it ends by itself, and leaves no socket behind."""
    return process.wait(HANGS) == 0 and not place.folder().joinpath(place.name()).exists()


def test_it_ends_and_takes_its_socket_away(resident) -> None:
    assert client.ended("stop")
    assert ends(resident)
    assert not client.ended("stop")


def test_an_answer_that_is_made_comes_first(ask, resident, folder: Path) -> None:
    with asking("note:at work", "await:go", "status:5") as guest:
        until((folder / "at work").exists)
        with client.connected() as other:
            wire.send(other, wire.Order("stop"))
            assert heard(other, "obeys")
            assert ask("say:hello") is None
            assert ask.err == "resident: not used, as it is ending\n"
            (folder / "go").touch()
            assert heard(guest, "status") == 5
            assert other.recv(1) == b""
    assert ends(resident)


def test_who_waits_is_told_when_it_is_to_end(resident, folder: Path) -> None:
    with asking("note:at work", "await:go") as first:
        until((folder / "at work").exists)
        with asking("say:hello") as second, client.connected() as other:
            second.settimeout(HANGS)
            heard(second, "waiting")
            wire.send(other, wire.Order("stop"))
            assert heard(second, "refused") == "it is ending"
        (folder / "go").touch()
        assert heard(first, "status") == 0


def test_an_order_and_a_question_at_the_same_moment(resident, folder: Path) -> None:
    """What the order ends is not listened to any more, and the door goes on."""
    with asking("note:at work", "await:go") as first:
        until((folder / "at work").exists)
        with client.connected() as one, client.connected() as other:
            wire.send(other, wire.Order("status"))
            heard(other, "pid")  # both are known
            os.kill(resident.pid, signal.SIGSTOP)
            wire.send(one, wire.Order("stop"))
            with asking("say:hello"):
                other.close()
                os.kill(resident.pid, signal.SIGCONT)
                assert heard(one, "obeys")
                found = client.told("status")
                assert found is not None
                assert found["answering"]
        (folder / "go").touch()
        assert heard(first, "status") == 0


def test_it_begins_anew_as_the_same_process(resident) -> None:
    assert client.ended("drop")
    until(lambda: renewals() == 1)
    found = client.told("status")
    assert found is not None
    assert (found["pid"], found["answered"]) == (resident.pid, 0)


def test_one_that_began_anew_often_ends(resident) -> None:
    for _ in range(MOST_RENEWALS + 1):
        assert client.ended("drop")
    assert ends(resident)


@pytest.mark.parametrize("order", ["stop", "drop"])
def test_one_that_does_not_obey_is_killed(resident, order: str, monkeypatch) -> None:
    monkeypatch.setattr(client, "OBEYS_S", 0.2)
    os.kill(resident.pid, signal.SIGSTOP)
    assert client.ended(order)
    assert resident.wait(HANGS) == -signal.SIGKILL


def test_to_kill_one_is_to_wait_until_its_memory_is_gone(monkeypatch) -> None:
    """The kernel closes what a process had open after its memory is given back."""
    monkeypatch.setattr(place, "process", lambda connection: nullcontext())
    one, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with one, subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        killing = threading.Thread(target=client._kill, args=(one, process.pid), daemon=True)
        killing.start()
        assert process.wait(HANGS) == -signal.SIGKILL
        killing.join(0.2)
        assert killing.is_alive()
        other.close()
        killing.join(HANGS)
        assert not killing.is_alive()


def test_what_is_forgotten_waits_for_an_answer_that_ends_in_time(resident, folder: Path) -> None:
    with asking("note:at work", "await:go", "status:5") as guest:
        until((folder / "at work").exists)
        obeyed = list[bool]()
        forgetting = threading.Thread(target=lambda: obeyed.append(client.ended("drop")))
        forgetting.start()
        found = client.told("status")
        assert found is not None
        assert found["answering"]
        (folder / "go").touch()
        assert heard(guest, "status") == 5
        forgetting.join(HANGS)
        assert obeyed == [True]
    until(lambda: renewals() == 1)
    assert resident.poll() is None


def test_one_in_the_middle_of_an_answer_is_killed_for_what_is_forgotten(
    ask, resident, folder: Path, monkeypatch
) -> None:
    monkeypatch.setattr(client, "OBEYS_S", 0.2)
    with asking("note:at work", "long") as guest:
        until((folder / "at work").exists)
        assert client.ended("drop")
        with pytest.raises((EOFError, ConnectionResetError)):
            heard(guest, "status")
    assert resident.wait(HANGS) == -signal.SIGKILL


@themselves
def test_a_number_that_is_anothers_by_now_is_not_killed(resident, monkeypatch) -> None:
    """Numbers of processes are used again; the process that listens is killed all the same."""
    monkeypatch.setattr(client, "OBEYS_S", 0.2)
    with subprocess.Popen(["sleep", "600"]) as other:
        monkeypatch.setattr(place, "peer", lambda connection: place.Peer(other.pid, os.geteuid(), os.getegid()))
        os.kill(resident.pid, signal.SIGSTOP)
        assert client.ended("drop")
        other.kill()
    assert resident.wait(HANGS) == -signal.SIGKILL


@themselves
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
        with pytest.raises(client.Unfit, match="another process goes on from it"):
            client.ended("drop")
    finally:
        os.kill(int(ran.stdout), signal.SIGKILL)
    until(lambda: not place.is_claimed())
    assert not client.ended("drop")


def test_one_that_cannot_be_seen_from_here_is_not_killed_and_nobody_else_is(resident, monkeypatch) -> None:
    """In another container's namespace of processes it has the number 0, which stands for all of our own group."""
    monkeypatch.setattr(client, "OBEYS_S", 0.2)
    monkeypatch.setattr(place, "peer", lambda connection: place.Peer(0, os.geteuid(), os.getegid()))
    with asking("long") as guest, monkeypatch.context() as patch:
        heard(guest, "turn")
        patch.setattr(os, "kill", lambda *given: pytest.fail("somebody is killed"))
        with pytest.raises(client.Unfit, match="cannot be seen from here"):
            client.ended("drop")


def test_a_policy_that_changed_lets_it_begin_anew(resident, folder: Path) -> None:
    (folder / "changed").touch()
    until(lambda: renewals() == 1)


def test_a_policy_that_changed_holds_for_those_that_wait_already(resident, folder: Path) -> None:
    with asking("note:at work", "await:go") as first, asking("note:answered") as second:
        until((folder / "at work").exists)
        (folder / "changed").touch()
        (folder / "go").touch()
        assert heard(first, "status") == 0
        with pytest.raises((EOFError, ConnectionResetError)):
            heard(second, "status")
    until(lambda: renewals() == 1)
    assert not (folder / "answered").exists()


def test_a_folder_that_is_gone_ends_it(resident) -> None:
    shutil.rmtree(place.folder())
    assert ends(resident)


def test_a_lock_that_is_not_in_force_ends_it(resident, folder: Path) -> None:
    (folder / "unlocked").touch()
    assert ends(resident)


def test_where_memory_is_wanted_and_all_was_given_back_it_ends(resident, folder: Path) -> None:
    (folder / "short").touch()
    assert ends(resident)


def test_after_its_minutes_it_ends(folder: Path) -> None:
    with serving(folder, minutes=0.01) as process:
        assert ends(process)


def test_for_visitors_it_begins_anew_after_each_question(resident, folder: Path) -> None:
    (folder / "alone").touch()
    with asking("say:hello") as guest:
        assert heard(guest, "status") == 0
    until(lambda: renewals() == 1)


def test_a_fault_lets_it_begin_anew(resident) -> None:
    with asking("status:70") as guest:
        assert heard(guest, "status") == 70
    until(lambda: renewals() == 1)


@pytest.mark.parametrize("words", [["note:at work", "long"], ["say:some", "note:at work", "long"]])
def test_who_hangs_up_is_not_answered_and_it_begins_anew(resident, folder: Path, words: list[str]) -> None:
    with asking(*words):
        until((folder / "at work").exists)
    until(lambda: renewals() == 1)
    assert resident.poll() is None


def test_ctrl_c_ends_the_answer_and_it_begins_anew(resident, folder: Path) -> None:
    with asking("note:at work", "long") as guest:
        until((folder / "at work").exists)
        wire.send(guest, {wire.INTERRUPT: True})
        assert heard(guest, "status") == 130
    until(lambda: renewals() == 1)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_in_the_middle_of_an_answer_too(resident, folder: Path, number: int) -> None:
    with asking("note:at work", "long") as guest:
        until((folder / "at work").exists)
        os.kill(resident.pid, number)
        assert heard(guest, "status") == 130
    assert ends(resident)


def test_to_end_counts_more_than_to_begin_anew(resident, folder: Path) -> None:
    with asking("note:at work", "await:go", "status:70"):
        until((folder / "at work").exists)
        for order in ("stop", "drop"):
            with client.connected() as other:
                wire.send(other, wire.Order(order))
                assert heard(other, "obeys")
        (folder / "go").touch()
    assert ends(resident)


def test_who_has_waited_is_answered_after_an_interrupted_one(resident, folder: Path) -> None:
    with asking("note:at work", "long") as first, asking("say:hello") as second:
        until((folder / "at work").exists)
        wire.send(first, {wire.INTERRUPT: True})
        assert heard(first, "status") == 130
        with suppress(EOFError, ConnectionResetError):  # it begins anew, and whoever waited does the work itself
            assert heard(second, "status") == 0


@pytest.mark.parametrize("full", [True, False], ids=["one that is suspended takes nothing more", "one that is gone"])
def test_who_cannot_be_told_that_something_is_printed_gets_nothing_printed(monkeypatch, full: bool) -> None:
    muted = list[bool]()
    monkeypatch.setattr("edge_assistant.resident.door.mute", lambda: muted.append(True))
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ours.setblocking(False)
    with ours, theirs:
        if full:
            with suppress(BlockingIOError):
                while True:
                    wire.send(ours, {"waiting": True})
        else:
            theirs.shutdown(socket.SHUT_RD)
        guest = Guest(ours, 0.0, reply=ours.dup())
        door = Door.__new__(Door)
        door._current = guest
        with pytest.raises(KeyboardInterrupt):
            door.begun()
        assert (guest.interrupted, muted) == (True, [True])
        door.begun()  # what is printed of that goes nowhere
        theirs.settimeout(HANGS)
        while wire.receive(theirs)[0]:
            pass  # and then there is an end
        guest.close()


def test_another_users_process_is_not_listened_to(monkeypatch) -> None:
    monkeypatch.setattr(place, "peer", lambda connection: place.Peer(os.getpid(), os.geteuid() + 1, 0))
    door = Door.__new__(Door)
    door._seen, door._guests = facts.seen("self"), {}
    assert door._unwelcome(None) == "it sees other files"


@themselves
def test_a_number_that_is_anothers_by_now_gives_no_rights(monkeypatch) -> None:
    """Who connected is gone, and a process that may more has its number; who asks over the connection may not."""
    one, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    door = Door.__new__(Door)
    door._rights = facts.rights("self")
    with one, other, socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
        assert door._is_equal(one)
        with place.opened(place.claims(), make=True) as folder:
            listener.bind(place.address(folder, "socket"))
            listener.listen()
            code = "import socket, sys; socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET).connect(sys.argv[1])"
            subprocess.run([sys.executable, "-c", code, str(place.claims() / "socket")], check=True)
        with listener.accept()[0] as connection:
            monkeypatch.setattr(place, "peer", lambda connection: place.Peer(os.getpid(), os.geteuid(), os.getegid()))
            assert not door._is_equal(connection)


def test_no_answer_begins_while_it_looks_what_there_is_to_do() -> None:
    """It gives memory back then, and an answer changes the variables that it goes by."""
    listener, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    guest = Guest(other, time.monotonic())
    taken: list[object] = []
    early: list[bool] = []

    def look() -> None:
        answering.start()
        answering.join(0.2)  # which it would take a thousandth of
        early.append(bool(taken))

    with listener, other:
        door = Door(listener, same={}, stop=lambda: None, look=look, told=dict)
        answering = threading.Thread(target=lambda: taken.append(door.next()), daemon=True)
        door.ready = True
        door._turns.put(guest)
        door._tick(time.monotonic())
        answering.join(HANGS)
    assert (taken, early) == ([guest], [False])
