"""The master key of this machine: in the system's keyring where one works, else in a file for its owner alone.

It is made once, from 32 random bytes, and wraps the key of each conversation; nothing is sealed with it directly.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING

from edge_assistant.database import storing
from edge_assistant.errors import KeyLost

if TYPE_CHECKING:
    from keyring.backend import KeyringBackend

FILE = "master.key"
NOTE = "keyring"  # a file of this name stands where the key is in the keyring
WHAT = "the key of what is kept"
SERVICE = "edge-assistant"
BYTES = 32
_WAIT_S = 10.0  # for a keyring, which may ask a person for a password that nobody is there to type
_HINT = "bring the key back from a copy, or forget what it sealed: edge-assistant forget --all"


class Place(StrEnum):
    """Where the master key is."""

    KEYRING = "keyring"
    FILE = "file"


@dataclass(frozen=True, slots=True)
class Master:
    """The key, 32 bytes, and where it is."""

    key: bytes = field(repr=False)
    place: Place


def master(folder: Path) -> Master:
    """The master key, which is made where there is none yet.

    Args:
        folder: of the keys, of this machine's user alone.

    Raises:
        KeyLost: it is in a keyring that does not give it, or the file is not one of ours.
        StorageFull: it cannot be kept.
    """
    from filelock import FileLock

    with storing(WHAT):
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with FileLock(folder / "master.lock"):
            return _found(folder) or _made(folder)


def _found(folder: Path) -> Master | None:
    if (folder / FILE).exists():
        key = (folder / FILE).read_bytes()
        if len(key) != BYTES:
            raise KeyLost(f"{FILE} holds no key", _HINT)
        (folder / FILE).chmod(0o600)
        return Master(key, Place.FILE)
    if (note := folder / NOTE).exists():
        kept = _Keyring().get(note.read_text("utf-8").strip())
        if kept is None:
            raise KeyLost("the system's keyring does not give the key of what is kept", f"unlock it, {_HINT}")
        return Master(bytes.fromhex(kept), Place.KEYRING)
    return None


def _made(folder: Path) -> Master:
    key, name = secrets.token_bytes(BYTES), secrets.token_hex(8)
    if _Keyring().keeps(name, key.hex()):
        _write(folder / NOTE, name.encode())
        return Master(key, Place.KEYRING)
    _write(folder / FILE, key)
    return Master(key, Place.FILE)


def _write(path: Path, data: bytes) -> None:
    """Write a small file that only its owner may read, whole or not at all."""
    unfinished = path.with_suffix(".new")
    unfinished.unlink(missing_ok=True)
    with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())
    unfinished.replace(path)


class _Keyring:
    """The system's keyring; each call ends within some seconds, whatever it waits for."""

    def get(self, name: str) -> str | None:
        """What is kept under a name; None where nothing comes."""
        return self._asked(lambda ring: ring.get_password(SERVICE, name))

    def keeps(self, name: str, secret: str) -> bool:
        """Keep a secret, and say whether it can be had again."""

        def kept(ring: KeyringBackend) -> str | None:
            ring.set_password(SERVICE, name, secret)
            return ring.get_password(SERVICE, name)

        return self._asked(kept) == secret

    def _asked(self, ask: Callable[[KeyringBackend], str | None]) -> str | None:
        answers: SimpleQueue[str | None] = SimpleQueue()

        def asked() -> None:
            answer = None
            with contextlib.suppress(Exception):  # whatever a backend raises: there is a file instead
                import keyring

                ring = keyring.get_keyring()
                answer = ask(ring) if ring.priority >= 1 else None  # below are the null and the failing one
            answers.put(answer)

        threading.Thread(target=asked, name="keyring", daemon=True).start()
        with contextlib.suppress(Empty):
            return answers.get(timeout=_WAIT_S)
        return None
