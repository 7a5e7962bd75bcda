"""The messages, the descriptors with them, and the folders of the socket."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from edge_assistant.core import events, evidence
from edge_assistant.core.answer import Answer, Failure, Verdict
from edge_assistant.core.errors import StorageFull, UsageError
from edge_assistant.core.signals import Kind, Origin, Signal, Stamp
from edge_assistant.resident import client, protocol, server
from edge_assistant.resident.protocol import Channel, MalformedMessage, QuestionMessage

TEXT = st.text(max_size=9)
TIMES = st.datetimes(timezones=st.just(UTC)).map(lambda time: time.replace(fold=0))
SIGNALS = st.builds(
    Signal, TEXT, st.sampled_from(Kind), st.sampled_from(Origin), TEXT, TEXT, TIMES,
    stamp=st.none() | st.builds(Stamp),
)  # fmt: skip
EVIDENCE = st.builds(evidence.Evidence, detail=st.just(evidence.Passage()))  # the only one that the resident sends
st.register_type_strategy(evidence.Evidence, EVIDENCE)
ANSWERS = st.builds(
    Answer, signals=st.tuples(SIGNALS), evidence=st.tuples(EVIDENCE), verdicts=st.tuples(st.builds(Verdict))
)
QUESTIONS = st.builds(QuestionMessage, signals=st.tuples(SIGNALS), failed=st.tuples(st.builds(Failure)))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text() | st.just("type"), inner, max_size=3),
    max_leaves=8,
)


MESSAGES = (
    QUESTIONS
    | ANSWERS
    | st.one_of(*(st.builds(kind) for kind in get_args(events.Event) if kind is not events.Answered))
)


@settings(max_examples=30)
@given(MESSAGES)
def test_a_message_comes_out_as_it_went_in(value: object) -> None:
    comes_out(value)


@pytest.mark.bench
@given(MESSAGES)
def test_a_hundred_messages_come_out_as_they_went_in(value: object) -> None:
    comes_out(value)


def comes_out(value: object) -> None:
    assert repr(protocol.unpacked(protocol.packed({"value": value}))) == repr({"value": value})  # nan is not itself


@given(st.binary(max_size=200) | JSON.map(lambda value: json.dumps(value).encode()))
@example(b"[" * 100_000)
@example(b'{"question": {"type": "Question"}}')
@example(b'{"question": {"type": "Path"}}')
@example(b'{"question": {"type": []}}')
@example(b'{"question": {"type": "Kind", "value": "smell"}}')
@example(b'{"question": {"type": "datetime", "text": 7}}')
def test_whatever_else_comes_is_refused_or_is_an_object(line: bytes) -> None:
    with suppress(MalformedMessage):
        assert isinstance(protocol.unpacked(line), dict)


@pytest.fixture
def pair() -> Iterator[tuple[Channel, Channel]]:
    one, other = socket.socketpair()
    with one, other:
        yield Channel(one, 1_000), Channel(other, 1_000, room=2)


def test_descriptors_come_with_a_message_and_no_child_inherits_them(pair: tuple[Channel, Channel]) -> None:
    one, other = pair
    reads, writes = os.pipe()
    one.send({"a": 1}, [reads, writes])
    one.send({"b": 2})
    assert (other.receive(), other.receive()) == ({"a": 1}, {"b": 2})
    found = [os.fstat(number).st_ino for number in other.descriptors]
    assert found == [os.fstat(number).st_ino for number in (reads, writes)]
    assert not any(map(os.get_inheritable, other.descriptors))
    for number in (reads, writes, *other.descriptors):
        os.close(number)


def test_more_descriptors_than_there_is_room_for_are_closed(pair: tuple[Channel, Channel]) -> None:
    one, other = pair
    before = len([*Path("/proc/self/fd").iterdir()])
    one.send({"a": 1}, [0] * 50)
    assert other.receive() == {"a": 1}
    assert len([*Path("/proc/self/fd").iterdir()]) == before + len(other.descriptors) <= before + 2
    for number in other.descriptors:
        os.close(number)


def test_a_timeout_loses_nothing_of_a_message(pair: tuple[Channel, Channel]) -> None:
    one, other = pair
    other.connection.settimeout(0.01)
    one.connection.sendall(b'{"a":')
    with pytest.raises(TimeoutError):
        other.receive()
    one.connection.sendall(b" 1}\n")
    assert other.receive() == {"a": 1}


def test_a_message_that_is_too_long_is_not_taken(pair: tuple[Channel, Channel]) -> None:
    one, other = pair
    one.send({"text": "x" * 2_000})
    with pytest.raises(MalformedMessage, match="too long"):
        other.receive()


@pytest.mark.parametrize("mode", [0o701, 0o710, 0o777])
def test_a_folder_that_others_can_look_into_is_refused_by_both_sides(home: Path, mode: int) -> None:
    (home / "run").mkdir()
    (home / "run").chmod(mode)
    with pytest.raises(StorageFull, match="is not yours alone"):
        server.opened()
    with pytest.raises(StorageFull, match="is not yours alone"):
        client.status()


def test_a_link_in_the_place_of_the_folder_is_refused(home: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir(mode=0o700)
    (home / "run").symlink_to(tmp_path / "mine")
    with pytest.raises(StorageFull):
        server.opened()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder to another user")
def test_the_folder_of_another_user_is_refused(home: Path) -> None:
    (home / "run").mkdir(mode=0o700)
    os.chown(home / "run", 65534, 65534)
    with pytest.raises(StorageFull, match="is not yours alone"):
        server.opened()


def test_a_home_with_a_long_path_has_room_for_a_socket(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("EDGE_ASSISTANT_HOME", str(tmp_path / ("x" * 200)))
    held = server.opened()
    assert protocol.folder().stat().st_mode & 0o777 == 0o700
    with client.connected() as channel:
        assert protocol.peer(channel.connection) == (os.getpid(), os.geteuid(), os.getegid())
    held.close()


def test_there_is_one_at_a_time_and_one_that_was_killed_is_no_obstacle() -> None:
    held = server.opened()
    with pytest.raises(UsageError, match="a resident runs already"):
        server.opened()
    held.close()  # what the kernel does for a process that is killed; the socket stays
    assert client.status() is None
    server.opened().close()


def test_only_a_residents_own_descriptors_are_taken_over() -> None:
    held = server.opened()
    with socket.socket(socket.AF_UNIX) as other:
        assert server.taken(str(held)) == held
        for text in ("", "1", "0,1,2", f"{other.fileno()},{held.claim},0", f"{held.listener},{other.fileno()},0"):
            with pytest.raises((ValueError, OSError)):
                server.taken(text)
    held.close()
