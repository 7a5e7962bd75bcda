"""Chunks of a recording are understood side by side: in their order, no more than are needed, and stopped."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from edge_assistant.perception import speech


def unwanted() -> None:
    """Nothing is to be stopped.

    Raises:
        AssertionError: always.
    """
    raise AssertionError("nobody has interrupted")


def test_results_come_in_order_and_no_more_is_drawn_than_is_needed() -> None:
    drawn: list[int] = []
    gates = [threading.Event() for _ in range(9)]

    def items() -> Iterator[int]:
        for number in range(9):
            drawn.append(number)
            yield number

    def work(number: int) -> int:
        if number % 2 == 0 and number < 8:
            assert gates[number + 1].wait(60)  # an even one ends after the next
        gates[number].set()
        return number

    found = speech.in_order(work, items(), 2, unwanted)
    assert next(found) == 0
    assert len(drawn) <= 4
    assert list(found) == list(range(1, 9))


def test_an_error_comes_in_its_place_and_nothing_else_is_begun() -> None:
    done: list[int] = []

    def work(number: int) -> int:
        done.append(number)
        return 1 // (number - 2)

    found = speech.in_order(work, iter(range(100)), 2, unwanted)
    assert [next(found), next(found)] == [-1, -1]
    with pytest.raises(ZeroDivisionError):
        next(found)
    assert len(done) < 10


def test_what_is_begun_is_stopped_at_ctrl_c() -> None:
    stopped = threading.Event()

    def items() -> Iterator[int]:
        yield from range(2)
        raise KeyboardInterrupt

    def work(number: int) -> int:
        assert stopped.wait(60)
        return number

    with pytest.raises(KeyboardInterrupt):
        next(speech.in_order(work, items(), 2, stopped.set))
    assert stopped.is_set()
