"""The keys of conversations: made when a conversation begins, kept wrapped by the master key, destroyed to forget it.

What is sealed with a key that was destroyed is noise. Keys stand in a SQLite file of their own, whose deleted rows are
overwritten and whose log of writes is cut after each destruction.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import sqlite3
import threading
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from edge_assistant.database import Database, Layout
from edge_assistant.errors import KeyGone, KeyLost
from edge_assistant.vault.master import Master, Place, master
from edge_assistant_models import paths

FILE = "keys.db"
NONCE_BYTES = 12  # of AES-GCM, random: NIST SP 800-38D allows 2**32 messages of one key
_KEY_BYTES = 32  # AES-256, and of HMAC-SHA256
LAYOUT = Layout(
    "the file of keys",
    application=0x4564416B,  # "EdAk"
    schema=1,
    tables=(
        "CREATE TABLE keys (id TEXT PRIMARY KEY, made TEXT NOT NULL, wrapped BLOB NOT NULL) WITHOUT ROWID",
        "CREATE TABLE master (proof BLOB NOT NULL)",  # tells whether the master key is the one that wrapped them
    ),
)
_EVER = "9999"  # later than every time that is kept
_PROOF = b"this master key wraps these keys"


class Key:
    """The key of one conversation."""

    def __init__(self, secret: bytes) -> None:
        """Take 64 bytes: the first half seals, the second makes digests."""
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        self._cipher = AESGCM(secret[:_KEY_BYTES])
        self._digests = secret[_KEY_BYTES:]

    def seal(self, data: bytes, about: str) -> bytes:
        """Encrypt, AES-256-GCM; nonce, then ciphertext with its tag.

        Args:
            data: at most 2 GiB.
            about: what it is and where it stands, such as "turn 3"; must be said to open it, so that nothing sealed
                can be put in the place of another.
        """
        nonce = secrets.token_bytes(NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, data, about.encode())

    def open(self, sealed: bytes, about: str) -> bytes | None:
        """Decrypt; None where the bytes are not those that were sealed with this key about this."""
        from cryptography.exceptions import InvalidTag

        try:
            return self._cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], about.encode())
        except (InvalidTag, ValueError):
            return None

    def digest(self, content: bytes) -> str:
        """HMAC-SHA256 in hexadecimal: who has no key can neither tell the content nor try whether it is some text."""
        return hmac.new(self._digests, content, hashlib.sha256).hexdigest()


class Vault:
    """Keys by the ids of conversations, for whichever thread; every method may raise StorageFull and KeyLost."""

    def __init__(self, folder: Path | None = None) -> None:
        """Name the folder; it is opened with the first call.

        Args:
            folder: by default `keys` in the data directory.
        """
        self.folder = folder or paths.data_dir() / "keys"
        self._database = Database(self.folder / FILE, LAYOUT)
        self._known: dict[str, Key] = {}
        self._lock = threading.RLock()
        self._master: Master | None = None

    @property
    def place(self) -> Place:
        """Where the master key is."""
        return self._opened().place

    def subkey(self, purpose: str) -> bytes:
        """A key of 32 bytes for one purpose, from the master key by HKDF-SHA256 (RFC 5869)."""
        from cryptography.hazmat.primitives.hashes import SHA256
        from cryptography.hazmat.primitives.kdf.hkdf import HKDF

        return HKDF(SHA256(), _KEY_BYTES, None, purpose.encode()).derive(self._opened().key)

    def key(self, id: str) -> Key:
        """The key of a conversation, which is made where there is none: so ask for `existing` to read.

        Args:
            id: of the conversation; one that was forgotten is never given again.
        """
        with self._lock:
            if id not in self._known:
                wrapping = self._wrapping()
                self._known[id] = Key(self._database.write(lambda connection: _key(connection, id, wrapping)))
            return self._known[id]

    def existing(self, id: str) -> Key:
        """The key of a conversation, to read with.

        Raises:
            KeyGone: it was destroyed, or never made.
        """
        with self._lock:
            if id not in self._known:
                wrapping = self._wrapping()
                secret = self._database.read(lambda connection: _unwrapped(connection, id, wrapping))
                if secret is None:
                    raise KeyGone("the key of this conversation is destroyed", "it was forgotten, and stays so")
                self._known[id] = Key(secret)
            return self._known[id]

    def ids(self, before: datetime | None = None) -> list[str]:
        """The conversations that have a key; with `before`, those whose key was made before that time."""
        limit = before.astimezone(UTC).isoformat() if before else _EVER
        return self._database.read(
            lambda connection: [id for (id,) in connection.execute("SELECT id FROM keys WHERE made < ?", [limit])]
        )

    def destroy(self, ids: Sequence[str]) -> None:
        """Destroy keys: what was sealed with them cannot be read any more, by anybody."""
        with self._lock:
            self._database.write(
                lambda connection: connection.executemany("DELETE FROM keys WHERE id = ?", [(id,) for id in ids])
            )
            for id in ids:
                self._known.pop(id, None)
            self._database.shrink()

    def close(self) -> None:
        """Let go of the file and of every key."""
        with self._lock:
            self._known.clear()
            self._master = None
            self._database.close()

    def _opened(self) -> Master:
        """The master key, once it is known to be the one that wrapped these keys.

        Raises:
            KeyLost: it is another.
        """
        with self._lock:
            if self._master is None:
                found = master(self.folder)
                proof = hmac.new(found.key, _PROOF, hashlib.sha256).digest()
                if not hmac.compare_digest(proof, self._database.write(lambda c: _proof(c, proof))):
                    raise KeyLost(
                        "the master key is not the one that what is kept was sealed with",
                        "bring the key back from a copy, or forget what it sealed: edge-assistant forget --all",
                    )
                self._master = found
            return self._master

    def _wrapping(self) -> Key:
        """The key that wraps the others; its halves are derived, so that the master key itself seals nothing."""
        return Key(self.subkey("wrap") + self.subkey("digest"))


def _proof(connection: sqlite3.Connection, proof: bytes) -> bytes:
    """What proved the master key when the file was made; by now this is it where the file is new."""
    row = connection.execute("SELECT proof FROM master").fetchone()
    if row is None:
        connection.execute("INSERT INTO master VALUES (?)", [proof])
        return proof
    return bytes(row[0])


def _key(connection: sqlite3.Connection, id: str, wrapping: Key) -> bytes:
    secret = _unwrapped(connection, id, wrapping)
    if secret is None:
        secret = secrets.token_bytes(2 * _KEY_BYTES)
        at = datetime.now(UTC).isoformat()
        connection.execute("INSERT INTO keys VALUES (?, ?, ?)", [id, at, wrapping.seal(secret, id)])
    return secret


def _unwrapped(connection: sqlite3.Connection, id: str, wrapping: Key) -> bytes | None:
    """The secret of a conversation; None where it has no key.

    Raises:
        KeyLost: the row was changed.
    """
    row = connection.execute("SELECT wrapped FROM keys WHERE id = ?", [id]).fetchone()
    if row is None:
        return None
    secret = wrapping.open(row[0], id)
    if secret is None:
        raise KeyLost("the key of this conversation is damaged", "bring the file of keys back from a copy")
    return secret
