"""The log: a rotating file in the state directory. Nothing of what signals say is written to it.

An error of a library may quote what it was given, so personal data is put out of each record before it is written.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from io import TextIOWrapper
from logging.handlers import RotatingFileHandler

from edge_assistant.core import limits
from edge_assistant_models import paths

MAX_BYTES = limits.LOG_BYTES.value
BACKUPS = 3
_AT_ONCE = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)


def start(level: str, redact: Callable[[str], str]) -> None:
    """Write the log of this process anew; where the state directory cannot be written, there is none.

    Args:
        level: below which nothing is written, as logging names it.
        redact: a text without the personal data in it; is called with the first record, and each one after it.
    """
    root = logging.getLogger("edge_assistant")
    for old in list(root.handlers):
        root.removeHandler(old)
        old.close()
    root.setLevel(level.upper())
    try:
        folder = paths.state_dir()
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)  # what lies in it is its owner's alone
        if (mode := folder.stat().st_mode) & 0o077:  # as earlier versions made it
            folder.chmod(mode & 0o700)
        handler: logging.Handler = _File(
            folder / "edge-assistant.log", maxBytes=MAX_BYTES, backupCount=BACKUPS, encoding="utf-8", delay=True
        )
    except OSError:
        handler = logging.NullHandler()
    handler.setFormatter(_Redacting(redact))
    root.addHandler(handler)
    logging.getLogger().addHandler(logging.NullHandler())  # else what libraries log is printed on stderr
    logging.raiseExceptions = False  # a full disk must not print tracebacks into an answer


class _File(RotatingFileHandler):
    """A log file; a link in its place is not followed, and a pipe keeps nobody waiting."""

    def _open(self) -> TextIOWrapper:
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | _AT_ONCE
        return os.fdopen(os.open(self.baseFilename, flags, 0o600), "a", encoding=self.encoding)


class _Redacting(logging.Formatter):
    """A line for a record, and its traceback; both without personal data."""

    def __init__(self, redact: Callable[[str], str]) -> None:
        super().__init__("%(message)s")
        self._redact = redact

    def format(self, record: logging.LogRecord) -> str:
        head = f"{self.formatTime(record)} {record.process} {record.levelname} {record.name}"
        try:
            return f"{head}: {self._redact(super().format(record))}"
        except Exception as error:  # whatever is wrong with it, it is not written as it is
            return f"{head}: (not written, as it could not be redacted: {type(error).__name__})"
