"""Regular expressions of the product's own words, compiled once for a machine and not once for a process.

Python compiles a pattern in Python: the hundreds that a question needs take a second, and 60 ms where what the
compiler made of them is read back. So that is kept in the cache folder, in one file for a version of Python. A pattern
from it equals the compiled one, code and all. Where the file is missing, damaged or of somebody else, patterns are
compiled as ever.

What a person says or shows is not for this: it would be kept, too. `re` is there for it.
"""

from __future__ import annotations

import hashlib
import json
import logging
import re
import sys
import threading
from array import array
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from edge_assistant import whole
from edge_assistant.errors import StorageFull
from edge_assistant_models import paths

MAX_PATTERNS = 8192  # that are kept; those of the product are some 700, a domain file adds some
MAX_BYTES = 64 << 20  # of the file; those of the product are 4 MB
_FOLDER = "patterns"  # of the cache directory
_HEAD = b"edge-assistant patterns 1\n"
_KEY = 16  # bytes of the sum of a pattern and its flags
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Compiled:
    """What the compiler of `re` makes of a pattern, as `_sre.compile` takes it.

    Attributes:
        flags: of the pattern, with those that stand in it.
        groups: how many there are.
        names: of the groups that have one, with their numbers.
        code: unsigned integers of `_sre.CODESIZE` bytes.
    """

    flags: int
    groups: int
    names: Mapping[str, int]
    code: bytes | memoryview


@dataclass(slots=True)
class _Kept:
    """What is read from the file, what is to be added to it, and the keys of what this process uses."""

    old: Mapping[str, _Compiled]
    new: dict[str, _Compiled] = field(default_factory=dict)
    used: set[str] = field(default_factory=set)


_lock = threading.Lock()
_kept: _Kept | None = None


@lru_cache(maxsize=MAX_PATTERNS)
def compile(pattern: str, flags: int = 0) -> re.Pattern[str]:
    """The compiled pattern, as `re.compile` gives it; never one with words that a person has said or shown.

    Raises:
        re.error: it is no regular expression.
    """
    key = _key(pattern, int(flags))
    try:
        with _lock:
            kept = _opened()
            found = kept.old.get(key) or kept.new.get(key)
            if found is None:
                found = kept.new[key] = _compiled(pattern, int(flags))
            kept.used.add(key)
        return _restored(pattern, found)
    except (ImportError, AttributeError, TypeError, ValueError, RuntimeError, OverflowError) as error:
        _log.debug("a pattern is compiled anew: %s", error)
        return re.compile(pattern, flags)


def keep() -> int:
    """Write what was compiled and is not in the file yet; without space or permission it is compiled again next time.

    Patterns of former versions and of other domain files pile up. Where there would be too many, only those that this
    process uses stay.

    Returns:
        How many patterns were added.
    """
    global _kept
    with _lock:
        if _kept is None or not _kept.new:
            return 0
        new, used, path = _kept.new, _kept.used, _file()
        known = {key: _kept.old[key] for key in used if key in _kept.old}
        merged = {**known, **_read(path), **new}  # another process may have written meanwhile
        if len(merged) > MAX_PATTERNS:
            merged = {key: merged[key] for key in used}
        _kept = _Kept(merged, used=used)
        written = len(merged) <= MAX_PATTERNS and path is not None and _write(path, merged)
        return len(new) if written else 0


def forget() -> None:
    """Let go of all that is in memory, so that the file is looked at again."""
    global _kept
    with _lock:
        _kept = None
    compile.cache_clear()


def _opened() -> _Kept:
    global _kept
    if _kept is None:
        _kept = _Kept(_read(_file()))
    return _kept


def _file() -> Path | None:
    """One for a version of Python: its compiler and what runs the code go together. None without a home folder."""
    with suppress(StorageFull):
        return paths.cache_dir() / _FOLDER / f"{sys.implementation.cache_tag}-{sys.hexversion:x}.bin"
    return None


def _key(pattern: str, flags: int) -> str:
    return hashlib.blake2b(f"{flags}\n{pattern}".encode("utf-8", "surrogatepass"), digest_size=_KEY).hexdigest()


def _compiled(pattern: str, flags: int) -> _Compiled:
    """What `re._compiler.compile` does up to its last line; the same in Python 3.11 to 3.14.

    Raises:
        re.error: it is no regular expression.
        ImportError, AttributeError, TypeError: this Python's `re` is another.
    """
    from re import _compiler, _parser  # type: ignore[attr-defined]

    parsed = _parser.parse(pattern, flags)
    code = _compiler._code(parsed, flags)
    state = parsed.state
    return _Compiled(flags | state.flags, state.groups - 1, dict(state.groupdict), array("I", code).tobytes())


def _restored(pattern: str, compiled: _Compiled) -> re.Pattern[str]:
    """The pattern of what was compiled.

    Raises:
        RuntimeError, TypeError, ValueError, OverflowError: its code is not sound, which `_sre` checks.
        ImportError, AttributeError: this Python's `re` is another.
    """
    import _sre  # type: ignore[import-not-found]

    if array("I").itemsize != _sre.CODESIZE:
        raise TypeError("code has another size")
    numbered: list[str | None] = [None] * (compiled.groups + 1)
    for name, number in compiled.names.items():
        numbered[number] = name
    code = memoryview(compiled.code).cast("B").cast("I").tolist()
    made: re.Pattern[str] = _sre.compile(
        pattern, compiled.flags, code, compiled.groups, dict(compiled.names), tuple(numbered)
    )
    return made


def _read(path: Path | None) -> Mapping[str, _Compiled]:
    """The patterns in a file of `_write`; none where there is no such file, or it is not this user's alone."""
    content = None if path is None else whole.read(path, _HEAD, MAX_BYTES)
    if content is not None:
        with suppress(ValueError, KeyError, TypeError, RecursionError):
            return _parsed(content)
    return {}


def _parsed(content: memoryview) -> Mapping[str, _Compiled]:
    """Length of the table, the table in JSON, all codes behind each other.

    Raises:
        ValueError, KeyError, TypeError: it is another file.
    """
    size = int.from_bytes(content[:8], "little")
    table: Mapping[str, Any] = json.loads(bytes(content[8 : 8 + size]))
    codes = content[8 + size :]
    return {
        key: _Compiled(flags, groups, names, codes[begin:end])
        for key, (flags, groups, names, begin, end) in table.items()
    }


def _write(path: Path, patterns: Mapping[str, _Compiled]) -> bool:
    """Whether they are written now."""
    table, place = {}, 0
    for key, each in patterns.items():
        table[key] = (each.flags, each.groups, dict(each.names), place, place + len(each.code))
        place += len(each.code)
    said = json.dumps(table, separators=(",", ":")).encode()
    said += b" " * (-len(said) % 8)  # codes begin where an integer may
    try:
        whole.write(path, _HEAD, [len(said).to_bytes(8, "little"), said, *(each.code for each in patterns.values())])
    except OSError as error:
        _log.info("patterns are not kept (%s)", error.strerror)
        return False
    return True
