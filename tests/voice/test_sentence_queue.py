"""Saying sentences one after the other, and falling silent at once; the voice and the speaker are scripted."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
import pytest

from edge_assistant.core.errors import DeviceLost, EdgeAssistantError, Stopped, VoiceUnavailable
from edge_assistant.voice import sentence_queue
from edge_assistant.voice.sentence_queue import Speaking

WAIT = 20.0  # seconds until a test gives up
RATE = 100


class Words:
    """A voice whose sentences are words: each sounds as long as it has letters, and is named by its first sample."""

    rate = RATE

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.gates: dict[str, threading.Event] = {}
        self.errors: dict[str, Exception] = {}
        self.stopped = threading.Event()

    def stop(self) -> None:
        self.stopped.set()

    def speak(self, text: str) -> Iterator[np.ndarray]:
        self.stopped.clear()
        for word in text.split():
            self.asked.append(word)
            if word in self.gates:
                assert self.gates[word].wait(WAIT)
                if self.stopped.is_set():
                    raise Stopped("stopped", "ask again")
            if word in self.errors:
                raise self.errors[word]
            yield np.full(len(word), ord(word[0]), np.float32)


class Box:
    """A speaker that plays nothing until it is told that a sound is over."""

    def __init__(self) -> None:
        self.heard: list[str] = []
        self.open: list[Callable[[], None]] = []
        self.changed = threading.Condition()
        self.stops = 0
        self.lost = False
        self.asked, self.opening = threading.Event(), threading.Event()
        self.opening.set()

    def play(self, samples: np.ndarray, rate: int, done: Callable[[], None] | None = None) -> None:
        assert rate == RATE
        self.asked.set()
        assert self.opening.wait(WAIT)
        if self.lost:
            raise DeviceLost("the speaker is gone", "plug it in")
        with self.changed:
            self.heard.append(chr(int(samples[0])))
            self.open.append(done or (lambda: None))
            self.changed.notify_all()

    def stop(self) -> None:
        """As a speaker does whose callback says so while it is being stopped, in another thread."""
        self.stops += 1
        with self.changed:
            waiting, self.open = self.open, []
        thread = threading.Thread(target=lambda: [done() for done in waiting])
        thread.start()
        thread.join(WAIT)
        assert not thread.is_alive()

    def over(self) -> None:
        """The first sound is over."""
        with self.changed:
            done = self.open.pop(0)
        done()

    def has(self, count: int) -> None:
        with self.changed:
            assert self.changed.wait_for(lambda: len(self.heard) >= count, WAIT)


class Ears:
    """What the speaking told."""

    def __init__(self) -> None:
        self.done = threading.Semaphore(0)
        self.failed: list[EdgeAssistantError] = []
        self.fell = threading.Event()

    def fail(self, error: EdgeAssistantError) -> None:
        self.failed.append(error)
        self.fell.set()


@pytest.fixture
def ears() -> Ears:
    return Ears()


@pytest.fixture
def made(ears: Ears) -> Iterator[tuple[Speaking, Words, Box]]:
    voice, box = Words(), Box()
    made = Speaking(voice, box, done=ears.done.release, failed=ears.fail)
    yield made, voice, box
    made.close()


Made = tuple[Speaking, Words, Box]


def test_sentences_sound_in_order_and_the_end_is_told_once(made: Made, ears: Ears) -> None:
    talk, _, box = made
    assert not talk.speaking
    talk.say("one two")
    talk.say("three a b")
    box.has(2)
    assert talk.speaking
    for count in (3, 4, 5, 5, 5):
        assert len(box.open) <= 2, "no more wait in the speaker"
        box.over()
        box.has(count)
    assert ears.done.acquire(timeout=WAIT)
    assert box.heard == ["o", "t", "t", "a", "b"]
    assert not talk.speaking
    assert not ears.done.acquire(blocking=False)
    assert ears.failed == []


def test_no_more_sentences_wait_than_are_kept(made: Made, ears: Ears, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sentence_queue, "_MAX_WAITING", 2)
    talk, voice, box = made
    voice.gates["first"] = threading.Event()
    talk.say("first")
    for _ in range(1_000):
        if voice.asked:
            break
        threading.Event().wait(0.01)
    for word in ("second", "third", "fourth"):
        talk.say(word)
    voice.gates["first"].set()
    for count in (1, 2, 3):
        box.has(count)
        box.over()
    assert ears.done.acquire(timeout=WAIT)
    assert voice.asked == ["first", "second", "third"]


def test_stop_is_at_once_and_what_was_being_made_is_not_played(made: Made, ears: Ears) -> None:
    talk, voice, box = made
    voice.gates["slow"] = threading.Event()
    talk.say("first slow never")
    talk.say("nor this")
    box.has(1)
    talk.stop()  # while the second is being made
    assert not talk.speaking
    assert box.stops == 1
    voice.gates["slow"].set()
    talk.say("again")
    box.has(2)
    box.over()
    assert ears.done.acquire(timeout=WAIT)
    assert box.heard == ["f", "a"]
    assert not ears.done.acquire(blocking=False)
    assert ears.failed == []


def test_stop_while_the_speaker_is_full(made: Made) -> None:
    talk, _, box = made
    talk.say("a b c d e f")
    box.has(2)
    talk.stop()
    talk.say("x")
    box.has(3)
    assert box.heard[2] == "x"


def test_stop_does_not_wait_for_a_speaker_that_is_being_opened(made: Made) -> None:
    talk, _, box = made
    box.opening.clear()
    talk.say("a b")
    assert box.asked.wait(WAIT)
    talk.stop()
    talk.say("x")
    assert box.heard == []
    box.opening.set()
    box.has(2)
    assert box.heard == ["a", "x"]
    assert box.stops == 2  # what came too late is silenced


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (VoiceUnavailable("no", "do"), VoiceUnavailable),
        (RuntimeError("?"), VoiceUnavailable),  # which nobody foresaw
        (None, DeviceLost),  # of the speaker
    ],
)
def test_what_cannot_be_spoken_is_told_and_the_next_is_spoken(
    made: Made, ears: Ears, error: Exception | None, told: type[EdgeAssistantError]
) -> None:
    talk, voice, box = made
    box.lost = error is None
    if error is not None:
        voice.errors["bad"] = error
    talk.say("bad")
    assert ears.fell.wait(WAIT)
    assert not talk.speaking
    assert [type(error) for error in ears.failed] == [told]
    box.lost = False
    talk.say("good")
    box.has(1)
    box.over()
    assert ears.done.acquire(timeout=WAIT)


def test_a_speaker_that_never_says_that_it_is_done_is_not_waited_for(
    made: Made, ears: Ears, monkeypatch: pytest.MonkeyPatch
) -> None:
    talk, _, box = made
    monkeypatch.setattr(sentence_queue, "_GRACE_S", 0.05)
    talk.say("a b c")
    assert ears.done.acquire(timeout=WAIT)
    assert box.heard == ["a", "b", "c"]
    assert not talk.speaking


def test_after_close_nothing_is_said(made: Made) -> None:
    talk, voice, box = made
    talk.close()
    talk.say("a")
    talk._thread.join(WAIT)
    assert not talk._thread.is_alive()
    assert voice.asked == box.heard == []
    assert not talk.speaking


def test_many_threads_may_say_and_stop(made: Made) -> None:
    talk, _, box = made
    box.play = lambda samples, rate, done: done()  # type: ignore[method-assign, assignment]

    def use(turn: int) -> None:
        for _ in range(50):
            talk.say("a b")
            if turn == 0:
                talk.stop()

    threads = [threading.Thread(target=partial(use, turn)) for turn in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(WAIT)
    talk.stop()
    assert not talk.speaking
