"""A question, or a check, while it is worked on: what was said so far, what failed, how long it took."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from edge_assistant.answer import Failure, Note, Route, Timings
from edge_assistant.errors import InputError
from edge_assistant.events import Event, Noted, Said, Watch
from edge_assistant.language.engine import Usage
from edge_assistant.reasoning.reason import Outcome
from edge_assistant.signals import Signal


class Task:
    """A question, or a check, while it is worked on."""

    def __init__(self, question: str, signals: Sequence[Signal], way: Route, watch: Watch, began: float | None) -> None:
        self.question = question
        self.signals = signals
        self.way = way
        self._watch = watch
        self.notes: list[Note] = []
        self.began = time.perf_counter() if began is None else began
        self.outcome = Outcome()
        self.sentences: list[str] = []
        self.first: float | None = None
        self.counted(Usage())
        self.failed: Sequence[Failure] = ()
        self.error: InputError | None = None
        self.seconds: Mapping[str, float] = {}

    def watch(self, event: Event) -> None:
        """Hand an event on; notes of signals are kept for the answer."""
        if isinstance(event, Noted):
            self.notes.append(Note(event.signal, event.text))
        self._watch(event)

    def say(self, sentences: Iterable[str]) -> None:
        """Say sentences as they come."""
        for sentence in sentences:
            self.first = self.first or time.perf_counter() - self.began
            self.sentences.append(sentence)
            self.watch(Said(sentence))

    def counted(self, usage: Usage) -> None:
        """What the language model does is this one's from now on; what it did until now is given."""
        self._usage, self._before = usage, replace(usage)

    def timings(self, usage: Usage) -> Timings:
        """How long it took, and what the language model did of it.

        Args:
            usage: of the language model now; another one than `counted` was given where that one was loaded anew, and
                all of it is this one's.
        """
        before = self._before if usage is self._usage else Usage()
        completion = usage.completion_tokens - before.completion_tokens
        decode_s = usage.decode_s - before.decode_s
        ran = usage.prompt_tokens > before.prompt_tokens
        return Timings(
            total_s=time.perf_counter() - self.began,
            perception_s=dict(self.seconds),
            first_token_s=self.first if ran else None,
            tokens_per_s=completion / decode_s if ran and decode_s > 0 else None,
            prompt_tokens=usage.prompt_tokens - before.prompt_tokens,
            reused_tokens=usage.reused_tokens - before.reused_tokens,
            completion_tokens=completion,
        )
