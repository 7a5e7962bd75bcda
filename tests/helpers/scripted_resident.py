"""A resident without models: its door and its loop are the real ones, and what it answers is what the question says.

As a program it serves until it is told to end; what it does beside answering is told by files in a folder:
`unlocked` (the offline lock is not in force), `changed` (the policy is another), `alone` (visitors ask), `short`
(memory is wanted, and nothing is left to give back), `impatient` (from its start on who says nothing is let go of).
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from edge_assistant.cli import terminal
from edge_assistant.resident import client, door, facts, server, wire
from edge_assistant.resident.wire import Question

HANGS = 60.0  # seconds after which something is taken for never happening
LONG_S = 600.0
MOST_RENEWALS = 3


def until(true: Callable[[], object]) -> None:
    """Wait for something that is going to be true."""
    end = time.monotonic() + HANGS
    while not true():
        assert time.monotonic() < end, "that never became true"
        time.sleep(0.01)


@contextmanager
def serving(folder: Path, minutes: float = 0) -> Iterator[subprocess.Popen[bytes]]:
    """Let one run in a folder; it is killed at the end where it has not ended by itself."""
    folder.mkdir(exist_ok=True)
    command = [sys.executable, __file__, str(folder), str(minutes)]
    environment = dict(os.environ)  # without what llama.cpp adds to it where other tests load that here
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, env=environment)
    try:
        until(lambda: process.poll() is not None or (folder / "ready").exists())
        yield process
    finally:
        process.kill()
        process.wait(HANGS)


def answer(question: Question, folder: Path) -> int:
    """Do what the words of the question say, one after the other."""
    for word in question.arguments[1:]:
        what, _, text = word.partition(":")
        match what:
            case "say":
                print(text, flush=True)
            case "tell":
                print(text, file=sys.stderr)
            case "read":
                print(f"read {sys.stdin.readline().strip()}", flush=True)
            case "secret":
                print(f"{len(terminal.secret('PIN: '))} characters", flush=True)
            case "note":
                with (folder / text).open("a") as file:
                    file.write("noted\n")
            case "await":
                until((folder / text).exists)
            case "long":
                time.sleep(LONG_S)
            case "compute":  # while no other thread of Python can do anything, as some libraries do
                before, end = sys.getswitchinterval(), time.process_time() + float(text)
                sys.setswitchinterval(HANGS)
                while time.process_time() < end:
                    pass
                sys.setswitchinterval(before)
            case "fault":
                raise RuntimeError("a fault")
            case "status":
                return int(text)
    return 0


@contextmanager
def asking(*words: str, out: int | None = None) -> Iterator[socket.socket]:
    """A connection that has asked something; what is printed goes to a descriptor, or nowhere."""
    nowhere, here = os.open(os.devnull, os.O_RDWR), os.open(".", os.O_PATH | os.O_DIRECTORY)
    try:
        with client.connected() as connection:
            streams = (wire.Stream("utf-8", "strict"),) * wire.STREAMS
            honoured, same = facts.honoured(os.environ), facts.facts()
            question = wire.Question(("ask", *words), honoured, same, streams, time.perf_counter())
            wire.send(connection, question, [nowhere, nowhere if out is None else out, nowhere, here])
            yield connection
    finally:
        wire.close([nowhere, here])


def heard(connection: socket.socket, wanted: str) -> object:
    """The value of the first message that has a key; what comes before it is passed over."""
    connection.settimeout(HANGS)
    while data := wire.receive(connection)[0]:
        if wanted in (found := wire.told(data)):
            return found[wanted]
    raise EOFError(wanted)


def _main(folder: Path, minutes: float, held: server.Held) -> None:
    server.LOOK_S, server.RENEWALS = 0.0, MOST_RENEWALS
    if (folder / "impatient").exists():
        door.ASKS_S = 0.0
    work = server.Work(
        origin=server.Origin.now(),
        answer=lambda question: answer(question, folder),
        warm=lambda: (folder / "ready").touch(),
        stop=lambda: None,
        relieve=lambda: not (folder / "short").exists(),
        changed=lambda: str((folder / "changed").exists()),
        alone=(folder / "alone").exists,
        locked=lambda: not (folder / "unlocked").exists(),
        again=(sys.executable, __file__, str(folder), str(minutes)),
    )
    server.serve(held, work, minutes)


if __name__ == "__main__":
    given = sys.argv[3:]  # of one that goes on: --held and what it holds
    _main(Path(sys.argv[1]), float(sys.argv[2]), server.taken(given[1]) if given else server.opened())
