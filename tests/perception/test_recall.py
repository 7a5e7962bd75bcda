"""What was perceived is recalled by its bytes, within bounds; what may be otherwise the next time is not."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_assistant.core.errors import InputCorrupt, InputError, InputMissing, InputUnreadable, ModelMissing, Stopped
from edge_assistant.core.evidence import Evidence, Locator, Passage
from edge_assistant.core.signals import Kind, Origin, Signal, take_bytes
from edge_assistant.perception.recall import Recall
from edge_assistant.perception.sense import Percept, Request
from edge_assistant.perception.table import Column, Table


def signal(data: bytes = b"one", number: int = 1, name: str = "a.txt") -> Signal:
    return take_bytes(data, Kind.TEXT, number, origin=Origin.USER, name=name)


@dataclass
class Perceiver:
    """Perceives a signal's bytes as one text, or fails; records what it was asked for."""

    error: Exception | None = None
    asked: list[str] = field(default_factory=list)

    def __call__(self, given: Signal, request: Request) -> Percept:
        self.asked.append(given.id)
        if self.error is not None:
            raise self.error
        text = given.read().decode()
        return Percept((Evidence("", given.id, text, None, Locator(), Passage()),), notes=(given.name,))


def test_the_same_bytes_are_perceived_once_and_are_of_the_signal_that_was_asked_for() -> None:
    perceiver = Perceiver()
    recalled = Recall().perceiver("text", perceiver)
    first, second = signal(), signal(number=2)
    assert [item.signal for item in recalled(first, Request()).evidence] == ["text:1"]
    again = recalled(second, Request(progress=lambda fraction: pytest.fail("nothing is perceived")))
    assert [(item.signal, item.text) for item in again.evidence] == [("text:2", "one")]
    assert perceiver.asked == ["text:1"]


@pytest.mark.parametrize(
    ("sense", "given", "request_"),
    [
        ("other", signal(), Request()),
        ("text", signal(b"two"), Request()),
        ("text", signal(name="b.txt"), Request()),
        ("text", replace(signal(), kind=Kind.READINGS), Request()),
        ("text", signal(), Request("de")),
    ],
    ids=["sense", "bytes", "name", "kind", "language"],
)
def test_what_differs_is_perceived(sense: str, given: Signal, request_: Request) -> None:
    recall, perceiver = Recall(), Perceiver()
    recall.perceiver("text", perceiver)(signal(), Request())
    recall.perceiver(sense, perceiver)(given, request_)
    assert len(perceiver.asked) == 2


def test_a_fault_of_the_bytes_is_recalled_as_a_new_error() -> None:
    """One error raised again and again would hold every frame that it went through."""
    perceiver = Perceiver(InputCorrupt("it breaks off", "send it again"))
    recalled = Recall().perceiver("text", perceiver)
    caught = []
    for _ in range(3):
        with pytest.raises(InputCorrupt, match="it breaks off - send it again") as error:
            recalled(signal(), Request())
        caught.append(error.value)
    assert perceiver.asked == ["text:1"]
    assert len({id(error) for error in caught}) == 3


@pytest.mark.parametrize("error", [InputMissing, InputUnreadable, ModelMissing, Stopped])
def test_what_may_be_otherwise_the_next_time_is_tried_again(error: type[InputError]) -> None:
    perceiver = Perceiver(error("not now", "later"))
    recalled = Recall().perceiver("text", perceiver)
    with pytest.raises(error):
        recalled(signal(), Request())
    perceiver.error = None
    assert recalled(signal(), Request()).evidence
    assert len(perceiver.asked) == 2


def test_what_is_forgotten_is_perceived_again() -> None:
    recall, perceiver = Recall(), Perceiver()
    recalled = recall.perceiver("text", perceiver)
    for one in (signal(), signal(b"two", 2)):
        recalled(one, Request())
    recall.forget(signal().sha256)
    for one in (signal(), signal(b"two", 2)):
        recalled(one, Request())
    assert perceiver.asked == ["text:1", "text:2", "text:1"]
    recall.forget("nothing has this sum")
    recall.clear()
    assert recall.bytes == 0
    recalled(signal(), Request())
    assert len(perceiver.asked) == 4


def test_what_is_used_least_is_dropped() -> None:
    recall, perceiver = Recall(max_bytes=2_000), Perceiver()
    recalled = recall.perceiver("text", perceiver)
    one, two, three, four = (signal(bytes([65 + i]), i + 1) for i in range(4))
    for each in (one, two, three, one, four, one, two):
        recalled(each, Request())
    assert perceiver.asked == ["text:1", "text:2", "text:3", "text:4", "text:2"]


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 3_000)), max_size=40))
def test_no_more_is_kept_than_may_be(given_: list[tuple[int, int]]) -> None:
    recall, perceiver = Recall(max_bytes=20_000), Perceiver()
    for name, size in given_:
        text = f"{name}" * (size + 1)
        recall.perceiver("text", perceiver)(signal(text.encode()), Request())
        assert recall.bytes <= 20_000
    for name, size in given_:
        recall.forget(signal((f"{name}" * (size + 1)).encode()).sha256)
    assert recall.bytes == 0


def test_a_table_counts_with_its_rows_and_one_that_is_too_large_is_read_again() -> None:
    rows = 1_000
    table = Table(
        np.arange(rows).astype("datetime64[s]").astype("datetime64[ns]"),
        np.arange(rows),
        (Column("t", None, np.zeros(rows)), Column("state", None, np.array(["on"] * rows, object))),
    )
    asked: list[str] = []

    def perceive(given: Signal, request: Request) -> Percept:
        asked.append(given.id)
        return Percept((), table)

    for bound, times in ((40_000, 1), (20_000, 2)):
        recall = Recall(max_bytes=bound)
        recalled = recall.perceiver("readings", perceive)
        asked.clear()
        assert recalled(signal(), Request()).table is recalled(signal(), Request()).table is table
        assert len(asked) == times
        assert recall.bytes == (32_000 if times == 1 else 0)
