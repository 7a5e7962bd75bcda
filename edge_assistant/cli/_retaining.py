"""What goes by itself when a command runs: what was begun to be forgotten, and what is too old to be kept."""

from __future__ import annotations

import sys

from edge_assistant.errors import EdgeAssistantError
from edge_assistant.governance import forgetting
from edge_assistant.signals import printable


def complete() -> None:
    """Go on where a process was killed while it forgot; what fails is said, and tried again by the next command."""
    try:
        forgetting.complete()
    except EdgeAssistantError as error:
        _warn("what was being forgotten is not gone yet", error)


def expire(wanted: int | None) -> None:
    """Forget what is older than is kept; what fails is said, and changes nothing of what was answered.

    Args:
        wanted: days, by the person's settings; the policy may want less.
    """
    from edge_assistant.governance.policy.policy import current

    try:
        forgetting.expire_when_due(current().history_days(wanted))
    except EdgeAssistantError as error:
        _warn("what is too old to be kept is not gone yet", error)


def _warn(what: str, error: EdgeAssistantError) -> None:
    print(printable(f"warning: {what}, as {error.message} - {error.hint}"), file=sys.stderr)
