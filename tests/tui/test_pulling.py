"""Pulls that the app asks its launcher for: what is refused, what is passed on, what ends with whom."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import pytest
from filelock import FileLock
from helpers import pulled

from edge_assistant_tui import pull_server
from edge_assistant_tui.messages import Notice, PullEnded, PullSaid
from edge_assistant_tui.options import PIPES, VARIABLE, Options
from edge_assistant_tui.pull_server import MAX_REQUEST, Server
from edge_assistant_tui.pulls import Pulls

HANGS = 60.0


class Launcher:
    """The launcher's side in a thread of this process, with both pipes; the app's side is `Pulls` or the test."""

    def __init__(self) -> None:
        requests, self.ask = os.pipe()
        self.answer, answers = os.pipe()
        self._ours = (requests, answers)
        self._pulls: Pulls | None = None
        self.told: SimpleQueue[Any] = SimpleQueue()
        self.server = Server(requests, answers)
        self._thread = threading.Thread(target=self.server.serve)
        self._thread.start()

    @property
    def pulls(self) -> Pulls:
        self._pulls = self._pulls or Pulls(self.told.put, {PIPES: f"{self.answer},{self.ask}"})
        return self._pulls

    def pull(self, name: str = "mine", *, begin: bool = True) -> tuple[PullEnded, list[str]]:
        """How a pull ends, and its lines."""
        if begin:
            self.pulls.start(name)
        lines = []
        while isinstance(said := self.told.get(timeout=HANGS), PullSaid):
            lines.append(said.line)
        self.pulls.ended()
        return said, lines

    def send(self, data: bytes) -> None:
        """Write to the launcher what the app would not."""
        while data:
            data = data[os.write(self.ask, data) :]

    def answers(self) -> Iterator[dict[str, Any]]:
        with os.fdopen(self.answer, "rb", closefd=False) as stream:
            for line in stream:
                yield json.loads(line)

    def end(self) -> None:
        """The app ends, then the launcher."""
        if self._pulls is None:
            os.close(self.ask)
        else:
            self._pulls.close()
        self._thread.join(HANGS)
        self.server.close()
        for descriptor in self._ours:
            os.close(descriptor)
        if self._pulls is None:
            os.close(self.answer)


@pytest.fixture
def launcher() -> Iterator[Launcher]:
    launcher = Launcher()
    yield launcher
    if launcher._thread.is_alive():
        launcher.end()


@pytest.fixture
def model(home: Path) -> Path:
    """Where a model will lie that can be pulled."""
    return pulled.made_up(home)


@pytest.fixture
def held(home: Path, model: Path) -> Iterator[FileLock]:
    """Another process that pulls the model, so that a pull waits."""
    with pulled.held(home) as lock:
        yield lock


def test_a_model_is_pulled_in_a_process_of_its_own_and_what_fails_says_why(
    launcher: Launcher, model: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(pull_server, "PULL", (str(model.parent / "no-python"),))
        assert launcher.pull()[0].message == "no pull can be started (No such file or directory)"
    ended, lines = launcher.pull()
    assert ended.done
    assert model.read_bytes() == pulled.CONTENT
    assert lines[-1] == "mine is ready"
    model.unlink()
    (home / "incoming" / "model.bin").unlink()
    ended, lines = launcher.pull()
    assert not ended.done
    assert lines[-1] == f"error: {ended.message} - {ended.hint}"


REFUSED = [
    b"", b"pull mine", b"[]", b'"mine"', b"null", b"{}", b'{"pull": "mine", "from": "https://example.org"}',
    b'{"remove": "mine"}', b'{"verify": null}', b'{"run": "sh"}', b'{"pull": ["mine"]}', b'{"pull": 1}',
    b'{"pull": true}', b'{"pull": {"name": "mine"}}', b'{"pull": ""}', b'{"pull": "--profile"}', b'{"pull": "-h"}',
    b'{"pull": "mine --json"}', b'{"pull": "mine\\n"}', b'{"pull": "../mine"}', b'{"pull": "/etc/passwd"}',
    b'{"pull": "mine; touch x"}', b'{"pull": "MINE"}', b'{"pull": "m\\u00efne"}', b'{"pull": "\\ud800"}',
    b'{"pull": "https://example.org/model"}', b'{"pull": "no-such-model"}', b'{"pull": "m' + b"i" * 200 + b'ne"}',
    b'{"pull": "mine"}' + b" " * MAX_REQUEST, b"x" * 1_000_000, b"[" * MAX_REQUEST, b"\xff\xfe\x00",
]  # fmt: skip


def test_other_requests_are_refused_and_one_after_them_is_answered(launcher, model, monkeypatch) -> None:
    answers = launcher.answers()
    with monkeypatch.context() as patched:
        patched.setattr(pull_server, "_started", lambda chosen: pytest.fail(f"{chosen} was started"))
        for request in REFUSED:
            launcher.send(request + b"\n")
            answer = next(answers)
            assert answer["status"] == 2, request[:100]
            assert answer["error"], request[:100]
            assert answer["hint"], request[:100]
        launcher.send(b'{"pull": null}\n')  # a stop without a pull does nothing
    assert not model.exists()
    launcher.send(b'{"pull": "mine"}\n')
    assert next(_until_status(answers)) == {"status": 0}
    assert pull_server._chosen("mine") == ["mine"]
    assert pull_server._chosen("tiny") == ["--profile", "tiny"]


def _until_status(answers: Iterator[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for answer in answers:
        if "status" in answer:
            yield answer
            return


def test_two_pulls_at_once_are_refused(launcher: Launcher, held: FileLock, model: Path) -> None:
    answers = launcher.answers()
    launcher.send(b'{"pull": "mine"}\n')
    assert "waiting" in next(answers)["line"]
    launcher.send(b'{"pull": "mine"}\n')
    refused = next(answers)
    assert (refused["status"], refused["error"]) == (2, "a pull is running")
    held.release()
    assert next(_until_status(answers)) == {"status": 0}
    assert model.read_bytes() == pulled.CONTENT


def test_the_app_asks_for_one_pull_at_a_time_and_stops_it(launcher: Launcher, held: FileLock, model: Path) -> None:
    launcher.pulls.start("mine")
    assert "waiting" in launcher.told.get(timeout=HANGS).line
    launcher.pulls.start("mine")
    assert launcher.told.get(timeout=HANGS) == Notice("a pull is running", "wait for its end, or stop it")
    launcher.pulls.cancel()
    ended, _ = launcher.pull(begin=False)
    assert (ended.done, ended.message, launcher.pulls.stopped) == (False, "interrupted", True)
    held.release()
    assert launcher.pull()[0].done
    assert model.read_bytes() == pulled.CONTENT


def test_a_pull_ends_with_the_app(launcher: Launcher, held: FileLock) -> None:
    launcher.send(b'{"pull": "mine"}\n')
    assert "waiting" in next(launcher.answers())["line"]
    pull = launcher.server._pull
    launcher.end()
    assert pull is not None
    assert pull.wait(HANGS) == 130


def test_a_pull_knows_nothing_of_the_app(launcher: Launcher, held: FileLock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(PIPES, "8,9")
    monkeypatch.setenv(VARIABLE, Options(attach=("private.jpg",)).to_environment()[VARIABLE])
    launcher.send(b'{"pull": "mine"}\n')
    assert "waiting" in next(launcher.answers())["line"]
    assert launcher.server._pull is not None
    process = Path("/proc") / str(launcher.server._pull.pid)
    assert b"private" not in (process / "environ").read_bytes()
    assert PIPES.encode() not in (process / "environ").read_bytes()
    for file in (process / "fd").iterdir():
        with suppress(FileNotFoundError):  # it opens and closes the file of the lock at each look
            assert file.name in {"0", "1", "2"} or not str(file.readlink()).startswith("pipe:")
    launcher.server.close()


def test_without_a_launcher_the_app_says_what_to_type() -> None:
    for environment in ({}, {PIPES: "no numbers"}, {PIPES: "998,999"}):
        told: list[PullEnded] = []
        pulls = Pulls(told.append, environment)
        assert not pulls.available
        pulls.start("mine")
        assert told[0].hint == "run 'edge-assistant models pull mine' in a terminal"
        pulls.cancel()


def test_options_are_handed_over() -> None:
    files = ("form.jpg", "nöte.wav", os.fsdecode(b"caf\xe9.wav"))  # the last name is no UTF-8
    options = Options("tiny", None, "en", "file:a b.mp4", None, "file:out.wav", files)
    handed = options.to_environment()
    assert all(value.isascii() for value in handed.values())
    assert Options.from_environment(handed) == options
    assert Options.from_environment({}) == Options()
