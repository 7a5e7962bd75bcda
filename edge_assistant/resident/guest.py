"""Who waits for an answer of the resident: a command, or a call of the gateway."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field

from edge_assistant.compute import sd_notify
from edge_assistant.core.errors import Stopped
from edge_assistant.core.events import Answered, Event
from edge_assistant.resident.protocol import Channel, QuestionMessage, ServiceMessage


@dataclass(eq=False, slots=True)
class Guest:
    """A connection that asks a question.

    Attributes:
        channel: to the command.
        question: or what a gateway wants, with its signals opened.
        gone: whether nobody waits for the answer.
        replied: whether the answer, or an error, is made; what remains to be done is not stopped.
        done: set after the answer.
    """

    channel: Channel
    question: QuestionMessage | ServiceMessage
    gone: bool = False
    replied: bool = False
    done: threading.Event = field(default_factory=threading.Event)

    @property
    def task(self) -> str:
        """What is asked for, in one word."""
        return self.question.task.value if isinstance(self.question, ServiceMessage) else "ask"

    def send(self, message: Mapping[str, object]) -> bool:
        """Send something; whether that worked. A command that does not take it is gone."""
        with contextlib.suppress(OSError):
            if not self.gone:
                self.channel.send(message)
                sd_notify.advanced()
                return True  # the command may be gone by now, with the answer
        self.gone = True
        return False

    def watch(self, event: Event) -> None:
        """Send an event.

        Raises:
            Stopped: nobody waits for the answer.
        """
        if self.gone if isinstance(event, Answered) else not self.send({"event": event}):  # the answer has no event
            raise Stopped("stopped", "ask again")

    def part(self, message: Mapping[str, object]) -> None:
        """Send a part of what a gateway wants.

        Raises:
            Stopped: nobody waits for it.
        """
        if not self.send({"part": message}):
            raise Stopped("stopped", "ask again")
