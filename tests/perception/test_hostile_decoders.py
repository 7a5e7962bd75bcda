"""Decoders that were taken over: whatever they say, it is one line for one signal, soon and in little memory."""

from __future__ import annotations

import os
import signal as signals
import time
from collections.abc import Iterator

import pytest

from edge_assistant.compute.scheduling import budget
from edge_assistant.compute.scheduling.budget import grown
from edge_assistant.core.errors import InputCorrupt
from edge_assistant.core.signals import Kind, Origin, Signal, take_bytes
from edge_assistant.perception.decoders import client, pool


@pytest.fixture(autouse=True)
def _taken_over(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    pool.end_idle()
    monkeypatch.setattr(pool, "WORKER", "helpers.hostile_decoder")
    monkeypatch.setattr(pool, "_STUCK_S", 1.0)
    yield
    pool.end_idle()


def named(name: str, content: bytes = b"\x89PNG", kind: Kind = Kind.IMAGE) -> Signal:
    return take_bytes(content, kind, 1, origin=Origin.FILE, name=name)


HOSTILE = ["silent", "out of band", "drops", "pages", "deep", "latin", "runs", "notes", "box", "scale", "shape",
           "array", "header", "number"]  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_one_that_was_taken_over_fails_its_signal_alone(name: str) -> None:
    before, began = grown(), time.perf_counter()
    with pytest.raises(InputCorrupt, match=f"^{name} is damaged: what decodes it has ended in the middle"):
        list(client.pages(named(name)))
    assert time.perf_counter() - began < 5
    assert grown() - before < 100 << 20
    assert pool.PICTURES not in pool._idle


def test_one_that_gives_nothing_where_something_is_due_fails_its_signal() -> None:
    with pytest.raises(InputCorrupt, match="has ended in the middle"):
        client.still(named("nothing", kind=Kind.VIDEO), (0.0, 1.0), lambda: None)
    with pytest.raises(InputCorrupt, match="ended in the middle"), client.listen(named("nothing", kind=Kind.AUDIO)):
        pass


def test_what_is_said_without_end_can_be_stopped() -> None:
    class Superseded(Exception):
        pass

    looks = 0

    def check() -> None:
        nonlocal looks
        looks += 1
        if looks > 100:
            raise Superseded

    with pytest.raises(Superseded):
        client.page(named("progress"), None, check)


def test_one_that_gives_more_after_it_was_told_to_end_is_not_used_again() -> None:
    with pytest.raises(InputCorrupt, match="has ended in the middle"):
        client.page(named("no close"), 1)
    assert pool.PICTURES not in pool._idle


def test_one_that_reads_nothing_fails_its_signal_alone() -> None:
    assert client.page(named("good"), 1).size == (1, 1)
    os.kill(pool._idle[pool.PICTURES].pid, signals.SIGSTOP)
    with pytest.raises(InputCorrupt, match="has ended in the middle"):
        client.page(named("large", b"\x89PNG" + bytes(1 << 22)), 1)
    assert client.page(named("good"), 1).size == (1, 1)


def test_one_that_speaks_between_two_signals_is_not_used_again() -> None:
    assert not list(client.pages(named("nothing after")))
    first = pool._idle[pool.PICTURES]
    for _ in range(100):
        if not first.fits:
            break
        time.sleep(0.01)
    assert client.page(named("good"), 1).size == (1, 1)
    assert pool._idle[pool.PICTURES].pid != first.pid


def test_what_one_computes_between_two_signals_is_counted_for_none() -> None:
    assert not list(client.pages(named("nothing, but work")))
    before = budget.taken()
    time.sleep(0.5)
    assert budget.taken() - before < 0.1
    assert pool._idle[pool.PICTURES]._child.seconds() > 0.1
