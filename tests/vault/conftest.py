"""What tests of keys stand on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import keyring
import pytest
from helpers.keys import ID, Ring

from edge_assistant.vault.vault import Vault


@pytest.fixture
def ring() -> Iterator[Ring]:
    ring, before = Ring(), keyring.get_keyring()
    keyring.set_keyring(ring)
    yield ring
    keyring.set_keyring(before)


@pytest.fixture
def vault(home: Path) -> Vault:
    """The user's, whose master key is made."""
    vault = Vault()
    vault.key(ID)
    return vault
