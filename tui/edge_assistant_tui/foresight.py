"""What any question over the signals will need is read by the language model while somebody types or speaks one."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from textual.message import Message

from edge_assistant.session.speculation import Ahead
from edge_assistant_tui import messages

if TYPE_CHECKING:
    from edge_assistant.core.events import Event, Watch
    from edge_assistant.session.assistant import Assistant
    from edge_assistant.session.conversation import Conversation


class Foresight:
    """Reads ahead in the thread that computes. It goes before nothing: what is wanted stops it, and comes first."""

    def __init__(
        self,
        assistant: Callable[[], Assistant],
        conversation: Callable[[], Conversation | None],
        post: Callable[[Message], Any],
        put: Callable[..., object],
    ) -> None:
        """Be ready.

        Args:
            assistant: gives what computes; called in the thread that does.
            conversation: the one that goes on; None where there is none yet.
            post: is told what is perceived for it, as always.
            put: has a job done, with `late` once nothing else waits.
        """
        self._conversation = conversation
        self._post, self._put = post, put
        self._ahead = Ahead(assistant)
        self._typed: int | None = None  # what had happened when somebody typed

    def typed(self) -> None:
        """Somebody types a question; at every key, as it is read once until something else happens."""
        number = self._ahead.number
        if number != self._typed:
            self._typed = number
            self._put(lambda: self._put(lambda: self._read_typed(number), late=True), late=True)  # after the signals

    def stop(self) -> None:
        """Something is wanted now: what is read while somebody types ends; what was read until then stays read."""
        self._ahead.renew()

    def read(self, wanted: Watch) -> None:
        """Read the signals, as long as that is wanted.

        Args:
            wanted: is called with each event; what it raises ends this.

        Raises:
            Stopped, and what `Assistant.prefill` raises.
        """
        conversation = self._conversation()
        if conversation is None or not conversation.signals:
            return

        def watch(event: Event) -> None:
            wanted(event)
            self._post(messages.SignalTold(event))

        conversation.prefill(watch)

    def _read_typed(self, number: int) -> None:
        conversation = self._conversation()
        if conversation is not None and conversation.assistant.runtime.threads > 1:  # else it would hold up who types
            self._ahead.do(number, lambda: self.read(self._ahead.wanted(number)))
