"""What the resident does between connections, as its caller gives it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from edge_assistant.core.answer import Answer
from edge_assistant.core.errors import EdgeAssistantError
from edge_assistant.core.events import Watch
from edge_assistant.resident.protocol import Channel, QuestionMessage, ServiceMessage

Send = Callable[[Mapping[str, object]], None]


@dataclass(frozen=True, slots=True)
class ResidentWork:
    """What the resident does, by its caller.

    Attributes:
        facts: see `compared.facts`.
        environment: that a restart begins with, as libraries change it.
        answer: answers a question; gives the answer, a note about it, and what remains to be done after it.
        serve: does what a gateway wants, given what sends it parts of that; the whole, and what remains to be done.
        listen: tells when somebody speaks in what a gateway's client sends; besides the answers, in another thread.
        warm: loads the models; the error by which one is missing.
        begin: takes a wish to stop back; before each answer.
        stop: stops the current answer soon; from any thread.
        relieve: frees memory if the machine is short of it; False if nothing is left to free.
        changed: a digest of what the resident restarts for if that changes, such as the policy.
        alone: whether the memory of an answer must not hold the question before it.
        locked: whether the offline lock is in force.
        again: the command line of a restart, without `Held`.
    """

    facts: Mapping[str, str]
    environment: Mapping[str, str]
    answer: Callable[[QuestionMessage, Watch], tuple[Answer, str, Callable[[], None]]]
    serve: Callable[[ServiceMessage, Watch, Send], tuple[Mapping[str, object], Callable[[], None]]]
    listen: Callable[[Channel, Mapping[str, object]], None]
    warm: Callable[[], EdgeAssistantError | None]
    begin: Callable[[], None]
    stop: Callable[[], None]
    relieve: Callable[[], bool]
    changed: Callable[[], str]
    alone: Callable[[], bool]
    locked: Callable[[], bool]
    again: tuple[str, ...]
