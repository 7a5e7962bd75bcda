"""Sealed caches in a test, and their files."""

from __future__ import annotations

import os
import time
from pathlib import Path

from edge_assistant.vault import sealed
from edge_assistant.vault.sealed import SealedCache
from edge_assistant.vault.vault import Vault

SECRET = b"penicillin since 2019, Mrs Quorlindavey"
ID = "00112233aabbccdd"  # of a conversation


def cache(vault: Vault, most: int = 1 << 20, name: str = "evidence") -> SealedCache:
    return SealedCache(name, most, vault)


def files(name: str = "evidence") -> list[Path]:
    return sorted((sealed.sealed_dir() / name).iterdir())


def used(file: Path, seconds_ago: float) -> None:
    """Let a file have been used last some time ago."""
    at = time.time() - seconds_ago
    os.utime(file, (at, at))
