"""Decoding in processes of their own: the same as here, confined, and killed where that has to be."""

from __future__ import annotations

import io
import os
import select
import signal as signals
import socket
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import FunctionType, SimpleNamespace

import msgspec
import numpy as np
import pytest
from helpers import badfiles as bad
from helpers.pdf_files import pdf_of
from helpers.platforms import needs_landlock
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from edge_assistant.compute.runtime import Halt
from edge_assistant.compute.scheduling import budget
from edge_assistant.core import limits
from edge_assistant.core.errors import InputCorrupt, InputError, InputMissing, InputTooLarge, InputUnsupported, Stopped
from edge_assistant.core.signals import Kind, Origin, Signal, take_bytes, take_file
from edge_assistant.perception import audio, pictures
from edge_assistant.perception.decoders import client, pool, wire
from edge_assistant.perception.gap import Gap
from edge_assistant.perception.gather import bounded
from edge_assistant.perception.sense import Percept, Request

EXAMPLES = Path(__file__).parents[2] / "examples"
_ENTRY = b"sys.path[:] = json.loads("  # in the command of whatever `sandbox.child` starts
TEXT = "BT /F1 12 Tf 20 70 Td (Allergies: penicillin) Tj ET"
SLOW = "1 w " + "0 0 m 199 99 l 0 99 m 199 0 l S " * 30_000  # seconds to render


@pytest.fixture(autouse=True)
def _lent_to_nobody() -> Iterator[None]:
    """After each test none runs but those that wait for work."""
    yield
    assert not lent()


def taken(content: bytes, kind: Kind = Kind.IMAGE, name: str = "given") -> Signal:
    return take_bytes(content, kind, 1, origin=Origin.FILE, name=name)


def tiff(*frames: Image.Image) -> bytes:
    stream = io.BytesIO()
    frames[0].save(stream, "TIFF", save_all=True, append_images=frames[1:])
    return stream.getvalue()


def lent() -> set[int]:
    """Processes of this one's that decode and are at work; other tests' helpers are children of it, too."""
    kept = {process.pid for process in pool._idle.values()}
    listed = Path(f"/proc/self/task/{threading.get_native_id()}/children").read_text().split()
    return {int(pid) for pid in listed if _ENTRY in Path(f"/proc/{pid}/cmdline").read_bytes()} - kept


def perceive(taken_signal: Signal, request: Request) -> Percept:
    for _ in client.pages(taken_signal):
        request.progress(0.5)
    return Percept(())


# As code of the product, which alone is cut.
PERCEIVE = FunctionType(perceive.__code__, globals() | {"__name__": "edge_assistant.perception.senses.made"})


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGBA", "LA", "CMYK", "I;16", "I", "F", "YCbCr", "LAB"])
def test_pictures_are_those_that_are_decoded_here(mode: str) -> None:
    drawn = Image.linear_gradient("L").resize((40, 20))
    image = Image.merge("LAB", [drawn] * 3) if mode == "LAB" else drawn.convert("F" if mode == "F" else "L")
    image = (
        image.convert("I").convert("I;16")
        if mode == "I;16"
        else image.convert("RGB" if mode in "CMYKYCbCrRGBAP" else image.mode)
    )
    given_signal = taken(tiff(image if mode in ("LAB", "I;16") else image.convert(mode)))
    (here,), (there,) = pictures.pages(given_signal), client.pages(given_signal)
    assert np.array_equal(here.rgb, there.rgb)
    assert (here.number, here.size, here.scale, here.notes) == (there.number, there.size, there.scale, there.notes)


def test_documents_and_files_are_those_that_are_decoded_here(tmp_path: Path) -> None:
    document = tmp_path / "form.pdf"
    document.write_bytes(pdf_of(TEXT, TEXT, rotate=90))
    for given_signal in (take_file(document, Kind.IMAGE, 1), take_file(EXAMPLES / "clinic/form.jpg", Kind.IMAGE, 1)):
        here, there = list(pictures.pages(given_signal)), list(client.pages(given_signal))
        assert all(np.array_equal(one.rgb, other.rgb) for one, other in zip(here, there, strict=True))
        assert [page.text_layer for page in here] == [page.text_layer for page in there]


def test_sound_is_what_is_heard_here() -> None:
    note = take_file(EXAMPLES / "clinic/note.wav", Kind.AUDIO, 1)
    with audio.listen(note) as (here, blocks):
        heard = np.concatenate(list(blocks))
    with client.listen(note) as (there, blocks):
        again = np.concatenate([block for block in blocks if there.heard >= 0])
    assert np.array_equal(heard, again)
    assert there == replace(here, heard=pytest.approx(here.heard))
    assert client.has_sound(note)
    assert not client.has_sound(taken(b"no container", Kind.VIDEO))


def test_one_page_of_a_document_is_had_without_those_before_it() -> None:
    document, picture = taken(pdf_of(TEXT, TEXT, TEXT)), taken(bad.picture("PNG", 30, 20))
    scan = taken(tiff(*(Image.new("RGB", (30 + number, 20), "white") for number in range(3))))
    assert [client.page(scan, number).size[0] for number in (3, 1)] == [32, 30]
    assert client.page(document, 2).number == 2
    assert client.page(picture, None).size == (30, 20)
    for given_signal, number in ((scan, 4), (document, 4), (picture, 2)):
        with pytest.raises(InputMissing, match=f"no page {number}"):
            client.page(given_signal, number)


def test_a_process_is_used_again_and_told_where_no_more_is_wanted() -> None:
    document = taken(pdf_of(TEXT, TEXT, TEXT))
    list(client.pages(document))
    first = pool._idle[pool.DOCUMENTS].pid
    next(client.pages(document))
    with pytest.raises(InputUnsupported):
        list(client.pages(taken(b"no picture")))
    assert pool._idle[pool.DOCUMENTS].pid == first
    assert len(list(client.pages(document))) == 3


def test_of_two_signals_at_the_same_time_each_has_a_process() -> None:
    document = taken(pdf_of(TEXT, TEXT, TEXT))
    for one, other in zip(client.pages(document), client.pages(document), strict=True):
        assert np.array_equal(one.rgb, other.rgb)
        assert len(lent()) == 2


@needs_landlock
def test_the_process_is_confined_and_has_nothing_open() -> None:
    list(client.pages(taken(bad.picture("PNG", 30, 20))))
    process = pool._idle[pool.PICTURES]
    assert process.missing == ()
    status = Path(f"/proc/{process.pid}/status").read_text()
    assert "Seccomp:\t2" in status
    links = [os.readlink(f"/proc/{process.pid}/fd/{name}") for name in os.listdir(f"/proc/{process.pid}/fd")]  # noqa: PTH115, PTH208
    assert sorted(link.partition(":")[0] for link in links) == ["/dev/null"] * 3 + ["socket"]
    assert b"HOME" not in Path(f"/proc/{process.pid}/environ").read_bytes()
    assert os.getsid(process.pid) == process.pid


@pytest.mark.parametrize("how", [signals.SIGKILL, signals.SIGSEGV])
def test_one_that_dies_fails_its_signal_alone(how: signals.Signals) -> None:
    pages = client.pages(taken(pdf_of(TEXT, TEXT, TEXT), name="a.pdf"))
    next(pages)
    (pid,) = lent()
    os.kill(pid, how)
    with pytest.raises(InputCorrupt, match=r"^a\.pdf is damaged: what decodes it has ended in the middle") as raised:
        list(pages)
    assert "\n" not in str(raised.value)
    assert len(list(client.pages(taken(pdf_of(TEXT, TEXT))))) == 2


def test_one_that_hangs_fails_its_signal_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "_STUCK_S", 1.5)
    pages = client.pages(taken(pdf_of(TEXT, TEXT)))
    next(pages)
    (pid,) = lent()
    os.kill(pid, signals.SIGSTOP)
    with pytest.raises(InputCorrupt, match="has ended in the middle"):
        list(pages)
    assert len(list(client.pages(taken(pdf_of(TEXT, TEXT))))) == 2


def test_what_takes_too_long_is_killed_in_the_middle_of_a_call() -> None:
    with limits.lowered({"signal_seconds": 1}), pytest.raises(InputTooLarge, match="over 1 s of computing"):
        bounded(PERCEIVE, Halt())(taken(pdf_of(SLOW)), Request())
    assert len(list(client.pages(taken(pdf_of(TEXT))))) == 1


def test_a_wish_to_stop_kills_it() -> None:
    halt = Halt()
    timer = threading.Timer(0.5, halt.ask)
    timer.start()
    began = time.perf_counter()
    with pytest.raises(Stopped):
        bounded(PERCEIVE, halt)(taken(pdf_of(SLOW * 4)), Request())
    assert time.perf_counter() - began < 5


def test_whoever_looks_and_wants_another_thing_kills_it() -> None:
    class Superseded(Exception):
        pass

    def check() -> None:
        raise Superseded

    with pytest.raises(Superseded):
        client.page(taken(pdf_of(SLOW)), 1, check)


def test_the_limits_of_a_policy_reach_it() -> None:
    given_signal = taken(pdf_of(TEXT, TEXT, TEXT))
    with limits.lowered({"pages": 2}):
        pages = list(client.pages(given_signal))
    assert len(pages) == 2
    assert isinstance(pages[-1].notes[0], Gap)
    assert len(list(client.pages(given_signal))) == 3


def test_where_no_process_can_be_started_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    pool.end_idle()
    monkeypatch.setattr(sys, "executable", "/nothing/there")
    with pytest.raises(InputError, match="no process can be started"):
        list(client.pages(taken(bad.picture("PNG", 30, 20))))


def test_none_is_left_where_this_process_is_killed() -> None:
    code = """
    import time
    from helpers import badfiles as bad
    from edge_assistant.core.signals import Kind, Origin, take_bytes
    from edge_assistant.perception.decoders import client, pool
    list(client.pages(take_bytes(bad.picture("PNG", 9, 9), Kind.IMAGE, 1, origin=Origin.FILE, name="given")))
    print(pool._idle[pool.PICTURES].pid, flush=True)
    time.sleep(60)
    """
    environment = {**os.environ, "PYTHONPATH": ":".join(sys.path)}
    command = [sys.executable, "-c", textwrap.dedent(code)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        pid = int(process.stdout.readline())
        process.kill()
    for _ in range(100):
        if not Path(f"/proc/{pid}").exists():
            return
        time.sleep(0.1)
    pytest.fail("it still runs")


def test_a_fork_leaves_them_to_its_parent() -> None:
    given_signal = taken(bad.picture("PNG", 30, 20))
    list(client.pages(given_signal))
    first = pool._idle[pool.PICTURES].pid
    if not (fork := os.fork()):
        os._exit(len(pool._idle))
    assert os.waitstatus_to_exitcode(os.waitpid(fork, 0)[1]) == 0
    list(client.pages(given_signal))
    assert pool._idle[pool.PICTURES].pid == first


class _Liar(pool.DecoderProcess):
    """In place of a process that decodes: says what it is told to."""

    missing = ()
    fits = True  # type: ignore[assignment]

    def __init__(self, *said: bytes) -> None:
        self.channel, other = socket.socketpair()
        with other:
            for header in said:
                other.sendall(wire.PREFIX.pack(len(header), 0) + header)
        child = SimpleNamespace(channel=self.channel, seconds=lambda: 0.0, end=self.channel.close)
        self._child = child  # type: ignore[assignment]

    @property
    def ended(self) -> bool:
        return self.channel.fileno() < 0

    def send(self, *said: object, **handed: object) -> None:
        """Whatever it is told."""


def lied(*said: bytes) -> _Liar:
    pool.end_idle()
    liar = _Liar(*said)
    pool._idle[pool.PICTURES] = liar
    try:
        with pytest.raises(InputError) as raised:
            list(client.pages(taken(b"\x89PNG")))
    finally:
        pool._idle.pop(pool.PICTURES, None)
        liar.channel.close()
    assert str(raised.value).isprintable()
    return liar


@given(st.binary(max_size=40))
def test_whatever_a_process_says_it_is_an_error_of_its_signal(said: bytes) -> None:
    assert lied(said).ended


def test_a_page_that_is_none_and_an_error_that_steers_the_terminal() -> None:
    page = wire.PageMessage(None, 10, 10, (10, 10), 1.0, None, ())
    assert lied(msgspec.msgpack.encode(page)).ended
    fault = wire.FaultMessage("InputCorrupt", "\x1b[2J gone", "\n")
    lied(msgspec.msgpack.encode(fault))
    fault = wire.FaultMessage("SystemExit", "gone", "nothing")
    lied(msgspec.msgpack.encode(fault))


def test_one_that_was_killed_between_two_signals_is_replaced() -> None:
    given_signal = taken(bad.picture("PNG", 30, 20))
    list(client.pages(given_signal))
    first = pool._idle[pool.PICTURES]
    os.kill(first.pid, signals.SIGKILL)
    for _ in range(100):
        if not first.fits:
            break
        time.sleep(0.01)
    assert len(list(client.pages(given_signal))) == 1


@pytest.mark.parametrize("waits", [False, True], ids=["at once", "once it has ended"])
def test_one_that_does_not_come_up_blames_no_signal(monkeypatch: pytest.MonkeyPatch, waits: bool) -> None:
    pool.end_idle()
    send = wire.send
    if waits:
        monkeypatch.setattr(wire, "send", lambda to, *told: (select.select([to], [], []), send(to, *told)))
    monkeypatch.setattr(pool, "WORKER", "helpers.nothing_there")
    with pytest.raises(InputError, match=r"^given cannot be decoded: no process can be started \(it ended at once\)"):
        list(client.pages(taken(bad.picture("PNG", 30, 20))))


def test_it_decodes_beside_a_thousand_open_files() -> None:
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    if before[1] < 2_000:
        pytest.skip("the system allows fewer")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(2_000, before[0]), before[1]))
    pool.end_idle()
    opened = [os.dup(0) for _ in range(1_100)]
    try:
        assert len(list(client.pages(taken(bad.picture("PNG", 30, 20))))) == 1
    finally:
        for descriptor in opened:
            os.close(descriptor)
        pool.end_idle()
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_one_that_is_gone_before_it_is_told_anything_is_counted_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    pool.end_idle()
    counted = len(budget._helpers)

    def refuse(*said: object) -> None:
        raise BrokenPipeError

    monkeypatch.setattr(wire, "send", refuse)
    with pytest.raises(InputError, match="no process can be started"):
        list(client.pages(taken(bad.picture("PNG", 30, 20))))
    assert len(budget._helpers) == counted
    assert not lent()
