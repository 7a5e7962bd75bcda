"""Sums of files, and that their headers are sound, remembered while a file keeps its inode, size, mtime and ctime."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from pathlib import Path

from edge_assistant_models import headers
from edge_assistant_models.transfer import CHUNK_BYTES

Stamp = tuple[int, int, int, int]
_SUM, _SOUND = 4, 5  # places in a row, behind the stamp


def stamp_of(status: os.stat_result) -> Stamp:
    """What changes when a file is written to or another takes its place."""
    return status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


class Stamps:
    """A small JSON file of rows by path: the stamp, the sum, and by which checks the headers were found sound.

    It saves reading gigabytes at every start; losing it costs only that. Who can write it can have any file believed,
    so it has to lie where nobody else may write.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._unsaved: dict[str, list[object]] | None = None  # where the file cannot be written

    def _load(self) -> dict[str, list[object]]:
        if self._unsaved is not None:
            return dict(self._unsaved)
        try:
            known = json.loads(self._path.read_text())
        except (OSError, ValueError):
            return {}
        return known if isinstance(known, dict) else {}

    def _save(self, known: dict[str, list[object]]) -> None:
        """Replace the file whole; where it cannot be written, what is known is lost with this object."""
        temporary = self._path.with_name(f"{self._path.name}.{os.getpid()}")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            temporary.write_text(json.dumps(known))
            temporary.replace(self._path)
        except OSError:
            self._unsaved = known
            with contextlib.suppress(OSError):
                temporary.unlink()

    def _row(self, path: Path, stamp: Stamp) -> list[object]:
        """What is known of a file with this stamp; empty where nothing is."""
        row = self._load().get(str(path))
        return row if isinstance(row, list) and len(row) in {5, 6} and tuple(row[:_SUM]) == stamp else []

    def recall(self, path: Path) -> str | None:
        """The sum of a file that has not changed since it was read, or None."""
        try:
            row = self._row(path, stamp_of(path.stat()))
        except OSError:
            return None
        return str(row[_SUM]) if row else None

    def sound(self, path: Path) -> Stamp:
        """Check the headers of a model file, unless that was done since it was last changed; see `headers`.

        Returns:
            What the file was like that was looked at.

        Raises:
            ModelCorrupt: they contradict the file.
            OSError: the file cannot be read.
        """
        form = headers.form_of(path.name)
        mark = f"{form}/{headers.CHECKS}" if form else ""
        with path.open("rb") as file:
            stamp = stamp_of(os.fstat(file.fileno()))
            row = self._row(path, stamp)
            if form is not None and row[_SOUND:] != [mark]:
                headers.check(file, form, path.name)
                if row:
                    self._save({**self._load(), str(path): [*row[:_SOUND], mark]})
        return stamp

    def read(self, path: Path) -> str:
        """The sum of a file, read through one descriptor and remembered.

        Raises:
            OSError: the file cannot be read.
        """
        with path.open("rb") as file:
            before = stamp_of(os.fstat(file.fileno()))
            digest = hashlib.sha256()
            while chunk := file.read(CHUNK_BYTES):
                digest.update(chunk)
            after = stamp_of(os.fstat(file.fileno()))
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
