"""What is written to the log, without personal data. Nothing is loaded before there is something to write."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edge_assistant.governance.redaction.redactor import Redactor


def logged(text: str) -> str:
    """A text for the log; its pseudonyms are those of this process."""
    return _redactor().redact(text).text


def renew() -> None:
    """Give the next texts other pseudonyms, in a process that goes on with somebody else's."""
    _redactor.cache_clear()


@cache
def _redactor() -> Redactor:
    import secrets

    from edge_assistant.governance.redaction.redactor import Redactor

    return Redactor(secrets.token_bytes(32), keyed=True)
