"""The master key of this machine: in the system's keyring where one works, else in a file for its owner alone.

A service gets it from systemd, as a credential; else it is made once, from 32 random bytes. It wraps the key of each
conversation; nothing is sealed with it directly.
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

from edge_assistant.core.errors import KeyLost, StorageFull
from edge_assistant.storage import atomic
from edge_assistant_models import paths

if TYPE_CHECKING:
    from keyring.backend import KeyringBackend

FILE = "master.key"
NOTE = "keyring"  # a file of this name stands where the key is in the keyring; it says under which name
WHAT = "the encryption key"
SERVICE = "edge-assistant"
CREDENTIAL = "master"  # its name in $CREDENTIALS_DIRECTORY, see systemd.exec(5)
BYTES = 32
_MAX_BYTES = 4_096  # of a file beside the keys; ours have 32 and 16
HINT = "restore the key from a copy, or erase the data: edge-assistant forget --all"
_MAKING_WAIT_S = 10.0  # for a keyring that may ask for a password which nobody is there to type; then a file is taken
_WAIT_S = 30.0  # for a person who types it
_LOCK_WAIT_S = 2 * _WAIT_S  # for another process, which may wait for the keyring


class KeyLocation(StrEnum):
    """Where the master key is."""

    CREDENTIAL = "credential"
    KEYRING = "keyring"
    FILE = "file"

    @property
    def told(self) -> str:
        """As a person is told."""
        return {
            KeyLocation.CREDENTIAL: "given by systemd",
            KeyLocation.KEYRING: "in the system's keyring",
            KeyLocation.FILE: "in a file that only its owner may read",
        }[self]


@dataclass(frozen=True, slots=True)
class Master:
    """The key, 32 bytes, and where it is."""

    key: bytes = field(repr=False)
    place: KeyLocation


def keys_dir() -> Path:
    """The folder of this user's keys, and of what tells how far a forgetting has come."""
    return paths.data_dir() / "keys"


def master(folder: Path, *, make: bool) -> Master:
    """The master key.

    Args:
        folder: of the keys, of this machine's user alone.
        make: a new one where there is none; False where something is sealed already.

    Raises:
        KeyLost: it is gone, in a keyring that does not give it, or the file is not one of ours.
        StorageFull: a new one cannot be kept.
    """
    found = _found(folder)
    if found is None and not make:
        raise KeyLost(f"{WHAT} is gone", HINT)
    return found or _made_once(folder)


def place(folder: Path) -> KeyLocation | None:
    """Where the master key is, by what systemd gave and what lies in the folder; None where none is made yet."""
    if _credential() is not None:
        return KeyLocation.CREDENTIAL
    if (folder / FILE).exists():
        return KeyLocation.FILE
    return KeyLocation.KEYRING if (folder / NOTE).exists() else None


def remove(folder: Path) -> None:
    """Destroy the master key, but one that systemd gives: that is the administrator's.

    Raises:
        StorageFull: its file cannot be removed.
    """
    with atomic.storing(WHAT):
        if (note := folder / NOTE).exists():
            _asked(_removing(_name(note)), _WAIT_S)
            note.unlink()
        file = folder / FILE
        key = file.resolve()  # a link may lead to the key, as to one on a stick, or where somebody put it
        if not file.is_symlink() or (key.is_file() and key.stat().st_size == BYTES):
            atomic.shred(key)
        file.unlink(missing_ok=True)


def _found(folder: Path) -> Master | None:
    """The key that is there; each file is whole or not there, so that no lock is needed to look."""
    where = KeyLocation.FILE
    try:
        if (file := _credential()) is not None:
            key, where = atomic.read_small(file, _MAX_BYTES), KeyLocation.CREDENTIAL
        elif (file := folder / FILE).exists():
            if not file.is_symlink() and file.stat().st_mode & 0o077:  # else a link shuts any file
                file.chmod(0o600)
            key = atomic.read_small(file, _MAX_BYTES)
        elif (note := folder / NOTE).exists():
            return _from_keyring(_name(note))
        else:
            return None
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is damaged"
        raise KeyLost(f"{WHAT} cannot be read ({why})", f"check the permissions of {folder.name}, {HINT}") from None
    if len(key) != BYTES:
        raise KeyLost(f"{file.name} holds no key", HINT)
    return Master(key, where)


def _credential() -> Path | None:
    """The file of the key that systemd gave this service; None if it gave none."""
    file = Path(os.environ.get("CREDENTIALS_DIRECTORY", ""), CREDENTIAL)
    return file if file.is_absolute() and file.exists() else None


def _name(note: Path) -> str:
    """Under which name the key is in the keyring."""
    return atomic.read_small(note, _MAX_BYTES).decode().strip()


def _from_keyring(name: str) -> Master:
    kept = _asked(lambda ring: ring.get_password(SERVICE, name), _WAIT_S)
    try:
        key = bytes.fromhex(kept or "")
    except ValueError:
        key = b""
    if len(key) != BYTES:
        raise KeyLost("the system's keyring does not give the encryption key", f"unlock it, {HINT}")
    return Master(key, KeyLocation.KEYRING)


def _made_once(folder: Path) -> Master:
    from filelock import FileLock, Timeout

    with atomic.storing(WHAT):
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        try:
            with FileLock(folder / "master.lock", timeout=_LOCK_WAIT_S):
                return _found(folder) or _made(folder)  # another process may have made it meanwhile
        except Timeout:
            raise StorageFull(f"another program makes {WHAT}", "end it, or wait for it") from None


def _made(folder: Path) -> Master:
    """A new key; that it is there is written down last, so a crash leaves at most one that nothing was sealed with."""
    key, name = secrets.token_bytes(BYTES), secrets.token_hex(8)

    def kept(ring: KeyringBackend) -> str | None:
        ring.set_password(SERVICE, name, key.hex())
        return ring.get_password(SERVICE, name)

    if _asked(kept, _MAKING_WAIT_S) == key.hex():
        _write(folder / NOTE, name.encode())
        return Master(key, KeyLocation.KEYRING)
    _write(folder / FILE, key)
    return Master(key, KeyLocation.FILE)


def _write(path: Path, data: bytes) -> None:
    with atomic.writing(path) as stream:
        stream.write(data)


def _removing(name: str) -> Callable[[KeyringBackend], str | None]:
    def removed(ring: KeyringBackend) -> str | None:
        ring.delete_password(SERVICE, name)
        return None

    return removed


def _asked(ask: Callable[[KeyringBackend], str | None], wait_s: float) -> str | None:
    """What the system's keyring gives; None where it gives nothing within some seconds, whatever it waits for."""
    answers: SimpleQueue[str | None] = SimpleQueue()

    def asked() -> None:
        answer = None
        with contextlib.suppress(Exception):  # whatever a backend raises: there is a file instead
            import keyring

            ring = keyring.get_keyring()
            answer = ask(ring) if ring.priority >= 1 else None  # below are those that keep nothing, or in the clear
        answers.put(answer)

    threading.Thread(target=asked, name="keyring", daemon=True).start()
    with contextlib.suppress(Empty):
        return answers.get(timeout=wait_s)
    return None
