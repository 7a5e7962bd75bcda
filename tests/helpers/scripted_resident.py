"""A resident without models: its server is the real one, and the words of a question say what its answer does.

As a program it serves until it is told to end; files in a folder say what it does besides answering: `unlocked` (the
offline lock is not in force), `changed` (the policy is another), `alone` (visitors ask), `short` (memory is short, and
nothing is left to free), `lacking` (a model is missing), `impatient` (at its start: a connection that says nothing is
closed at once), `deaf` (at its start: nobody accepts connections).
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from edge_assistant.core.answer import Answer, Route, Status
from edge_assistant.core.errors import InputCorrupt, ModelMissing, Stopped
from edge_assistant.core.events import Said, Watch
from edge_assistant.core.signals import Signal
from edge_assistant.resident import client, compared, metrics, protocol, server
from edge_assistant.resident.protocol import Channel, QuestionMessage, ServiceMessage
from edge_assistant.resident.work import ResidentWork, Send

HANGS = 240.0  # seconds after which something is taken for never happening
MOST_RENEWALS = 3
TICK_S = 0.2  # in place of a second, which a dozen tests would wait for


def until(true: Callable[[], object]) -> None:
    """Wait for something that is going to be true."""
    end = time.monotonic() + HANGS
    while not true():
        assert time.monotonic() < end, "that never became true"
        time.sleep(0.01)


def question(*words: str, signals: Sequence[Signal] = ()) -> QuestionMessage:
    """A question that has the resident do what its words say."""
    return QuestionMessage(
        text="\n".join(words), signals=tuple(signals), failed=(), names=(), profile="test", language=None, domain=None,
        folder="", seed=0, strict=False, redact=False, cache=False, free_talk=False, gpu="off", began=0.0,
    )  # fmt: skip


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


@contextmanager
def asking(*words: str) -> Iterator[Channel]:
    """A connection that has asked something."""
    with client.connected() as channel:
        channel.connection.settimeout(HANGS)
        channel.send({"question": question(*words), "facts": compared.facts()})
        yield channel


def heard(channel: Channel, wanted: str) -> object:
    """The value of the first message that has a key; what comes before it is passed over."""
    while True:
        if wanted in (found := channel.receive()):
            return found[wanted]


def renewals() -> object:
    """How often it has restarted; nothing while it does or may soon, as at the end of an answer."""
    with suppress(client.Unavailable):
        status = client.status() or {"answering": True}
        return None if status["answering"] else status["renewals"]
    return None


class Script:
    """Answers questions by their words."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._stopped = threading.Event()
        self.begin, self.stop = self._stopped.clear, self._stopped.set

    def answer(self, asked: QuestionMessage, watch: Watch) -> tuple[Answer, str, Callable[[], None]]:
        """Do what the words of the question say, one after the other."""
        for word in (asked.text or "").split("\n"):
            what, _, text = word.partition(":")
            match what:
                case "say":
                    watch(Said(text))
                case "read":
                    watch(Said(b" ".join(signal.read() for signal in asked.signals).decode()))
                case "note":
                    (self._folder / text).touch()
                case "await":
                    until(lambda text=text: self._stopped.is_set() or (self._folder / text).exists())
                case "long":
                    self._stopped.wait(HANGS)
                case "compute":  # while no other thread of Python can do anything, as some libraries do
                    before, end = sys.getswitchinterval(), time.process_time() + float(text)
                    sys.setswitchinterval(HANGS)
                    while time.process_time() < end:
                        pass
                    sys.setswitchinterval(before)
                case "fault":
                    raise RuntimeError("a fault")
                case "refuse":
                    raise InputCorrupt("it is damaged", "give another one")
            if self._stopped.is_set():
                (self._folder / "stopped").touch()
                raise Stopped("stopped", "ask again")
        return Answer(asked.text or "", "done", Status.CHAT, Route("talk", (), "scripted")), "a note", lambda: None

    def serve(self, asked: ServiceMessage, watch: Watch, send: Send) -> tuple[Mapping[str, object], Callable[[], None]]:
        """Send each text as a part, do what the words of the last one say, and tell what the signals hold."""
        for text in asked.texts:
            send({"text": text})
        answer, note, settle = self.answer(question(*asked.texts[-1].split("\n")), watch)
        held = [signal.read().decode() for signal in asked.signals]
        return {"answer": answer, "note": note, "sources": [], "held": held}, settle

    def listen(self, channel: protocol.Channel, sound: Mapping[str, object]) -> None:
        channel.send({"heard": sound})
        channel.receive()


def _main(folder: Path, minutes: float, held: server.Held) -> None:
    server.LOOK_S, server.TICK_S, server.RENEWALS, metrics.OFTEN_S = 0.0, TICK_S, MOST_RENEWALS, 0.0
    if (folder / "impatient").exists():
        server.ASKS_S = 0.01
    if (folder / "deaf").exists():
        server.Resident._accept = lambda resident: time.sleep(HANGS)
    script = Script(folder)

    def warm() -> ModelMissing | None:
        (folder / "ready").touch()
        return ModelMissing("it is missing", "pull it") if (folder / "lacking").exists() else None

    work = ResidentWork(
        facts=compared.facts(),
        environment=dict(os.environ),
        answer=script.answer,
        serve=script.serve,
        listen=script.listen,
        warm=warm,
        begin=script.begin,
        stop=script.stop,
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
