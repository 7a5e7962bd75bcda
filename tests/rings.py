"""A keyring of the system that obeys a test."""

from __future__ import annotations

from collections.abc import Callable

from keyring.backend import KeyringBackend


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
