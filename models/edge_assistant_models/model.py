"""A model as its users see it: a name, a sum, and verified files by key."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class InstalledModel:
    """A model in the store whose files have been verified.

    Attributes:
        name: its catalog name.
        sha256: the sum of its file, or of the sums of its files where it has several.
        files: path by the key that the catalog entry gives each file, such as `encoder`.
        options: what the catalog entry says to whoever loads it, such as the chat family or input size.
        role: what it does, one of `entries.ROLES`; empty where nobody says.
    """

    name: str
    sha256: str
    files: Mapping[str, Path]
    options: Mapping[str, object] = field(default_factory=dict)
    role: str = ""
