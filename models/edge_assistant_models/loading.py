"""Sums of model files, remembered, and files handed to what loads them: the very file whose sum was compared.

A path can lead to another file by the time a library opens it. So a file is opened once more here, compared with what
it was when it was hashed, and given to the library by its descriptor; when that has loaded it, it is compared again.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from edge_assistant_models import headers
from edge_assistant_models.errors import ModelCorrupt
from edge_assistant_models.transfer import CHUNK_BYTES, mebibytes

MAX_BYTES = 32 << 20  # of a file that is read whole; the largest, a vocabulary, has 2 MB

_DESCRIPTORS = Path("/proc/self/fd")  # Linux: a name here opens the file itself, wherever it has been moved to
_VERIFY = "run 'edge-assistant models verify'"

Stamp = tuple[int, int, int, int]
_SUM, _SOUND = 4, 5  # places in a row, behind the stamp

_hashed: dict[Path, Stamp] = {}


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


def note(path: Path, stamp: Stamp) -> None:
    """Say what a file was like when its sum was compared and its headers were checked by the form of its name."""
    _hashed[path] = stamp


@contextmanager
def held(path: Path, form: headers.HeaderFormat) -> Iterator[str]:
    """A name under which a library opens a model file. What the store did not hash, such as a bench's, is checked here.

    Raises:
        ModelCorrupt: it cannot be read, its headers are unsound, or it is another than was hashed.
    """
    with _unchanged(path) as file:
        if path not in _hashed or headers.form_of(path.name) != form:
            headers.check(file, form, path.name)
        descriptor = _DESCRIPTORS / str(file.fileno())
        yield str(descriptor if descriptor.exists() else path)


def read(path: Path) -> bytes:
    """The content of a small file that belongs to a model, such as its labels.

    Raises:
        ModelCorrupt: it cannot be read, is larger than such files are, or is another than was hashed.
    """
    with _unchanged(path) as file:
        content = file.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise ModelCorrupt(f"{path.name} has more than {mebibytes(MAX_BYTES)}", _VERIFY)
    return content


@contextmanager
def _unchanged(path: Path) -> Iterator[BinaryIO]:
    """A file, open; it has to be what was hashed before, and the same afterwards."""
    with _opened(path) as file:
        stamp = stamp_of(os.fstat(file.fileno()))
        if _hashed.get(path, stamp) != stamp:
            raise ModelCorrupt(f"{path.name} has changed since its checksum was compared", _VERIFY)
        yield file
        if stamp_of(os.fstat(file.fileno())) != stamp:
            raise ModelCorrupt(f"{path.name} changed while it was loaded", _VERIFY)


def _opened(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except OSError as error:
        raise ModelCorrupt(f"{path.name} cannot be read ({error.strerror})", _VERIFY) from None
