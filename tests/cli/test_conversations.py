"""What clients of the gateway said of late."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_assistant.cli import _conversations
from edge_assistant.cli._conversations import Conversations


@given(st.lists(st.tuples(st.sampled_from("abc"), st.text(min_size=1, max_size=9)), max_size=30))
def test_conversations_keep_the_last_texts_of_each(asked: list[tuple[str, str]]) -> None:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(_conversations, "CHARACTERS", 20)
        patched.setattr(_conversations, "_TEXTS", 40)
        patched.setattr(_conversations, "_LEAST", 20)
        kept = Conversations()
        for id, text in asked:
            before = kept.before("here", id)
            kept.keep("here", id, (*before, text))
            now = kept.before("here", id)
            assert (*before, text)[-len(now) :] == now
            assert sum(map(len, now)) <= 20
            assert kept.before("elsewhere", id) == ()
        assert sum(bool(kept.before("here", id)) for id in "abc") == min(2, len({id for id, _ in asked}))


def test_what_nobody_wants_for_long_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = Conversations()
    kept.keep("here", "one", ("hello",))
    kept.heard("here", "hello", b"RIFF")
    assert (kept.before("here", "one"), kept.recording("here", "hello")) == (("hello",), b"RIFF")
    assert kept.recording("elsewhere", "hello") is None
    with monkeypatch.context() as patched:
        patched.setattr(_conversations, "LATELY_S", -1.0)
        kept.expire()
    assert (kept.before("here", "one"), kept.recording("here", "hello")) == ((), None)
    kept.heard("here", "hello", b"RIFF")
    with monkeypatch.context() as patched:
        patched.setattr(_conversations, "LATELY_S", -1.0)
        kept.heard("here", "again", b"RIFF")  # by clients one after the other, so that the resident is never idle
    assert kept.recording("here", "hello") is None


def test_recordings_are_bounded_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_conversations, "_RECORDINGS", 1000)
    kept = Conversations()
    for text in "abc":
        kept.heard("here", text, bytes(400))
    assert [kept.recording("here", text) is not None for text in "abc"] == [False, True, True]
    kept.heard("here", "d", bytes(2000))
    assert [kept.recording("here", text) for text in "abcd"] == [None] * 4
