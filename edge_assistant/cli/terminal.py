"""What a stream may be sent besides lines of text."""

from __future__ import annotations

import os
from typing import TextIO


def redraws(stream: TextIO, *, plain: bool = False) -> bool:
    """Whether lines may be redrawn: nobody asked for plain lines, and the stream is a terminal that can do it."""
    return not plain and os.environ.get("TERM") != "dumb" and stream.isatty()


def colours(stream: TextIO, *, plain: bool = False) -> bool:
    """Whether colours may be used: where lines may be redrawn, unless NO_COLOR is present, even empty."""
    return redraws(stream, plain=plain) and "NO_COLOR" not in os.environ
