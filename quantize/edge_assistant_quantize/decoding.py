"""Strict decoding of untrusted tables: msgspec checks each key, and an error is one line that begins with the key."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta

from edge_assistant.core.signals import printable
from edge_assistant_models import regular
from edge_assistant_models.schema import FILE_NAME, HTTP_URL, NAME

T = TypeVar("T")

Name = Annotated[str, Meta(pattern=rf"^{NAME.pattern}\Z")]
FileName = Annotated[str, Meta(pattern=rf"^{FILE_NAME.pattern}\Z")]
Url = Annotated[str, Meta(pattern=rf"^{HTTP_URL.pattern}\Z")]
Line = Annotated[str, Meta(pattern=r"^[^\n]*\S[^\n]*\Z")]
Text = Annotated[str, Meta(pattern=r"\S")]
Positive = Annotated[int, Meta(ge=1)]

MAX_BYTES = 4 << 20  # of a table beside data; the gold evidence of an hour of speech is below 2 MB

_PLACE = re.compile(r" - at `(?:key` in `)?\$\.?([^`]*)`")


def content(path: Path) -> bytes:
    """The bytes of a table that lies beside data.

    Raises:
        ValueError: it is too large, or cannot be read; the message is one line.
    """
    try:
        found = regular.read(path, MAX_BYTES)
    except OSError as error:
        raise ValueError(f"it cannot be read ({error.strerror})") from None
    if len(found) > MAX_BYTES:
        raise ValueError(f"it is over {MAX_BYTES:,} bytes")
    return found


def convert(values: object, kind: type[T], hook: Callable[[type, Any], Any] | None = None, *, strict: bool = True) -> T:
    """Values as TOML or JSON gives them, as a struct or dataclass.

    Args:
        values: of unknown origin.
        kind: the type.
        hook: decodes a type that msgspec does not know; raises ValueError.
        strict: whether a number or a truth has to be one; else text that says one will do.

    Raises:
        ValueError: they are not of this type; the message is one line.

    >>> convert([1, "two"], list[int])
    Traceback (most recent call last):
    ValueError: [1]: expected `int`, got `str`
    """
    try:
        return msgspec.convert(values, kind, dec_hook=hook, strict=strict)
    except msgspec.ValidationError as error:
        text = str(error)
    places = ": ".join(place for place in reversed(_PLACE.findall(text)) if place)
    what = _PLACE.sub("", text).removeprefix("Object ").replace("contains unknown field", "unknown key")
    what = what[:1].lower() + what[1:]
    raise ValueError(printable(f"{places}: {what}" if places else what)) from None
