"""Keys of conversations: made once, kept wrapped, destroyed for good."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_assistant.errors import KeyGone, KeyLost
from edge_assistant.vault.master import FILE, Place
from edge_assistant.vault.vault import Key, Vault

ID = "00112233aabbccdd"


def test_what_is_sealed_is_opened_by_another_process_with_the_same_folder(tmp_path: Path) -> None:
    sealed = Vault(tmp_path).key(ID).seal(b"penicillin", "turn 1")

    assert Vault(tmp_path).existing(ID).open(sealed, "turn 1") == b"penicillin"
    assert b"penicillin" not in sealed


def test_what_is_sealed_cannot_be_put_in_another_place(tmp_path: Path) -> None:
    key = Vault(tmp_path).key(ID)

    assert key.open(key.seal(b"none", "turn 1"), "turn 2") is None


@given(st.binary(max_size=200), st.integers(0, 10_000), st.integers(1, 255))
def test_a_changed_byte_is_noticed(data: bytes, place: int, change: int) -> None:
    key = Key(bytes(64))
    sealed = bytearray(key.seal(data, "it"))
    sealed[place % len(sealed)] ^= change

    assert key.open(bytes(sealed), "it") is None


def test_a_destroyed_key_is_gone_for_everybody(tmp_path: Path) -> None:
    vault = Vault(tmp_path)
    vault.key(ID)
    vault.destroy([ID])

    for reader in (vault, Vault(tmp_path)):
        with pytest.raises(KeyGone):
            reader.existing(ID)
    assert vault.ids() == []


def test_without_a_keyring_the_master_key_is_a_file_for_its_owner_alone(tmp_path: Path) -> None:
    vault = Vault(tmp_path / "keys")

    assert vault.place is Place.FILE
    assert stat.S_IMODE((tmp_path / "keys" / FILE).stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "keys").stat().st_mode) == 0o700


def test_another_master_key_is_refused(tmp_path: Path) -> None:
    Vault(tmp_path).key(ID)
    (tmp_path / FILE).write_bytes(bytes(32))

    with pytest.raises(KeyLost):
        Vault(tmp_path).key(ID)
