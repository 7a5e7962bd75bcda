"""A made-up model in reach of a pull, and a pull that waits."""

from __future__ import annotations

import hashlib
from pathlib import Path

from filelock import FileLock

CONTENT = b"weights" * 1000
INCOMING = 'type = "file"\npath = "incoming"\n'


def entry(home: Path, content: bytes = CONTENT, source: str = INCOMING) -> Path:
    """Add a model `mine` of one file to the user's catalog; returns where it will be installed."""
    (home / "catalog").mkdir(exist_ok=True)
    (home / "catalog" / "mine.toml").write_text(
        'name = "mine"\nrole = "vad"\nlicence = "MIT"\nlicence_url = "https://example.org/licence"\n'
        'home = "https://example.org"\ndescription = "made up"\nmemory_mib = 1\n'
        f'[[files]]\nkey = "model"\npath = "model.bin"\nbytes = {len(content)}\n'
        f'sha256 = "{hashlib.sha256(content).hexdigest()}"\n[[sources]]\n{source}'
    )
    return home / "models" / "mine" / "model.bin"


def made_up(home: Path) -> Path:
    """The same, and the file lies in a folder."""
    (home / "incoming").mkdir()
    (home / "incoming" / "model.bin").write_bytes(CONTENT)
    return entry(home)


def held(home: Path) -> FileLock:
    """What another process that pulls the model holds; while it does, a pull waits."""
    (home / "models" / ".locks").mkdir(parents=True)
    return FileLock(home / "models" / ".locks" / "mine.lock", thread_local=False)
