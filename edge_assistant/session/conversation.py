"""One conversation: signals that come and go, questions over them, and what was perceived kept between the two."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

from edge_assistant.core.answer import Answer
from edge_assistant.core.errors import UsageError
from edge_assistant.core.events import Watch
from edge_assistant.core.signals import SAID, Kind, Origin, Signal, guess, take_bytes, take_file
from edge_assistant.reasoning.sentences import check_question
from edge_assistant.session.assistant import Assistant


class Conversation:
    """Signals and questions over them, one after another; used by one thread, but for `stop`.

    What perceives or answers raises what the method of that name of `Assistant` does.

    Attributes:
        assistant: answers.
        asked: what was asked so far, for whoever asks about that.
    """

    assistant: Assistant
    asked: list[str]

    def __init__(self, assistant: Assistant, language: str | None = None) -> None:
        """Begin with no signals.

        Args:
            assistant: answers; what it perceived stays with it.
            language: of what is spoken and written, or None to detect it.
        """
        self.assistant = assistant
        self._language = language
        self.asked = []
        self._ids: list[str] = []  # all that were given, in the order attached
        self._signals: dict[str, Signal] = {}  # without the removed ones, whose bytes are not held

    @property
    def signals(self) -> tuple[Signal, ...]:
        """The signals in the order attached, without removed ones."""
        return tuple(self._signals[id] for id in self._ids if id in self._signals)

    def attach(self, path: Path, kind: Kind | None = None) -> Signal:
        """Add a file, of the kind that its name or content tells where none is given.

        Raises:
            InputError: it is missing, empty, too large, no file or of no kind that is known.
            PolicyRefused: no such signal may be taken.
        """
        kind = kind or guess(path)
        self.assistant.policy.check_signal(kind, Origin.FILE)
        return self._put(take_file(path, kind, self._next(kind)))

    def add(self, data: bytes, kind: Kind, *, origin: Origin, name: str) -> Signal:
        """Add bytes that have no file: a camera's picture, a recording, readings.

        Raises:
            InputEmpty, InputTooLarge: as the name says.
            PolicyRefused: no such signal may be taken.
        """
        if name != SAID:
            self.assistant.policy.check_signal(kind, origin)
        return self._put(take_bytes(data, kind, self._next(kind), origin=origin, name=name))

    def renew(self, id: str, data: bytes) -> Signal:
        """Give a signal other bytes, such as readings that grew; its id, name and place stay.

        Raises:
            UsageError: there is no such signal.
            InputEmpty, InputTooLarge: as the name says; the former bytes stay then.
        """
        former = self._signal(id)
        taken = take_bytes(data, former.kind, 1, origin=former.origin, name=former.name)
        if taken.sha256 != former.sha256:
            self.assistant.recall.forget(former.sha256)
        return self._put(replace(taken, id=id))

    def remove(self, id: str) -> Signal:
        """Take a signal away; `restore` gives it back.

        Raises:
            UsageError: there is no such signal.
        """
        self._signal(id)
        return self._signals.pop(id)

    def restore(self, signal: Signal) -> None:
        """Give a removed signal back its place and id; one of an earlier conversation comes last."""
        self._put(signal)

    def perceive(self, id: str, watch: Watch) -> None:
        """Perceive a signal, so that a question need not wait for it.

        Raises:
            UsageError: there is no such signal.
        """
        self.assistant.perceive(self._signal(id), watch, self._language)

    def prefill(self, watch: Watch) -> None:
        """Let the language model read the signals that were perceived, before there is a question."""
        self.assistant.prefill(self.signals, watch, self._language)

    def ask(self, text: str, watch: Watch, *, spoken: bytes | None = None) -> Answer:
        """Answer a message.

        Args:
            text: a question; what else it states becomes a signal of its own and stays for later questions.
            watch: is called with each event.
            spoken: the recording (WAV) where the message was spoken and its text was not changed; the signal then.

        Raises:
            UsageError: the question is empty or too long.
        """
        statements, question = self.assistant.parted(text)
        check_question(question or text)
        others = self.signals
        if statements:
            self._state(statements, spoken)
        if not question and others:
            return self.assistant.check(self.signals, watch, language=self._language, message=text)
        signals, before = self.signals if question else (), tuple(self.asked)
        self.asked.append(text)
        return self.assistant.ask(
            question or text, signals, watch, language=self._language, message=text, before=before
        )

    def recall(self, text: str, *, spoken: bytes | None = None) -> None:
        """Take a message that was answered before this conversation began, as its statements still count.

        Args:
            text: of it.
            spoken: as `ask` has it.
        """
        statements, question = self.assistant.parted(text)
        if statements:
            self._state(statements, spoken)
        if question:
            self.asked.append(text)

    def check(self, watch: Watch) -> Answer:
        """Compare the signals without a question."""
        return self.assistant.check(self.signals, watch, language=self._language)

    def stop(self) -> None:
        """Let what runs raise `Stopped` soon; from any thread."""
        self.assistant.stop()

    def _state(self, statements: str, spoken: bytes | None) -> None:
        """Add what a message states, unless just that is there: who asks again states nothing new."""
        data = spoken or statements.encode("utf-8", "replace")
        if hashlib.sha256(data).hexdigest() in {signal.sha256 for signal in self.signals}:
            return
        if spoken:
            self.add(data, Kind.AUDIO, origin=Origin.MICROPHONE, name=SAID)
        else:
            self.add(data, Kind.TEXT, origin=Origin.USER, name=SAID)

    def _signal(self, id: str) -> Signal:
        if id not in self._signals:
            raise UsageError(f"there is no signal {id}", "name one of the conversation")
        return self._signals[id]

    def _put(self, signal: Signal) -> Signal:
        if signal.id not in self._ids:
            self._ids.append(signal.id)
        self._signals[signal.id] = signal
        return signal

    def _next(self, kind: Kind) -> int:
        """A number within the kind that was never given."""
        numbers = [int(number) for given, _, number in (id.partition(":") for id in self._ids) if given == kind]
        return max(numbers, default=0) + 1
