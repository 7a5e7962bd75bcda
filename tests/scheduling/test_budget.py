"""A budget of processor time and memory: what exceeds it stops, in whichever thread, and nothing else does."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import FunctionType
from typing import Any

import pytest

from edge_assistant.compute.runtime import Halt
from edge_assistant.compute.scheduling.budget import Budget, kept
from edge_assistant.core.errors import InputTooLarge, Stopped

LITTLE, MUCH = Budget(0.2, 1 << 40), Budget(1e6, 1 << 40)
LOTS = 64 << 20

CODE = """
def spins():
    while True:
        pass

def catches():
    while True:
        try:
            spins()
        except Exception:
            pass

def grows():
    held = []
    while True:
        held.append(bytearray(b"x") * 1_000_000)

"""


def of(package: str) -> dict[str, Any]:
    """Functions as those of a package of the product."""
    made: dict[str, Any] = {"__name__": f"edge_assistant.{package}.made"}
    exec(CODE, made)
    return made


def as_of(package: str, work: Callable[[], object]) -> Callable[[], object]:
    """A function as one of a package of the product."""
    named = globals() | {"__name__": f"edge_assistant.{package}.made"}
    return FunctionType(work.__code__, named, closure=work.__closure__)


MADE = of("reasoning")


def run(work: Callable[[], object], budget: Budget, halt: Halt | None = None) -> object:
    return kept(work, budget, "reasoning", halt or Halt(), lambda much: InputTooLarge(f"over {much}", "less"))


@pytest.mark.parametrize("name", ["spins", "catches"])
def test_what_computes_for_too_long_stops(name: str) -> None:
    with pytest.raises(InputTooLarge, match=r"^over 0 s of computing"):
        run(MADE[name], LITTLE)


def test_in_another_thread_too() -> None:
    raised: list[BaseException] = []

    def work() -> None:
        try:
            run(MADE["spins"], LITTLE)
        except InputTooLarge as error:
            raised.append(error)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(60)
    assert not thread.is_alive()
    assert len(raised) == 1


def test_time_in_which_nothing_is_computed_does_not_count() -> None:
    run(lambda: time.sleep(0.8), Budget(0.4, 1 << 40))


def test_one_within_another_ends_alone() -> None:
    def inner() -> str:
        try:
            run(MADE["spins"], LITTLE)
        except InputTooLarge:
            return "went on"
        return "never"

    assert run(as_of("reasoning", inner), MUCH) == "went on"


def test_what_takes_too_much_memory_stops() -> None:
    with pytest.raises(InputTooLarge, match=r"^over 0.1 GiB of memory"):
        run(MADE["grows"], Budget(1e6, LOTS))


def test_a_wish_to_stop_ends_what_never_looks_at_it() -> None:
    halt = Halt()
    threading.Timer(0.1, halt.ask).start()
    with pytest.raises(Stopped):
        run(MADE["spins"], MUCH, halt)


def test_code_of_another_package_is_not_cut_in_the_middle() -> None:
    ended = []

    def whole() -> None:
        until = time.thread_time() + 1
        while time.thread_time() < until:
            pass
        ended.append(True)

    other = as_of("language", whole)
    with pytest.raises(InputTooLarge):
        run(as_of("reasoning", lambda: [other(), MADE["spins"]()]), LITTLE)
    assert ended == [True]


def test_the_outer_one_ends_the_inner_one() -> None:
    with pytest.raises(InputTooLarge):
        run(as_of("reasoning", lambda: run(MADE["spins"], MUCH)), LITTLE)


def test_nothing_comes_after_the_end() -> None:
    """The budget is over in the very moments in which the work ends, many times."""
    work = as_of("reasoning", lambda: sum(range(2_000_000)))
    for _ in range(20):
        with suppress(InputTooLarge):
            run(work, Budget(0.01, 1 << 40))
        until = time.thread_time() + 0.02
        while time.thread_time() < until:
            pass


def test_a_tracer_goes_on_after_it() -> None:
    """CPython 3.11 hangs under a tracer once an exception that was sent to a thread is taken back."""
    code = """
import sys
sys.path[:0] = {paths!r}
from test_budget import MADE, MUCH, LITTLE, run, suppress, InputTooLarge
run(lambda: 1, MUCH)
with suppress(InputTooLarge):
    run(MADE["spins"], LITTLE)
sys.settrace(lambda *_: None)
(lambda: 1)()
"""
    paths = [str(Path(__file__).parent), *sys.path]
    subprocess.run([sys.executable, "-c", code.format(paths=paths)], check=True, timeout=240)
