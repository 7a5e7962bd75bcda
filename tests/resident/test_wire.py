"""What goes over the socket: what a client of ours sends comes out as it went in, and nothing else does."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from edge_assistant.resident import facts, wire
from edge_assistant.resident.wire import Malformed, Order, Question, Stream

WORDS = st.text(st.characters(exclude_characters="\0", exclude_categories=("Cs",)), max_size=20) | st.binary(
    max_size=20
).map(lambda data: os.fsdecode(data.replace(b"\0", b"")))
NAMES = st.sampled_from(sorted(facts.HONOURED)) | st.from_regex(r"(EDGE_ASSISTANT|LC)_[A-Z0-9_]{0,9}", fullmatch=True)
QUESTIONS = st.builds(
    Question,
    arguments=st.lists(WORDS, max_size=5).map(lambda words: ("ask", *words)),
    environment=st.dictionaries(NAMES, WORDS, max_size=3),
    facts=st.dictionaries(WORDS, WORDS, max_size=3),
    streams=st.just((Stream("utf-8", "strict"), Stream("latin-1", "backslashreplace"), Stream("utf-8", "strict"))),
    began=st.floats(0, 1e9),
)
A_QUESTION = Question(("ask", "q"), {}, {}, (Stream("utf-8", "strict"),) * 3, 1.0)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(QUESTIONS)
def test_a_question_comes_out_as_it_went_in(question: Question) -> None:
    assert wire.asked(wire.packed(question)) == question


@pytest.mark.parametrize("what", wire.ORDERS)
def test_an_order_comes_out_as_it_went_in(what: str) -> None:
    assert wire.asked(wire.packed(Order(what))) == Order(what)


@given(st.binary(max_size=200) | JSON.map(lambda value: json.dumps(value).encode()))
@example(b"[" * 100_000)
@example(b"{}")
@example(b'{"order": ["stop"]}')
@example(b'{"order": "format"}')
def test_whatever_else_comes_is_refused(data: bytes) -> None:
    with pytest.raises(Malformed):
        wire.asked(data)


@given(st.sampled_from(["arguments", "environment", "facts", "streams", "began"]), JSON)
def test_one_part_that_is_something_else_is_refused_or_is_a_question(key: str, value: Any) -> None:
    found = json.loads(wire.packed(A_QUESTION)) | {key: value}
    try:
        asked = wire.asked(json.dumps(found).encode())
    except Malformed:
        return
    assert wire.asked(wire.packed(asked)) == asked


@pytest.mark.parametrize(
    "changed",
    [
        {"arguments": ["models", "pull"]},
        {"arguments": []},
        {"arguments": ["ask", "a\0b"]},
        {"arguments": ["ask", "\ud800"]},
        {"arguments": ["ask"] * (wire.MAX_WORDS + 1)},
        {"environment": {"lower": "x"}},
        {"environment": {"A=B": "x"}},
        {"environment": {"": "x"}},
        {"environment": {"TERM": 1}},
        *(
            {"environment": {name: "/x"}}
            for name in ("HOME", "PATH", "XDG_STATE_HOME", "LD_PRELOAD", "PYTHONPATH", "A")
        ),
        {"streams": [["utf-8", "strict"]] * 2},
        {"streams": [["utf-8", "strict", "x"]] * 3},
        {"streams": [["../../x", "strict"]] * 3},
        {"began": 1},
        {"began": 1e300},
        {"began": True},
        {"more": 1},
    ],
)
def test_parts_that_no_client_sends(changed: dict[str, Any]) -> None:
    found = json.loads(wire.packed(A_QUESTION)) | changed
    with pytest.raises(Malformed):
        wire.asked(json.dumps(found).encode())


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    one, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with one, other:
        yield one, other


def test_descriptors_come_with_a_message_and_no_child_inherits_them(pair) -> None:
    one, other = pair
    reads, writes = os.pipe()
    wire.send(one, A_QUESTION, [reads, writes])
    data, given = wire.receive(other)
    try:
        assert wire.asked(data) == A_QUESTION
        assert [os.fstat(number).st_ino for number in given] == [os.fstat(number).st_ino for number in (reads, writes)]
        assert not any(map(os.get_inheritable, given))
    finally:
        wire.close([reads, writes, *given])


@pytest.mark.parametrize("number", [wire.DESCRIPTORS + 1, 50])
def test_more_descriptors_than_there_is_room_for_are_refused_and_none_stays_open(pair, number: int) -> None:
    one, other = pair
    before = len([*Path("/proc/self/fd").iterdir()])
    socket.send_fds(one, [wire.packed(A_QUESTION)], [0] * number)
    with pytest.raises(Malformed):
        wire.receive(other)
    assert len([*Path("/proc/self/fd").iterdir()]) == before


def test_a_message_that_is_too_long_is_not_sent_and_not_taken(pair) -> None:
    one, other = pair
    with pytest.raises(Malformed):
        wire.send(one, Question(("ask", "x" * wire.MAX_BYTES), {}, {}, A_QUESTION.streams, 1.0))
    one.send(b" " * (wire.MAX_BYTES + 1))
    with pytest.raises(Malformed):
        wire.receive(other)
