"""TOML that anybody may have written, in bounded time and memory; every such file is read here.

tomllib takes 3.5 GB for a dotted key of 60 kB, for it keeps each of its 30,000 parts once for every part behind it.
"""

from __future__ import annotations

import re
import tomllib
from itertools import accumulate
from typing import Any

MAX_DEPTH = 16  # tables and lists in each other, and parts of a key; what is read here has five

_TEXT_OR_COMMENT = re.compile(
    r'"""(?:[^\\"]|\\.|"(?!""))*+(?:"{3,5}|\Z)'
    r"|'''(?:[^']|'(?!''))*+(?:'{3,5}|\Z)"
    r'|"(?:[^\\"\n]|\\.)*+"?'
    r"|'[^'\n]*+'?"
    r"|#[^\n]*+",
    re.DOTALL,
)
_KEY = re.compile(r"[\w-]++(?:[ \t]*+\.[ \t]*+[\w-]++)*+")
_BRACKET = re.compile(r"[\[\]{}]")
_LONG = re.compile(r"\b0[xob]\w{64}")  # Python reads it, and raises when it is to print it


def parse(content: bytes) -> dict[str, Any]:
    """The tables of a file; its size is the caller's to bound.

    Raises:
        ValueError: it is not TOML in UTF-8, or nested too deep; one line says what is wrong.
    """
    text = content.decode()
    bare = _TEXT_OR_COMMENT.sub("_", text)
    if _depth(bare) > MAX_DEPTH:
        raise ValueError(f"nested over {MAX_DEPTH} deep")
    if _LONG.search(bare):
        raise ValueError("a number of over 64 digits")
    return tomllib.loads(text)  # of thousands of decimal digits, this raises ValueError


def _depth(bare: str) -> int:
    """How deep keys or brackets stand in each other at most, in TOML without its texts and comments.

    >>> _depth("a.b = [[1.5, {c.d.e.f = _}]]"), _depth("")
    (4, 0)
    """
    keys = (match[0].count(".") + 1 for match in _KEY.finditer(bare))
    brackets = accumulate(1 if match[0] in "[{" else -1 for match in _BRACKET.finditer(bare))
    return max((*keys, *brackets), default=0)
