"""Sealed caches in a test, their files, and a keyring of the system that obeys the test."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

from keyring.backend import KeyringBackend

from edge_assistant.vault import caches
from edge_assistant.vault.caches import SealedCache
from edge_assistant.vault.vault import Vault

SECRET = b"penicillin since 2019, Mrs Quorlindavey"
ID = "00112233aabbccdd"  # of a conversation


def cache(vault: Vault, most: int = 1 << 20, name: str = "evidence") -> SealedCache:
    return SealedCache(name, most, vault)


def files(name: str = "evidence") -> list[Path]:
    return sorted((caches.sealed_dir() / name).iterdir())


def used(file: Path, seconds_ago: float) -> None:
    """Let a file have been used last some time ago."""
    at = time.time() - seconds_ago
    os.utime(file, (at, at))


class Ring(KeyringBackend):
    """A keyring in memory; `fails` is done before each call."""

    priority = 5.0  # type: ignore[assignment]

    def __init__(self, fails: Callable[[], object] = lambda: None) -> None:
        super().__init__()
        self.kept: dict[tuple[str, str], str] = {}
        self.fails = fails

    def get_password(self, service: str, username: str) -> str | None:
        self.fails()
        return self.kept.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.fails()
        self.kept[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        del self.kept[service, username]
