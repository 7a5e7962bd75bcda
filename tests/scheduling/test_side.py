"""Jobs side by side: the plan, the order in which they come out, and what ends all of them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from itertools import chain

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_assistant.compute.runtime import Halt
from edge_assistant.compute.scheduling import side
from edge_assistant.compute.scheduling.side import SideJob
from edge_assistant.core.errors import InputCorrupt, Stopped

Tell = Callable[[str], None]
WAIT_S = 60  # of a test that would hang otherwise
CHAINS = st.lists(st.tuples(st.integers(0, 4), st.floats(0, 100)), max_size=12)


@given(CHAINS)
def test_each_job_stands_once_in_its_chain_and_in_its_order(jobs: list[tuple[int, float]]) -> None:
    planned = side.plan(jobs)
    assert sorted(chain.from_iterable(planned)) == list(range(len(jobs)))
    assert all(list(numbers) == sorted(numbers) for numbers in planned)
    assert all(len({jobs[number][0] for number in numbers}) == 1 for numbers in planned)
    assert len(planned) == len({job[0] for job in jobs})


@given(CHAINS)
def test_what_takes_next_to_nothing_begins_then_the_longest(jobs: list[tuple[int, float]]) -> None:
    seconds = [sum(jobs[number][1] for number in numbers) for numbers in side.plan(jobs)]
    long = [taken for taken in seconds if taken > 0.1]
    assert long == sorted(long, reverse=True)
    assert seconds[len(seconds) - len(long) :] == long


def job(name: str, chain: str, work: Callable[[Tell], str] | None = None) -> SideJob[str, str]:
    return SideJob(chain, 1.0, work or (lambda tell: name))


def run(jobs: Sequence[SideJob[str, str]], lanes: int = 2, halt: Halt | None = None) -> tuple[list[str], list[str]]:
    told, done = list[str](), list[str]()
    side.run(iter(jobs), lanes, halt or Halt(), tell=told.append, done=done.append)
    return told, done


def test_the_first_fault_in_order_is_raised_whichever_came_first() -> None:
    second = threading.Event()

    def first(tell: Tell) -> str:
        assert second.wait(WAIT_S)
        raise InputCorrupt("the first", "")

    def other(tell: Tell) -> str:
        second.set()
        raise InputCorrupt("the second", "")

    with pytest.raises(InputCorrupt, match="the first"):
        run([job("1", "a", first), job("2", "b", other)])


def at_work() -> list[threading.Thread]:
    """The threads of senses; others may end meanwhile."""
    return [thread for thread in threading.enumerate() if thread.name == "sense"]


def forever(begun: threading.Event, halt: Halt) -> Callable[[Tell], str]:
    """Work that ends only when to stop is asked, as a model does."""

    def work(tell: Tell) -> str:
        stopped = threading.Event()
        with halt.telling(stopped.set):
            begun.set()
            assert stopped.wait(WAIT_S)
        halt.check()
        return "never"

    return work


def test_a_fault_stops_what_runs_beside_it_and_the_wish_is_gone_then() -> None:
    halt, begun = Halt(), threading.Event()

    def faulty(tell: Tell) -> str:
        assert begun.wait(WAIT_S)
        raise InputCorrupt("damaged", "")

    with pytest.raises(InputCorrupt):
        run([job("1", "a", faulty), job("2", "b", forever(begun, halt)), job("3", "b")], halt=halt)
    assert (halt.asked, at_work()) == (False, [])


@pytest.mark.parametrize("raised", [KeyboardInterrupt, Stopped("stopped", "")])
def test_what_the_caller_raises_stops_all(raised: BaseException | type[BaseException]) -> None:
    halt, begun, done = Halt(), threading.Event(), list[str]()

    def tell(word: str) -> None:
        raise raised

    def telling(tell: Tell) -> str:
        assert begun.wait(WAIT_S)
        tell("x")
        return forever(threading.Event(), halt)(tell)

    with pytest.raises(type(raised) if isinstance(raised, BaseException) else raised):
        side.run([job("1", "a", telling), job("2", "b", forever(begun, halt))], 2, halt, tell=tell, done=done.append)
    assert (done, halt.asked, at_work()) == ([], False, [])


def test_a_wish_to_stop_ends_all_and_stays() -> None:
    halt, begun = Halt(), (threading.Event(), threading.Event())

    def ask() -> None:
        assert all(each.wait(WAIT_S) for each in begun)
        halt.ask()

    asking = threading.Thread(target=ask)
    asking.start()
    with pytest.raises(Stopped):
        run([job("1", "a", forever(begun[0], halt)), job("2", "b", forever(begun[1], halt))], halt=halt)
    asking.join()
    assert halt.asked
