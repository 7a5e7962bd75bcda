"""What stays in memory: decided by what is loaded and what the machine says, and what the keeper makes of it."""

from __future__ import annotations

import gc
import threading
import weakref
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_assistant.compute.scheduling import memory
from edge_assistant.compute.scheduling.memory import LoadedModel, Memory, Residency, short, to_drop

GIB = 1 << 30
PLENTY = Memory(16 * GIB, 8 * GIB)

LOADED = st.lists(
    st.builds(LoadedModel, st.integers(0, 99), st.integers(0, 1000), st.integers(0, 50), st.booleans()),
    unique_by=lambda item: item.key,
)


@given(LOADED, st.integers(0, 5000), st.integers(0, 5000))
def test_no_more_goes_than_has_to_and_never_what_is_in_use(loaded: list[LoadedModel], most: int, missing: int) -> None:
    dropped = to_drop(loaded, most, missing)
    by_key = {item.key: item for item in loaded}
    gone = [by_key[key] for key in dropped]
    assert not [item for item in gone if item.busy]
    assert [item.used for item in gone] == sorted(item.used for item in gone)
    surplus = max(sum(item.size for item in loaded) - most, missing)
    freed = sum(item.size for item in gone)
    assert freed >= surplus or all(item.busy or item in gone for item in loaded)
    assert not gone or freed - gone[-1].size < surplus


MEMINFO = "MemTotal:       16777216 kB\nMemFree: 1 kB\nMemAvailable:    8388608 kB\nHugePages_Total:       0\n"
PRESSURE = "some avg10=12.50 avg60=1.00 avg300=0.00 total=5\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=0\n"


def test_what_the_machine_says_is_read(tmp_path: Path) -> None:
    for name, text in {
        "proc/meminfo": MEMINFO,
        "proc/pressure/memory": PRESSURE,
        "proc/self/cgroup": "0::/box\n",
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    assert memory.read(tmp_path) == Memory(16 * GIB, 8 * GIB, 12.5)
    box = tmp_path / "sys/fs/cgroup/box"
    box.mkdir(parents=True)
    (box / "memory.max").write_text(f"{4 * GIB}\n")
    (box / "memory.current").write_text(f"{3 * GIB}\n")
    (box / "memory.stat").write_text(f"anon 0\ninactive_file {GIB}\n")
    assert memory.read(tmp_path) == Memory(4 * GIB, 2 * GIB, 12.5)


@pytest.mark.parametrize("content", ["", "MemTotal", "MemTotal: x kB", "some", "some avg10=x", "\0"])
def test_a_machine_that_tells_nothing_has_enough(tmp_path: Path, content: str) -> None:
    for name in ("proc/meminfo", "proc/pressure/memory"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content)
    assert short(memory.read(tmp_path)) == 0
    assert short(memory.read(tmp_path / "nothing")) == 0


class Model:
    """Something large."""

    made = 0

    def __init__(self) -> None:
        Model.made += 1


def keys(residency: Residency) -> list[object]:
    return [item.key for item in residency.loaded]


def test_the_least_used_goes_where_the_budget_is_exceeded_and_is_freed() -> None:
    residency = Residency(25, lambda: PLENTY)
    gone = weakref.ref(residency.get("a", 10, Model))
    residency.get("b", 10, Model)
    residency.get("c", 10, Model)
    gc.collect()
    assert (keys(residency), gone()) == (["b", "c"], None)
    residency.get("b", 10, Model)
    residency.get("a", 10, Model)
    assert keys(residency) == ["b", "a"]


def test_what_is_in_use_stays_until_the_end_of_it() -> None:
    residency = Residency(15, lambda: PLENTY)
    with residency.use():
        with residency.use():
            residency.get("a", 10, Model)
        residency.get("b", 10, Model)
        assert keys(residency) == ["a", "b"]
    assert keys(residency) == ["b"]


def test_what_is_wanted_next_does_not_go_for_what_is_got_first() -> None:
    there = [PLENTY]
    residency = Residency(16 * GIB, lambda: there[0])
    residency.get("language", 2 * GIB, Model)
    residency.get("sense", GIB, Model)
    there[0] = Memory(16 * GIB, GIB)
    with residency.use("language", "nothing"):
        residency.get("embedder", 10, Model)
        assert keys(residency) == ["language", "embedder"]
    there[0] = Memory(16 * GIB, GIB - 1)
    residency.relieve()
    assert keys(residency) == ["embedder"]


def test_what_the_machine_needs_is_given_back() -> None:
    there = [PLENTY]
    residency = Residency(100, lambda: there[0])
    with residency.use():
        for key in "abc":
            residency.get(key, 10, Model)
        there[0] = Memory(1600, 85)
        residency.relieve()
        assert keys(residency) == ["a", "b", "c"]
    assert keys(residency) == ["c"]
    there[0] = Memory(1600, 1600, pressure=50.0)
    assert not residency.relieve()
    assert keys(residency) == []
    there[0] = PLENTY
    assert residency.relieve()


def test_what_somebody_else_holds_counts_as_long_as_they_do() -> None:
    residency = Residency(25, lambda: PLENTY)
    voice = Model()
    residency.lend("voice", 20, voice)
    residency.get("a", 10, Model)
    residency.get("b", 10, Model)
    assert [item.size for item in residency.loaded] == [20, 10]
    del voice
    gc.collect()
    assert keys(residency) == ["b"]


def test_several_threads_that_want_the_same_load_it_once() -> None:
    residency, begun, go = Residency(100, lambda: PLENTY), threading.Event(), threading.Event()
    got: list[object] = []

    def slow() -> Model:
        begun.set()
        assert go.wait(60)
        return Model()

    before = Model.made
    threads = [threading.Thread(target=lambda: got.append(residency.get("a", 1, slow))) for _ in range(3)]
    for thread in threads:
        thread.start()
    assert begun.wait(60)
    go.set()
    for thread in threads:
        thread.join()
    assert Model.made == before + 1
    assert len({id(each) for each in got}) == 1
