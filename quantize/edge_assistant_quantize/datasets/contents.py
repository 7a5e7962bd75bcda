"""What a model makes out of a file, as one checksum: files that differ in metadata, container or case alone are equal.

Items of equal content count once in an interval, and two data sets are the same if they share some. So a copy with
another tag, another lossless format or other line ends is no new item. One with noise, a cut or another gain is.
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path

from edge_assistant.core.errors import InputError
from edge_assistant.core.signals import Kind, Signal, take_file
from edge_assistant_quantize.candidate import sha256_of

# By the kind and sum of a file, and the pages: a run measures each model over the same files
_known: dict[tuple[Kind, str, int | None], str] = {}


def of_file(kind: Kind, path: Path, *, pages: int | None = None) -> str:
    """The sha256 of what is in a file; of its bytes where it cannot be decoded.

    These are a recording's samples (f32, mono, 16 kHz), a picture's pixels (u8 [height, width, 3]), a video's packets,
    and a text without its case and spaces.

    Args:
        kind: of the file.
        path: of the file.
        pages: of a picture, that a model looks at; None for all.
    """
    with suppress(InputError, UnicodeDecodeError):
        if kind not in {Kind.AUDIO, Kind.IMAGE, Kind.VIDEO}:
            return of_text(path.read_text("utf-8-sig"))
        signal = take_file(path, kind, 1)
        key = kind, signal.sha256, pages
        if key not in _known:
            _known[key] = _sum(_decoded(signal, pages))
        return _known[key]
    return sha256_of(path)


def of_text(text: str) -> str:
    r"""The sha256 of a text, whatever its case, its spaces and its form of Unicode (NFKC).

    >>> of_text("Four  bar\n") == of_text("four bar")
    True
    """
    return _sum([" ".join(unicodedata.normalize("NFKC", text).casefold().split()).encode("utf-8", "surrogatepass")])


def _decoded(signal: Signal, pages: int | None) -> Iterator[bytes]:
    if signal.kind is Kind.AUDIO:
        from edge_assistant.perception.audio import listen

        with listen(signal) as (_, blocks):
            yield from (block.tobytes() for block in blocks)
    elif signal.kind is Kind.IMAGE:
        from edge_assistant.perception import pictures

        for page in islice(pictures.pages(signal), pages):
            yield str(page.rgb.shape).encode()
            yield page.rgb.tobytes()
    else:
        from edge_assistant.perception import frames

        with frames.opened(signal) as (container, _):
            yield from map(bytes, container.demux())


def _sum(parts: Iterable[bytes]) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
    return digest.hexdigest()
