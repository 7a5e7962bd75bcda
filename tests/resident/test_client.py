"""What the resident does not answer, the command does; what it has begun to answer, the command does not do again."""

from __future__ import annotations

import os
import resource
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import pytest
from helpers import scripted_resident
from helpers.scripted_resident import TICK_S, asking, heard, question, renewals, until

from edge_assistant.core.errors import InputCorrupt, ResidentLost
from edge_assistant.core.events import Event, Said
from edge_assistant.core.signals import Kind, Origin, Signal, take_bytes, take_file
from edge_assistant.resident import client, compared, protocol, server

EVENT = {"event": Said("some")}


@contextmanager
def listening(*messages: dict[str, object] | bytes) -> Iterator[None]:
    """In place of a resident: takes one question, sends messages, and hangs up."""
    held = server.opened()

    def speak() -> None:
        with socket.socket(fileno=held.listener) as listener, listener.accept()[0] as connection:
            protocol.Channel(connection, protocol.REQUEST_BYTES).receive()
            for message in messages:
                connection.sendall(message if isinstance(message, bytes) else protocol.packed(message))

    thread = threading.Thread(target=speak)
    thread.start()
    try:
        yield
    finally:
        thread.join()
        os.close(held.claim)


@contextmanager
def when_noted(folder: Path, do: object) -> Iterator[None]:
    """Do something once the resident has noted `at work`."""

    def wait() -> None:
        until((folder / "at work").exists)
        assert callable(do)
        do()

    thread = threading.Thread(target=wait)
    thread.start()
    yield
    thread.join()


def test_events_and_answer_come_from_the_resident(resident: object) -> None:
    said: list[Event] = []
    found, note = client.ask(question("say:hello", "say:there"), compared.facts(), said.append)
    assert (said, found.text, note) == ([Said("hello"), Said("there")], "done", "a note")


def test_signals_are_read_over_descriptors(ask, resident, tmp_path: Path) -> None:
    """A name is not followed again: the file may be moved, and only the command may be able to open it."""
    file = tmp_path / "form.txt"
    file.write_text("Allergies: latex.")
    signals: list[Signal] = [take_file(file, Kind.TEXT, 1)]
    signals.append(take_bytes(b"Dose: 5 mg.", Kind.TEXT, 2, origin=Origin.USER, name="standard input"))
    with when_noted(tmp_path / "resident", lambda: (file.unlink(), (tmp_path / "resident" / "go").touch())):
        assert ask("note:at work", "await:go", "read", signals=signals) == "done"
    assert ask.said == ["Allergies: latex. Dose: 5 mg."]


def test_a_file_that_is_gone_is_the_commands_matter(ask, resident, tmp_path: Path) -> None:
    (tmp_path / "form.txt").write_text("Allergies: latex.")
    given = take_file(tmp_path / "form.txt", Kind.TEXT, 1)
    (tmp_path / "form.txt").unlink()
    assert ask("read", signals=[given]) == "not used, as form.txt does not exist"


def test_descriptors_that_are_no_files_are_refused(resident) -> None:
    signal_ = take_bytes(b"x", Kind.TEXT, 1, origin=Origin.USER, name="x")
    one, other = socket.socketpair()
    with one, other:
        for given in ([one.fileno()], [], [0, 0]):
            with client.connected() as channel:
                message = {"question": question("read", signals=[signal_]), "facts": compared.facts()}
                channel.send(message, given)
                assert heard(channel, "refused") == "the signals are no files"


@pytest.mark.parametrize("variable", ["OMP_NUM_THREADS", "LD_LIBRARY_PATH", "TZ"])
def test_with_another_environment_the_command_does_it(ask, resident, variable: str, monkeypatch) -> None:
    monkeypatch.setenv(variable, "7")
    assert ask("say:hello") == "not used, as it was started with other environment"


@pytest.mark.parametrize("name", ["code", "versions of Python", "folders", "environment", "limits of resources"])
def test_where_anything_differs_the_command_does_it(ask, resident, name: str) -> None:
    facts = compared.facts()
    assert name in facts
    assert ask("say:hello", facts=facts | {name: "another"}) == f"not used, as it was started with other {name}"
    assert ask.said == []


def test_limits_of_resources_are_compared_as_they_are(ask, resident) -> None:
    before = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (86_400, before[1]))
    try:
        assert ask("say:hello") == "not used, as it was started with other limits of resources"
    finally:
        resource.setrlimit(resource.RLIMIT_CPU, before)


ASKED = """
from helpers.scripted_resident import question
from edge_assistant.resident import client, compared
try:
    client.ask(question("say:hello"), compared.facts(), print)
except client.Unavailable as error:
    print(error)
print(client.status() is not None)
"""
LESS = {
    "privileges": "import ctypes; assert ctypes.CDLL(None).prctl(38, 1, 0, 0, 0) == 0",  # PR_SET_NO_NEW_PRIVS
    "groups": "import os; os.setgroups([12345])",
}


def asked(*prefix: str, before: str = "") -> str:
    """What a process apart from this one is told."""
    line, folder = [*prefix, sys.executable, "-c", f"{before}\n{ASKED}"], Path(scripted_resident.__file__).parents[1]
    ran = subprocess.run(line, cwd=folder, env=dict(os.environ), capture_output=True, text=True, check=True)
    return ran.stdout


@pytest.mark.parametrize("what", LESS)
def test_what_a_process_may_do_is_the_kernels_word(resident, what: str) -> None:
    """A process with other rights is not answered; to end the resident is its right."""
    if what != "privileges" and os.geteuid() != 0:
        pytest.skip("only root can change the groups of a process")
    assert asked(before=LESS[what]) == "it was started with other rights\nTrue\n"


def test_a_process_that_sees_other_files_is_not_answered(resident) -> None:
    apart = [shutil.which("unshare") or "unshare", "--user", "--map-root-user", "--mount"]
    if subprocess.run([*apart, "true"], capture_output=True, check=False).returncode:
        pytest.skip("the kernel lets nobody have namespaces of their own here")
    assert asked(*apart).startswith("it was started with other rights\n")


def test_where_others_take_long_the_command_does_it(ask, resident, folder: Path, monkeypatch) -> None:
    monkeypatch.setattr(client, "PATIENCE_S", 0.0)
    with asking("note:at work", "long"):
        until((folder / "at work").exists)
        assert ask("say:hello") == "not used, as it is busy for long"


def test_who_waits_reads_it_once_and_an_answer_that_takes_long_is_waited_for(
    ask, resident, folder: Path, monkeypatch, capsys
) -> None:
    with asking("note:at work", "await:go"):
        until((folder / "at work").exists)
        threading.Timer(10 * TICK_S, (folder / "go").touch).start()
        assert ask("say:hello") == "done"
    assert capsys.readouterr().err == "waiting: the resident is busy\n"
    (folder / "go").unlink()
    monkeypatch.setattr(client, "PATIENCE_S", 5 * TICK_S)
    threading.Timer(8 * TICK_S, (folder / "go").touch).start()
    assert ask("await:go", "say:there") == "done"
    assert ask.said == ["hello", "there"]


def test_one_that_gives_no_sign_of_life_does_nothing_later(ask, resident, folder: Path, monkeypatch) -> None:
    monkeypatch.setattr(client, "LIFE_S", 0.3)
    os.kill(resident.pid, signal.SIGSTOP)
    assert ask("note:done") == "not used, as it gives no sign of life"
    os.kill(resident.pid, signal.SIGCONT)
    monkeypatch.setattr(client, "LIFE_S", scripted_resident.HANGS)
    assert ask("say:now") == "done"
    assert not (folder / "done").exists()


@pytest.mark.parametrize("begun", [False, True])
def test_one_that_stops_in_the_middle_breaks_its_answer_off(
    ask, resident, folder: Path, monkeypatch, begun: bool
) -> None:
    monkeypatch.setattr(client, "LIFE_S", 0.5)
    words = ["say:some"] * begun + ["note:at work", "long"]
    with when_noted(folder, lambda: os.kill(resident.pid, signal.SIGSTOP)):
        if begun:
            with pytest.raises(ResidentLost):
                ask(*words)
        else:
            assert ask(*words) == "not used, as it gives no sign of life"
    os.kill(resident.pid, signal.SIGCONT)
    until((folder / "stopped").exists)


def test_one_that_computes_lives_although_it_cannot_say_so(ask, resident, monkeypatch) -> None:
    monkeypatch.setattr(client, "LIFE_S", 1.0)  # in which it computes a hundredth of a second on a busy machine too
    assert ask("compute:1.6", "say:hello") == "done"


@pytest.mark.parametrize(
    "message", [b"no JSON\n", b"[]\n", b"\xff\n", b'{"more": 1}\n', b'{"answer": 7, "note": ""}\n']
)
def test_what_is_said_wrongly_is_no_answer(ask, message: bytes) -> None:
    with listening({"turn": True}, message):
        assert ask("q").startswith("not used, as ")
    with listening(EVENT, message), pytest.raises(ResidentLost):
        ask("q")


@pytest.mark.parametrize("sent", [b"no JSON\n", b"{}\n", b'{"order": "format"}\n', b" " * (protocol.REQUEST_BYTES + 1)])
def test_a_message_that_is_none_ends_the_connection_alone(ask, resident, sent: bytes) -> None:
    with client.connected() as channel, suppress(EOFError, ConnectionError):
        channel.connection.sendall(sent)
        assert "refused" in channel.receive()
    assert ask("say:hello") == "done"


def test_an_error_is_the_commands(ask, resident) -> None:
    with pytest.raises(InputCorrupt) as raised:
        ask("say:some", "refuse")
    assert (raised.value.message, raised.value.hint) == ("it is damaged", "give another one")


@pytest.mark.parametrize("words", [["fault"], ["note:at work", "long"]])
def test_one_that_fails_or_is_killed_is_done_without_unless_an_event_came(
    ask, resident, folder: Path, words: list[str]
) -> None:
    if words == ["fault"]:
        assert ask(*words) == "not used, as it ended"
        until(lambda: renewals() == 1)
        with pytest.raises(ResidentLost):
            ask("say:some", *words)
        return
    with when_noted(folder, resident.kill):
        assert ask(*words) in ("not used, as it ended", "not used, as [Errno 104] Connection reset by peer")


def test_output_that_cannot_be_written_is_the_commands_error_and_ends_the_answer(resident, folder: Path) -> None:
    def closed(event: Event) -> None:
        raise BrokenPipeError

    with pytest.raises(BrokenPipeError):
        client.ask(question("say:some", "long"), compared.facts(), closed)
    until((folder / "stopped").exists)


def test_another_users_is_not_asked(ask, monkeypatch) -> None:
    held = server.opened()
    monkeypatch.setattr(protocol, "peer", lambda connection: protocol.Peer(1, os.geteuid() + 1, 0))
    assert ask("q") == "not used, as it is another user's"
    held.close()


def test_where_none_can_run_nothing_is_looked_for(ask, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on macOS, which lacks the flag that its folder is opened with: ask, forget and doctor go on without."""
    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.delattr(os, "O_PATH")
    assert ask("q") == "not used, as "
    assert client.status() is None
    assert client.end("restart") is False


def test_ctrl_c_waits_until_the_answer_has_ended(resident, folder: Path) -> None:
    def pressed(event: Event) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        client.ask(question("say:some", "long"), compared.facts(), pressed)
    assert (folder / "stopped").exists()


def test_a_socket_that_nobody_listens_on_is_none(ask) -> None:
    server.opened().close()
    assert (protocol.folder() / protocol.SOCKET).is_socket()
    assert ask("q") == "not used, as "


def test_one_that_runs_and_does_not_listen_is_not_said_to_be_gone(monkeypatch) -> None:
    monkeypatch.setattr(client, "SETTLES_S", 0.1)
    held = server.opened()
    (protocol.folder() / protocol.SOCKET).unlink()
    with pytest.raises(client.Unavailable, match="it runs and does not listen here"):
        client.end("restart")
    held.close()
    assert not client.end("restart")


def test_what_somebody_gave_who_left_is_not_held_until_the_turn_comes(resident, folder: Path) -> None:
    def waits(number: int) -> bool:
        return (client.status() or {}).get("waiting") == number

    given = take_bytes(b"x", Kind.TEXT, 1, origin=Origin.USER, name="standard input")
    with asking("note:at work", "await:go"):
        until((folder / "at work").exists)
        for _ in range(3):
            with client.connected() as channel, tempfile.TemporaryFile() as file:
                file.truncate(64 << 20)
                message = {"question": question("read", signals=[replace(given, data=None)]), "facts": compared.facts()}
                channel.send(message, [file.fileno()])
                until(lambda: waits(1))
            until(lambda: waits(0))
        until(lambda: (client.status() or {})["memory_mib"] < 128)
