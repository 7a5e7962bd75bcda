"""Model files handed to what loads them: the very file whose sum was compared, its headers checked.

A path can lead to another file by the time a library opens it. So a file is opened once more here, compared with what
it was when it was hashed, and given to the library by its descriptor; when that has loaded it, it is compared again.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from edge_assistant_models import headers
from edge_assistant_models.errors import ModelCorrupt
from edge_assistant_models.stamps import Stamp, stamp_of
from edge_assistant_models.transfer import mebibytes

MAX_BYTES = 32 << 20  # of a file that is read whole; the largest, a vocabulary, has 2 MB

_DESCRIPTORS = Path("/proc/self/fd")  # Linux: a name here opens the file itself, wherever it has been moved to
_VERIFY = "run 'edge-assistant models verify'"

_hashed: dict[Path, Stamp] = {}


def note(path: Path, stamp: Stamp) -> None:
    """Say what a file was like when its sum was compared and its headers were checked by the form of its name."""
    _hashed[path] = stamp


@contextmanager
def held(path: Path, form: headers.Form) -> Iterator[str]:
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
