"""The gateway against the resident that it asks: a question, a transcription, and eight clients at once.

Both are real and stand on one machine. A call through the gateway and one to the resident itself take turns, so that
what else the machine does counts on both sides.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import io
import json
import os
import secrets
import statistics
import subprocess
import tempfile
import threading
import time
import wave
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from edge_assistant.core.errors import ResidentLost, UsageError
from edge_assistant.core.signals import Kind, Origin, take_bytes
from edge_assistant.governance.offline import lock
from edge_assistant.resident import client
from edge_assistant.resident.protocol import ServiceMessage, ServiceTask
from evals.speed import process

NAME = "serve"
HELP = "the gateway: a question, a transcription and eight clients through it, against the resident itself"

QUESTION = "The pump is at 85 degrees. How hot is the pump?"
QUESTION_MS = 15.0  # that a question through the gateway may take more, issue 20
TRANSCRIPTION = 1.05  # times that a transcription may take
FAIR = 9.0  # times that the slowest of `CLIENTS` may take of one alone
CLIENTS = 8
_ROUNDS = 5  # of all clients at once, and as many questions of one alone
_BOUNDARY = "a-boundary-of-the-bench"
_WAIT_S = 300.0


@dataclass(frozen=True, slots=True)
class GatewayFigures:
    """What was measured; times are means of the quickest quarter, which others on the machine disturbed least.

    Attributes:
        question_ms: milliseconds of a question to the resident.
        question_more_ms: more of them through the gateway.
        transcription_s: seconds of a transcription by the resident.
        transcription_times: so many times as long through the gateway.
        clients_times: the slowest of `CLIENTS` at once against the mean of as many alone, the median of rounds.
    """

    question_ms: float
    question_more_ms: float
    transcription_s: float
    transcription_times: float
    clients_times: float

    @property
    def misses(self) -> list[str]:
        """The figures that are over their bounds."""
        bounds = {"question_more_ms": QUESTION_MS, "transcription_times": TRANSCRIPTION, "clients_times": FAIR}
        return [name for name, bound in bounds.items() if getattr(self, name) > bound]


def configure(parser: argparse.ArgumentParser) -> None:
    """The options."""
    parser.add_argument("--questions", type=int, default=60, metavar="N", help="pairs of them (60)")
    parser.add_argument("--transcriptions", type=int, default=24, metavar="N", help="pairs of them (24)")
    parser.add_argument("--profile", metavar="NAME", default="test", help="which models (test)")
    parser.add_argument("--audio", type=Path, metavar="F", default=Path("examples/clinic/note.wav"), help="a recording")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(args: argparse.Namespace) -> int:
    """Measure and print; 1 if a figure is over its bound.

    Raises:
        UsageError: this process may not connect to the gateway, or its packages are missing.
    """
    if lock.state().locked:
        raise UsageError("a locked process cannot be a client", "edge-assistant --no-lock bench serve")
    if find_spec("uvicorn") is None:
        raise UsageError("uvicorn is not installed", "install the extra 'serve'")
    with serving(args.profile) as (port, token):
        figures = measure(port, token, args.audio, args.questions, args.transcriptions)
    if args.json:
        print(json.dumps({name: getattr(figures, name) for name in (*GatewayFigures.__slots__, "misses")}))
    else:
        print(f"question        {figures.question_ms:.1f} ms, through the gateway {figures.question_more_ms:+.1f} ms")
        print(
            f"transcription   {figures.transcription_s:.2f} s,"
            f" through the gateway {figures.transcription_times:.3f} times as long"
        )
        print(f"{CLIENTS} clients       the slowest {figures.clients_times:.2f} times as long as one alone")
        for name in figures.misses:
            print(f"over its bound: {name}")
    return 1 if figures.misses else 0


@contextlib.contextmanager
def serving(profile: str) -> Iterator[tuple[int, str]]:
    """A gateway and its resident in a home of their own; its port and token."""
    token = secrets.token_urlsafe(24)
    with tempfile.TemporaryDirectory() as folder, process.temporary_home(Path(folder)) as home:
        (home / "config").mkdir()
        (home / "config" / "policy.toml").write_text('[serve]\naddresses = ["127.0.0.1"]\n')
        (home / "token").write_text(token)
        # Each recording is heard, and not recalled
        told = os.environ | {"EDGE_ASSISTANT_PROFILE": profile, "EDGE_ASSISTANT_CACHE": "false"}
        line = [*process.OURS, "serve", "--http", "127.0.0.1:0", "--token-file", str(home / "token")]
        gateway = subprocess.Popen(line, env=told, stdout=subprocess.PIPE, text=True)
        try:
            assert gateway.stdout is not None
            if not (said := gateway.stdout.readline()):
                raise UsageError("the gateway does not begin", "it says above why")
            port = int(said.rpartition(":")[2])
            yield port, token
        finally:
            gateway.terminate()
            gateway.communicate()
            client.end("stop")


def measure(port: int, token: str, audio: Path, questions: int, transcriptions: int) -> GatewayFigures:
    """Ask, transcribe, and let all clients ask at once."""
    asked = json.dumps({"messages": [{"role": "user", "content": QUESTION}]}).encode()

    def ask() -> None:
        _post(port, token, "/v1/chat/completions", asked, "application/json")

    question = ServiceMessage(ServiceTask.ASK, (QUESTION,))
    ask()  # which starts the resident, and waits for its models
    direct, through = _in_turns(questions, lambda _: _reply(question), lambda _: ask())
    times = [max(_at_once(ask)) / statistics.fmean(_seconds(ask) for _ in range(CLIENTS)) for _ in range(_ROUNDS)]
    recording = _variants(audio)

    def hear(number: int) -> None:
        signal = take_bytes(recording(number), Kind.AUDIO, 1, origin=Origin.USER, name="note.wav")
        _reply(ServiceMessage(ServiceTask.PERCEIVE, signals=(signal,)))

    def transcribe(number: int) -> None:
        head = f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="note.wav"\r\n\r\n'.encode()
        body = head + recording(number) + f"\r\n--{_BOUNDARY}--\r\n".encode()
        _post(port, token, "/v1/audio/transcriptions", body, f"multipart/form-data; boundary={_BOUNDARY}")

    transcribe(0)
    heard, transcribed = _in_turns(transcriptions, lambda n: hear(2 * n + 1), lambda n: transcribe(2 * n + 2))
    return GatewayFigures(
        question_ms=1000 * direct,
        question_more_ms=1000 * (through - direct),
        transcription_s=heard,
        transcription_times=transcribed / heard,
        clients_times=statistics.median(times),
    )


def _in_turns(times: int, first: Callable[[int], object], second: Callable[[int], object]) -> tuple[float, float]:
    """Seconds of two calls that take turns, of each the mean of the quickest quarter; which is first alternates."""
    taken: tuple[list[float], list[float]] = ([], [])
    for number in range(times):
        for which in (0, 1) if number % 2 else (1, 0):
            taken[which].append(_seconds(partial((first, second)[which], number)))
    first_s, second_s = (statistics.mean(sorted(each)[: max(1, times // 4)]) for each in taken)
    return first_s, second_s


def _at_once(call: Callable[[], object]) -> list[float]:
    """Seconds that each of `CLIENTS` waits."""
    start, taken = threading.Barrier(CLIENTS), []

    def one() -> None:
        start.wait()
        taken.append(_seconds(call))

    threads = [threading.Thread(target=one) for _ in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if len(taken) < CLIENTS:
        raise ResidentLost("not every client was answered", "see above")
    return taken


def _seconds(call: Callable[[], object]) -> float:
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def _variants(audio: Path) -> Callable[[int], bytes]:
    """A recording by number: so many samples of silence longer, as one that was heard is not heard again."""
    with wave.open(str(audio)) as opened:
        shape, samples = opened.getparams(), opened.readframes(opened.getnframes())

    def variant(number: int) -> bytes:
        file = io.BytesIO()
        with wave.open(file, "wb") as written:
            written.setparams(shape)
            written.writeframes(samples + bytes(shape.sampwidth * shape.nchannels * number))
        return file.getvalue()

    return variant


def _reply(message: ServiceMessage) -> dict[str, Any]:
    """What the resident replies to a message, by the connection that a gateway has, without the gateway."""
    with client.connected() as channel, contextlib.ExitStack() as files:
        channel.connection.settimeout(_WAIT_S)
        given = [files.enter_context(client.file_of(signal)).fileno() for signal in message.signals]
        channel.send({"service": message}, given)
        while not {"answer", "evidence"} & (found := channel.receive()).keys():
            if {"refused", "error"} & found.keys():
                raise ResidentLost(f"the resident does not answer: {found}", "try again")
    return found


def _post(port: int, token: str, path: str, body: bytes, kind: str) -> bytes:
    """What the gateway answers, by a connection that is opened for it.

    Raises:
        ResidentLost: it is an error.
    """
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=_WAIT_S)) as connection:
        connection.request("POST", path, body, {"Authorization": f"Bearer {token}", "Content-Type": kind})
        answer = connection.getresponse()
        found = answer.read()
    if answer.status != 200:
        raise ResidentLost(f"the gateway answers {answer.status}", found.decode("utf-8", "replace"))
    return found
