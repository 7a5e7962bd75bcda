"""Sums of files, remembered while a file keeps its inode, size, mtime and ctime."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

from edge_assistant_models.transfer import CHUNK_BYTES

Stamp = tuple[int, int, int, int]


def _stamp(status: os.stat_result) -> Stamp:
    return status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


class Stamps:
    """A small JSON file of sums by path. It saves reading gigabytes at every start; losing it costs only that."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def _load(self) -> dict[str, list[object]]:
        try:
            known = json.loads(self._path.read_text())
        except (OSError, ValueError):
            return {}
        return known if isinstance(known, dict) else {}

    def _save(self, known: dict[str, list[object]]) -> None:
        """Replace the file whole; where it cannot be written, sums are computed each time."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            temporary = self._path.with_name(f"{self._path.name}.{os.getpid()}")
            temporary.write_text(json.dumps(known))
            temporary.replace(self._path)
        except OSError:
            return

    def recall(self, path: Path) -> str | None:
        """The sum of a file that has not changed since it was read, or None."""
        known = self._load().get(str(path))
        try:
            status = path.stat()
        except OSError:
            return None
        return str(known[4]) if known and len(known) == 5 and tuple(known[:4]) == _stamp(status) else None

    def read(self, path: Path) -> str:
        """The sum of a file, read through one descriptor and remembered.

        Raises:
            OSError: the file cannot be read.
        """
        with path.open("rb") as file:
            before = _stamp(os.fstat(file.fileno()))
            digest = hashlib.sha256()
            while chunk := file.read(CHUNK_BYTES):
                digest.update(chunk)
            after = _stamp(os.fstat(file.fileno()))
        if before == after:
            self._save({**self._load(), str(path): [*after, digest.hexdigest()]})
        return digest.hexdigest()

    def move(self, old: Path, new: Path) -> None:
        """Say that a folder has been renamed, which changes neither its files nor their stamps."""
        known = self._load()
        for path in [path for path in known if Path(path).is_relative_to(old)]:
            known[str(new / Path(path).relative_to(old))] = known.pop(path)
        self._save(known)

    def forget(self, folder: Path) -> None:
        """Drop what is known of the files in a folder."""
        self._save({path: known for path, known in self._load().items() if not Path(path).is_relative_to(folder)})
