"""Jobs side by side: the plan, the order in which they come out, and what ends all of them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from itertools import chain

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_assistant.compute.runtime import Halt
from edge_assistant.compute.scheduling import side
from edge_assistant.compute.scheduling.side import Job
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


def job(name: str, chain: str, work: Callable[[Tell], str] | None = None) -> Job[str, str]:
    return Job(chain, 1.0, work or (lambda tell: name))


def run(jobs: Sequence[Job[str, str]], lanes: int = 2, halt: Halt | None = None) -> tuple[list[str], list[str]]:
    told, done = list[str](), list[str]()
    side.run(iter(jobs), lanes, halt or Halt(), tell=told.append, done=done.append)
    return told, done


@pytest.mark.parametrize("lanes", [1, 2, 3, 9])
def test_what_jobs_come_to_is_handled_in_their_order(lanes: int) -> None:
    names = list("abcdefgh")
    _, done = run([job(name, name if number % 2 else "one") for number, name in enumerate(names)], lanes)
    assert done == names


def test_chains_run_at_the_same_time_and_a_later_one_may_end_first() -> None:
    second = threading.Event()

    def first(tell: Tell) -> str:
        assert second.wait(WAIT_S)
        return "first"

    def other(tell: Tell) -> str:
        tell("the second is done")
        second.set()
        return "second"

    assert run([job("first", "a", first), job("second", "b", other)]) == (["the second is done"], ["first", "second"])


def test_all_is_handled_in_the_thread_that_asked_and_with_its_context() -> None:
    chosen: ContextVar[str] = ContextVar("chosen")
    chosen.set("of the caller")
    threads, seen = set[int](), list[str]()

    def work(tell: Tell) -> str:
        seen.append(chosen.get())
        tell("x")
        return "y"

    def note(word: str) -> None:
        threads.add(threading.get_ident())

    side.run([job("a", "a", work), job("b", "b", work)], 2, Halt(), tell=note, done=note)
    assert (threads, seen) == ({threading.get_ident()}, ["of the caller"] * 2)


def test_what_one_job_tells_stays_in_order_and_before_its_end() -> None:
    def work(tell: Tell) -> str:
        for number in range(50):
            tell(f"a{number}")
        return "a"

    happened = list[str]()
    jobs = [job("a", "a", work), job("b", "b")]
    side.run(jobs, 2, Halt(), tell=happened.append, done=lambda name: happened.append(f"end {name}"))
    assert [word for word in happened if word.startswith(("a", "end a"))] == [*(f"a{n}" for n in range(50)), "end a"]


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

    before = threading.active_count()
    with pytest.raises(InputCorrupt):
        run([job("1", "a", faulty), job("2", "b", forever(begun, halt)), job("3", "b")], halt=halt)
    assert (halt.asked, threading.active_count()) == (False, before)


@pytest.mark.parametrize("raised", [KeyboardInterrupt, Stopped("stopped", "")])
def test_what_the_caller_raises_stops_all(raised: BaseException | type[BaseException]) -> None:
    halt, begun, done = Halt(), threading.Event(), list[str]()

    def tell(word: str) -> None:
        raise raised

    def telling(tell: Tell) -> str:
        assert begun.wait(WAIT_S)
        tell("x")
        return forever(threading.Event(), halt)(tell)

    before = threading.active_count()
    with pytest.raises(type(raised) if isinstance(raised, BaseException) else raised):
        side.run([job("1", "a", telling), job("2", "b", forever(begun, halt))], 2, halt, tell=tell, done=done.append)
    assert (done, halt.asked, threading.active_count()) == ([], False, before)


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


def test_one_at_a_time_a_job_is_made_when_it_is_its_turn() -> None:
    made, seen = list[str](), list[list[str]]()

    def jobs() -> object:
        for name in "ab":
            made.append(name)
            yield job(name, name)

    side.run(jobs(), 1, Halt(), tell=lambda word: None, done=lambda name: seen.append(made.copy()))
    assert seen == [["a"], ["a", "b"]]
