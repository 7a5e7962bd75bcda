"""A question, or a check, while it is worked on: what was said so far, what failed, how long it took."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

from edge_assistant.compute.scheduling.budget import Budget, kept
from edge_assistant.compute.scheduling.side import StopRequest
from edge_assistant.core.answer import Failure, Note, Route, Timings
from edge_assistant.core.errors import InputError, InputTooLarge
from edge_assistant.core.events import Event, Failed, Noted, Said, Watch
from edge_assistant.core.limits import QUESTION_SECONDS, WORK_BYTES
from edge_assistant.core.signals import Signal
from edge_assistant.language.engine import Usage
from edge_assistant.reasoning.reason import Outcome
from edge_assistant.reasoning.sources import Source

T = TypeVar("T")


class Task:
    """A question, or a check, while it is worked on."""

    def __init__(
        self,
        question: str,
        signals: Sequence[Signal],
        way: Route,
        watch: Watch,
        began: float | None,
        *,
        halt: StopRequest,
        strict: bool,
    ) -> None:
        self.question = question
        self.signals = signals
        self.way = way
        self._watch = watch
        self._halt, self._strict = halt, strict
        self.notes: list[Note] = []
        self.began = time.perf_counter() if began is None else began
        self.outcome = Outcome()
        self.sentences: list[str] = []
        self.first: float | None = None
        self.counted(Usage())
        self.failed: list[Failure] = []
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

    def reason(
        self, sources: Sequence[Source], think: Callable[[Sequence[Source], Outcome], Iterable[str]], least: int = 1
    ) -> None:
        """Say the sentences of `think`, which fills the outcome; if they take too much, without the largest signal.

        Raises:
            InputTooLarge: they take too much, and no more than `least` sources are left.
        """
        try:
            within_question(lambda: self.say(think(sources, self.outcome)), self._halt, len(sources))
        except InputTooLarge as error:
            if self._strict or self.sentences or len(sources) <= least or len(self.failed) >= len(self.signals):
                raise
            largest = max(sources, key=lambda source: len(source.evidence)).signal
            if largest.id not in {failed.signal for failed in self.failed}:
                left_out = InputTooLarge(f"{largest.name} is left out: {error.message}", error.hint)
                self.failed.append(Failure.of(largest.id, left_out))
                self.watch(Failed(self.failed[-1]))
            self.outcome = Outcome(highest=self.outcome.highest)
            self.reason([source for source in sources if source.signal is not largest], think, least)

    def counted(self, usage: Usage) -> None:
        """What the language model does is this one's from now on; what it did until now is given."""
        self._usage, self._before = usage, replace(usage)

    def timings(self, usage: Usage) -> Timings:
        """How long it took, and what the language model did of it, by its usage now.

        If that is another object than `counted` was given, the model was loaded anew, and all of it counts.
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


def within_question(work: Callable[[], T], halt: StopRequest, signals: int) -> T:
    """Reason within the budget of a question.

    Raises:
        InputTooLarge: it takes too much.
        Stopped: to stop was asked.
    """

    def over(much: str) -> InputTooLarge:
        return InputTooLarge(f"the answer takes over {much}", "ask about fewer or smaller signals")

    return kept(work, Budget(signals * QUESTION_SECONDS.now, WORK_BYTES.now), "reasoning", halt, over)
