"""What the worker asks the person in the middle of an answer, and waits for."""

from __future__ import annotations

from collections.abc import Sequence
from queue import SimpleQueue
from typing import TYPE_CHECKING

from edge_assistant.core.errors import Stopped

if TYPE_CHECKING:
    from edge_assistant.governance.policy.approval import Doubt


class Confirmation:
    """Values to confirm.

    Attributes:
        doubts: what the person is asked, one after the other.
    """

    def __init__(self, doubts: Sequence[Doubt]) -> None:
        self.doubts = doubts
        self._answers: SimpleQueue[bool | None] = SimpleQueue()

    def give(self, yes: bool) -> None:
        """The person has answered."""
        self._answers.put(yes)

    def stop(self) -> None:
        """Nobody wants the answer any more."""
        self._answers.put(None)

    def wait(self) -> bool:
        """Whether all is right; in the worker's thread.

        Raises:
            Stopped: `stop` was called first.
        """
        if (yes := self._answers.get()) is None:
            raise Stopped("stopped", "ask again")
        return yes
