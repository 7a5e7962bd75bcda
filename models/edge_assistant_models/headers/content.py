"""What a reader of headers raises, what it reads from, and how it names what it finds."""

from __future__ import annotations

import mmap

from edge_assistant_models.schema import printable

Content = bytes | mmap.mmap  # a file's bytes; of a map only the pages that are looked at are read


class MalformedHeader(Exception):
    """A file contradicts itself or goes beyond a limit; the text says what, to go behind the file's name."""


def named(raw: bytes) -> str:
    r"""A name in a file, for a one-line message.

    >>> print(named(b"blk.0\x1b[31m\xff"))
    blk.0\x1b[31m\ufffd
    """
    return printable(raw.decode(errors="replace"))
