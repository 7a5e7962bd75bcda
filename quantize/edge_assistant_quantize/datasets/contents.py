"""What a model makes out of a file, as one checksum: files that differ in metadata, container or case alone are equal.

Items of equal content count once in an interval, and two data sets are the same if they share some. So a copy with
another tag, another lossless format or other line ends is no new item. One with noise, a cut or another gain is.
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Iterable
from contextlib import suppress
from itertools import islice
from pathlib import Path

from edge_assistant.core.errors import InputError
from edge_assistant.core.signals import Kind, take_file


def of_file(kind: Kind, path: Path, *, pages: int | None = None) -> str:
    """The sha256 of what is in a file; of its bytes where it cannot be decoded.

    That are a recording's samples (f32, mono, 16 kHz), a picture's pixels (u8 [height, width, 3]), a video's packets,
    and a text without its case and spaces.

    Args:
        kind: of the file.
        path: of the file.
        pages: of a picture, that a model looks at; None for all.
    """
    with suppress(InputError, UnicodeDecodeError):
        if kind is Kind.AUDIO:
            return _of_sound(path)
        if kind is Kind.IMAGE:
            return _of_picture(path, pages)
        if kind is Kind.VIDEO:
            return _of_video(path)
        return of_text(path.read_text("utf-8-sig"))
    return _sum([path.read_bytes()])


def of_text(text: str) -> str:
    r"""The sha256 of a text, whatever its case, its spaces and its form of Unicode (NFKC).

    >>> of_text("Four  bar\n") == of_text("four bar")
    True
    """
    return _sum([" ".join(unicodedata.normalize("NFKC", text).casefold().split()).encode("utf-8", "surrogatepass")])


def _of_sound(path: Path) -> str:
    from edge_assistant.perception.audio import listen

    with listen(take_file(path, Kind.AUDIO, 1)) as (_, blocks):
        return _sum(block.tobytes() for block in blocks)


def _of_picture(path: Path, pages: int | None) -> str:
    from edge_assistant.perception import pictures

    found = islice(pictures.pages(take_file(path, Kind.IMAGE, 1)), pages)
    return _sum(part for page in found for part in (str(page.rgb.shape).encode(), page.rgb.tobytes()))


def _of_video(path: Path) -> str:
    from edge_assistant.perception import frames

    with frames.opened(take_file(path, Kind.VIDEO, 1)) as (container, _):
        return _sum(bytes(packet) for packet in container.demux())


def _sum(parts: Iterable[bytes]) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
    return digest.hexdigest()
