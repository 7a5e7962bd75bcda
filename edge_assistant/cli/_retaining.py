"""What goes by itself when a command runs: what was begun to be forgotten, and what is too old to be kept."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from edge_assistant.core.errors import EdgeAssistantError, PolicyInvalid
from edge_assistant.core.signals import printable
from edge_assistant.governance import forgetting

if TYPE_CHECKING:
    from edge_assistant.storage.settings import Settings


def complete() -> None:
    """Go on where a process was killed while it forgot; what fails is said, and tried again by the next command."""
    try:
        forgetting.complete()
    except EdgeAssistantError as error:
        _warn("an interrupted erasure is not complete", error)


def expire(settings: Settings) -> None:
    """Forget what is older than is kept; what fails is said, and changes nothing of what was answered.

    Args:
        settings: of the person, who may want it kept for longer than the policy does, or more of it.
    """
    from edge_assistant.governance.policy.policy import current

    try:
        forgetting.expire_when_due(current().history_days(settings.keep_days))
    except EdgeAssistantError as error:
        _warn("expired conversations are not erased yet", error)


def uncache(settings: Settings) -> None:
    """Forget what is kept to be quicker, where it is not wanted; where that fails it is said, and the verb runs.

    Args:
        settings: of the person, who may not want it though the policy allows it.
    """
    from edge_assistant.governance.policy.policy import current

    try:
        if not (settings.cache and current().keeps_caches):
            forgetting.forget_caches()
    except PolicyInvalid:  # which the verb is going to say
        pass
    except EdgeAssistantError as error:
        _warn("disabled caches are not removed yet", error)


def _warn(what: str, error: EdgeAssistantError) -> None:
    print(printable(f"warning: {what}, as {error.message} - {error.hint}"), file=sys.stderr)
