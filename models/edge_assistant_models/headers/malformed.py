"""What a reader of headers raises, and what it reads from."""

from __future__ import annotations

import mmap

Content = bytes | mmap.mmap  # a file's bytes; of a map only the pages that are looked at are read


class Malformed(Exception):
    """A file contradicts itself or goes beyond a limit; the text says what, to go behind the file's name."""
