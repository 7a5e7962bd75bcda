"""The log: a rotating file in the state directory. Nothing of what signals say is written to it."""

from __future__ import annotations

import logging
from logging.handlers import RotatingFileHandler

from edge_assistant_models import paths

MAX_BYTES = 1 << 20
BACKUPS = 3


def start(level: str) -> None:
    """Write the log of this process anew; where the state directory cannot be written, there is none."""
    root = logging.getLogger("edge_assistant")
    for old in list(root.handlers):
        root.removeHandler(old)
        old.close()
    root.setLevel(level.upper())
    try:
        folder = paths.state_dir()
        folder.mkdir(parents=True, exist_ok=True)
        handler: logging.Handler = RotatingFileHandler(
            folder / "edge-assistant.log", maxBytes=MAX_BYTES, backupCount=BACKUPS, encoding="utf-8", delay=True
        )
    except OSError:
        handler = logging.NullHandler()
    handler.setFormatter(logging.Formatter("%(asctime)s %(process)d %(levelname)s %(name)s: %(message)s"))
    root.addHandler(handler)
    logging.getLogger().addHandler(logging.NullHandler())  # else what libraries log is printed on stderr
    logging.raiseExceptions = False  # a full disk must not print tracebacks into an answer
