"""A made-up model in reach of a pull, and a pull that waits."""

from __future__ import annotations

import hashlib
from pathlib import Path

from filelock import FileLock

CONTENT = b"weights" * 1000


def made_up(home: Path) -> Path:
    """Add a model `mine` to the user's catalog, whose file lies in a folder; returns where it will be installed."""
    (home / "incoming").mkdir()
    (home / "incoming" / "model.bin").write_bytes(CONTENT)
    (home / "catalog").mkdir()
    (home / "catalog" / "mine.toml").write_text(
        'name = "mine"\nrole = "vad"\nlicence = "MIT"\nlicence_url = "https://example.org/licence"\n'
        'home = "https://example.org"\ndescription = "made up"\nmemory_mib = 1\n'
        f'[[files]]\nkey = "model"\npath = "model.bin"\nbytes = {len(CONTENT)}\n'
        f'sha256 = "{hashlib.sha256(CONTENT).hexdigest()}"\n[[sources]]\ntype = "file"\npath = "incoming"\n'
    )
    return home / "models" / "mine" / "model.bin"


def held(home: Path) -> FileLock:
    """What another process that pulls the model holds; while it does, a pull waits."""
    (home / "models" / ".locks").mkdir(parents=True)
    return FileLock(home / "models" / ".locks" / "mine.lock", thread_local=False)
