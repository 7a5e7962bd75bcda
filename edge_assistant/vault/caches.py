"""Caches between processes: what can be made again, sealed with a key of the vault and forgotten by destroying it.

Nothing of a cache is ever a fault: where the key is unavailable at once, the disk is full or a file is damaged, there
is nothing kept, and what was wanted is made anew.
"""

from __future__ import annotations

import contextlib
import logging
import os
import re
import shutil
import stat
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from edge_assistant.core.errors import KeyGone, KeyLost, StorageFull
from edge_assistant.storage import atomic
from edge_assistant.vault.vault import CACHE, FILE, Key, Vault
from edge_assistant_models import paths

MOST_FILES = 4_096  # of one cache: each is looked at whenever one is added, 10 ms in all
ROOM = 256 << 20  # bytes that stay free on the disk: what can be made again takes no room from what cannot
_LEFT_S = 60.0  # after which a file that is not whole was left by a process that was killed
_NAME = re.compile("[0-9a-f]{64}")
_LARGER = 64  # bytes of a file beside what is sealed, and more than enough
_NO_LINK = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
_WHAT = "the evidence cache"
_HINT = "check the permissions of the cache directory"

_log = logging.getLogger(__name__)


class SealedCache:
    """Blobs by a key of text, bounded, those used least dropped; for several threads and processes at once.

    A file has the HMAC of its key for a name and is sealed (AES-256-GCM) together with that name and the cache's: who
    has no key of the vault learns sizes and times only, and can put nothing in the place of another.
    """

    def __init__(self, name: str, max_bytes: int, vault: Vault | None = None, folder: Path | None = None) -> None:
        """Name the cache; nothing is opened.

        Args:
            name: of the cache, letters and hyphens; its key and its folder are named after it.
            max_bytes: of all files; one that alone is larger is not kept.
            vault: has the key; by default the user's. It is never waited for: where its master key is in a keyring, it
                has to have been opened by who asks for more than a cache.
            folder: of the files, which holds nothing else; by default one in the user's cache directory.
        """
        self.name = name
        self._max_bytes = max_bytes
        self._vault = vault or Vault()
        self._folder = folder or sealed_dir() / name
        self._id = f"{CACHE}{name}"
        self._told = False

    def get(self, key: str) -> bytes | None:
        """What was put under this key; None where there is nothing, or nothing that can be read."""
        sealing = self._sealing(make=False)
        if sealing is None:
            return None
        name = sealing.digest(_bytes(key))
        sealed = self._read(self._folder / name)
        data = None if sealed is None else sealing.open(sealed, self._about(name))
        if sealed is not None and data is None:  # damaged, or put there by somebody else
            with contextlib.suppress(OSError):
                (self._folder / name).unlink()
        return data

    def mark(self) -> str | None:
        """What tells this time from any after a forgetting, by whichever process; None where nothing can be kept."""
        sealing = self._sealing(make=True)
        return None if sealing is None else _mark(sealing)

    def lacks(self, key: str) -> bool:
        """Whether something can be kept, and there is nothing under this key."""
        sealing = self._sealing(make=False)
        if sealing is None:
            return False
        with contextlib.suppress(OSError):
            (self._folder / sealing.digest(_bytes(key))).lstat()
            return False
        return True

    def put(self, key: str, data: bytes, since: str | None = None) -> None:
        """Keep something for later, in place of what is there under this key.

        Args:
            key: any text.
            data: at most 2 GiB, of which AES-GCM's interface takes no more.
            since: the `mark` of a time before it was made: what was made before the last forgetting is not kept past
                it. None where it is made just now.
        """
        size = len(data) + _LARGER
        if size > min(self._max_bytes, 2**31 - 1):
            return
        sealing = self._sealing(make=True)
        if sealing is None or since not in {None, _mark(sealing)}:
            return
        try:
            self._make_room(size)
            self._write(sealing, sealing.digest(_bytes(key)), data)
        except OSError as error:
            self._tell(error.strerror or "it cannot be written")

    def forget(self) -> None:
        """Destroy the key, then the files.

        Raises:
            StorageFull: one of them cannot be removed.
        """
        self._vault.destroy([self._id])
        with atomic.storing(_WHAT, _HINT):
            _emptied(self._folder)

    def _sealing(self, *, make: bool) -> Key | None:
        """The key; None where there is none and none is to be made, or it would have to be waited for."""
        if not self._vault.ready:
            return None
        try:
            with contextlib.suppress(KeyGone):
                return self._vault.existing(self._id)
            if not make:
                return None
            with contextlib.suppress(OSError):
                _emptied(self._folder)  # what lies there was sealed with a key that is gone
            return self._vault.key(self._id)
        except (KeyLost, StorageFull) as error:
            self._tell(error.message)
            return None

    def _about(self, name: str) -> str:
        return f"{self._id}/{name}"

    def _read(self, file: Path) -> bytes | None:
        """A file's bytes, which is then the one used last; a link is not followed, a pipe not waited for."""
        try:
            if not _ours(self._folder):
                return None
            with open(os.open(file, os.O_RDONLY | _NO_LINK), "rb", buffering=0) as stream:  # noqa: PTH123 - a descriptor
                found = os.fstat(stream.fileno())
                if not stat.S_ISREG(found.st_mode) or found.st_size > self._max_bytes:
                    return None
                with contextlib.suppress(OSError):
                    os.utime(stream.fileno())
                return stream.read()
        except OSError:
            return None

    def _make_room(self, size: int) -> None:
        """Drop what was used least until so many bytes more may be kept.

        Raises:
            OSError: the folder cannot be made, or is not ours, or the disk has no room.
        """
        self._folder.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._folder.mkdir(exist_ok=True, mode=0o700)
        if not _ours(self._folder):
            raise PermissionError(0, f"{self._folder.name} is not a folder of this user")
        kept = sorted(_entries(self._folder), key=lambda entry: entry.used)
        total = sum(entry.size for entry in kept)
        for at, entry in enumerate(kept):
            if total + size <= self._max_bytes and len(kept) - at < MOST_FILES:
                break
            entry.file.unlink(missing_ok=True)  # another process may have dropped it
            total -= entry.size
        if shutil.disk_usage(self._folder).free < size + ROOM:
            raise OSError(0, f"less than {ROOM >> 20} MiB would stay free on its disk")

    def _write(self, sealing: Key, name: str, data: bytes) -> None:
        file = self._folder / name
        file.unlink(missing_ok=True)  # so that no link is followed
        with atomic.writing(file, lasting=False) as stream:
            for part in sealing.seal_parts(data, self._about(name)):
                stream.write(part)

    def _tell(self, why: str) -> None:
        """Say once in the log that nothing is kept."""
        if not self._told:
            self._told = True
            _log.warning("the cache %s keeps nothing: %s", self.name, why)


@dataclass(frozen=True, slots=True)
class _Entry:
    """A file of a cache; when it was used last, in nanoseconds."""

    file: Path
    size: int
    used: int


def sealed_dir() -> Path:
    """The folder that has one folder for each cache."""
    return paths.cache_dir() / "sealed"


def kept_bytes() -> int:
    """The bytes of all caches' files."""
    with contextlib.suppress(OSError):
        return sum(entry.size for folder in _folders() for entry in _entries(folder))
    return 0


def any_kept(vault: Vault) -> bool:
    """Whether there is a cache: files, or a key alone, under which what was made until now could still be kept."""
    return kept_bytes() > 0 or ((vault.folder / FILE).exists() and bool(vault.caches()))


def forget_all(vault: Vault) -> None:
    """Forget every cache, whatever its name: the keys, then the files.

    Raises:
        StorageFull: it cannot be done.
    """
    if caches := vault.caches():
        vault.destroy(caches)
    remove_files()


def remove_files() -> None:
    """Remove the files of every cache; raises StorageFull."""
    with atomic.storing(_WHAT, _HINT):
        for folder in _folders():
            _emptied(folder)


def _folders() -> list[Path]:
    root = sealed_dir()
    return [folder for folder in root.iterdir() if _ours(folder)] if root.is_dir() else []


def _entries(folder: Path) -> Iterator[_Entry]:
    """The files that a cache wrote; on the way, links in their place and what killed processes left are removed."""
    with os.scandir(folder) as there:
        for found in there:
            with contextlib.suppress(FileNotFoundError):  # another process may have dropped it
                facts = found.stat(follow_symlinks=False)
                if _NAME.fullmatch(found.name) and stat.S_ISREG(facts.st_mode):
                    yield _Entry(Path(found.path), facts.st_size, facts.st_mtime_ns)
                elif stat.S_ISLNK(facts.st_mode) or (
                    found.name.startswith(atomic.PREFIX) and time.time() - facts.st_mtime > _LEFT_S
                ):
                    Path(found.path).unlink()


def _emptied(folder: Path) -> None:
    """Remove all that a cache wrote; what else lies there stays; raises OSError if something cannot be removed."""
    if not _ours(folder):
        return
    with os.scandir(folder) as there:
        for found in there:
            if _NAME.fullmatch(found.name) or found.name.startswith(atomic.PREFIX):
                with contextlib.suppress(FileNotFoundError, IsADirectoryError):
                    Path(found.path).unlink()


def _ours(folder: Path) -> bool:
    """Whether it is a folder, and no link, that belongs to this user; one that others may look into is shut."""
    try:
        facts = folder.lstat()
        if not stat.S_ISDIR(facts.st_mode) or facts.st_uid != os.geteuid():
            return False
        if facts.st_mode & 0o077:
            folder.chmod(0o700)
    except OSError:
        return False
    return True


def _bytes(key: str) -> bytes:
    return key.encode("utf-8", "surrogatepass")


def _mark(sealing: Key) -> str:
    return sealing.digest(b"")
