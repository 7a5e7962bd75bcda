"""Reading TOML tables strictly: each key once, of its type, and no key that nobody asked for."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import PurePath
from typing import Any

from edge_assistant_models import toml
from edge_assistant_models.errors import CatalogInvalid

MAX_TOML_BYTES = 1 << 20  # a catalog file is a few kilobytes

NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,99}")
FILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,199}")
SHA256 = re.compile(r"[0-9a-f]{64}")
COMMIT = re.compile(r"[0-9a-f]{40}")
HTTP_URL = re.compile(r"https?://[^\s]+")

_TYPES: dict[type, str] = {str: "a text", int: "a whole number", bool: "true or false", list: "a list", dict: "a table"}


class TomlTable:
    """One TOML table whose keys are taken out one by one; what is left over at the end is an error."""

    def __init__(self, values: Mapping[str, object], where: str) -> None:
        self._values = dict(values)
        self.where = where

    @classmethod
    def parse(cls, content: bytes, where: str) -> TomlTable:
        """Parse a whole TOML file.

        Raises:
            CatalogInvalid: it is too large, not UTF-8 or not TOML.
        """
        if len(content) > MAX_TOML_BYTES:
            raise CatalogInvalid(f"{where}: larger than {MAX_TOML_BYTES} bytes", "a catalog file is a few kilobytes")
        try:
            return cls(toml.parse(content), where)
        except ValueError as error:
            raise CatalogInvalid(f"{where}: not TOML ({printable(error)})", "correct the file or remove it") from None

    def invalid(self, what: str) -> CatalogInvalid:
        """The error to raise about this table."""
        return CatalogInvalid(f"{self.where}: {what}", "correct the file or remove it")

    def _take(self, key: str, kind: type, *, required: bool) -> Any:  # noqa: ANN401 - the callers narrow it
        if key not in self._values:
            if required:
                raise self.invalid(f"'{key}' is missing")
            return None
        value = self._values.pop(key)
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            raise self.invalid(f"'{key}' must be {_TYPES[kind]}")
        return value

    def text(self, key: str, pattern: re.Pattern[str] | None = None) -> str:
        """A text that is not empty, of one line, and that matches the whole pattern."""
        value: str = self._take(key, str, required=True)
        self._check_text(key, value, pattern)
        return value

    def optional_text(self, key: str, pattern: re.Pattern[str] | None = None) -> str | None:
        """Like `text`, or None where the key is absent."""
        return self.text(key, pattern) if key in self._values else None

    def _check_text(self, key: str, value: str, pattern: re.Pattern[str] | None) -> None:
        if not value.strip() or "\n" in value:
            raise self.invalid(f"'{key}' must be one line of text")
        if pattern is not None and not pattern.fullmatch(value):
            raise self.invalid(f"'{key}' is not of the form {pattern.pattern}")

    def texts(self, key: str, pattern: re.Pattern[str] | None = None, *, required: bool = True) -> tuple[str, ...]:
        """A list of different texts."""
        values: list[object] = self._take(key, list, required=required) or []
        for value in values:
            if not isinstance(value, str):
                raise self.invalid(f"'{key}' must hold texts")
            self._check_text(key, value, pattern)
        if len(set(values)) != len(values):
            raise self.invalid(f"'{key}' names something twice")
        return tuple(str(value) for value in values)

    def positive(self, key: str) -> int:
        """A whole number above zero."""
        value: int = self._take(key, int, required=True)
        if value <= 0:
            raise self.invalid(f"'{key}' must be above zero")
        return value

    def optional_positive(self, key: str) -> int | None:
        """Like `positive`, or None where the key is absent."""
        return self.positive(key) if key in self._values else None

    def flag(self, key: str, *, default: bool) -> bool:
        """True or false."""
        value: bool | None = self._take(key, bool, required=False)
        return default if value is None else value

    def free(self, key: str) -> dict[str, object]:
        """A table with whatever keys, or an empty one."""
        return dict(self._take(key, dict, required=False) or {})

    def table(self, key: str) -> TomlTable:
        """A table that must be there."""
        return TomlTable(self._take(key, dict, required=True), f"{self.where}: {key}")

    def optional_table(self, key: str) -> TomlTable | None:
        """A table, or None where the key is absent."""
        return self.table(key) if key in self._values else None

    def tables(self, key: str) -> tuple[TomlTable, ...]:
        """A list of at least one table."""
        values: list[object] = self._take(key, list, required=True)
        if not values or not all(isinstance(value, dict) for value in values):
            raise self.invalid(f"'{key}' must be a list of tables")
        return tuple(
            TomlTable(value, f"{self.where}: {key} {place}")
            for place, value in enumerate(values, 1)
            if isinstance(value, dict)
        )

    def remaining(self) -> tuple[str, ...]:
        """The keys not yet taken."""
        return tuple(self._values)

    def end(self) -> None:
        """Say that every key has been asked for.

        Raises:
            CatalogInvalid: a key is left over.
        """
        if self._values:
            raise self.invalid(f"unknown key '{next(iter(self._values))}'")


def is_inside(path: str) -> bool:
    """Whether a member path in an archive stays inside it."""
    pure = PurePath(path)
    return not pure.is_absolute() and ".." not in pure.parts and "\\" not in path and bool(pure.parts)


def printable(text: object) -> str:
    r"""A text of unknown origin for a one-line message.

    >>> print(printable("a\x1b[31m"))
    a\x1b[31m
    """
    return ascii(str(text))[1:-1][:100]
