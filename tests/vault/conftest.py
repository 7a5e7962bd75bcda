"""What tests of keys stand on."""

from __future__ import annotations

from collections.abc import Iterator

import keyring
import pytest
from rings import Ring

from edge_assistant.vault import master


@pytest.fixture
def ring(monkeypatch: pytest.MonkeyPatch) -> Iterator[Ring]:
    monkeypatch.setattr(master, "_MAKING_WAIT_S", 0.2)
    monkeypatch.setattr(master, "_WAIT_S", 0.2)
    ring, before = Ring(), keyring.get_keyring()
    keyring.set_keyring(ring)
    yield ring
    keyring.set_keyring(before)
