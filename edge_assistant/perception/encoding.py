"""How bytes that are given as text are encoded, and whether they are text at all."""

from __future__ import annotations

import codecs

HEAD = 1 << 16  # bytes that are looked at
_CONTROLS = bytes(set(range(32)) - set(b"\t\n\v\f\r\x1b\x1a"))  # \x1a ends files of DOS; \x1b colours the lines of logs


def encoding_of(head: bytes) -> str | None:
    """The encoding of a text from its first bytes, by byte order mark, else UTF-8.

    Args:
        head: the first `HEAD` bytes, or all there are.

    Returns:
        A codec's name that takes the mark off: `utf-8-sig` or `utf-16`; None where the bytes are not text.
    """
    if head.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        return None
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    controls = len(head) - len(head.translate(None, _CONTROLS))
    return None if b"\0" in head or controls * 100 > len(head) else "utf-8-sig"
