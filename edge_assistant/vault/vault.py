"""The keys of conversations: made when a conversation begins, kept wrapped by the master key, destroyed to forget it.

What is sealed with a key that was destroyed is noise. Each cache of what can be made again has a key, too, and a memo
may stand beside the keys: neither is a conversation, so `ids` and `every` leave them out. Keys stand in a SQLite file
of their own, whose deleted rows are overwritten and whose log of writes is cut after each destruction.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import secrets
import sqlite3
import threading
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from edge_assistant.core.errors import KeyGone, KeyLost, StorageFull
from edge_assistant.storage.database import Database
from edge_assistant.storage.schema import DatabaseSchema
from edge_assistant.vault.master import HINT, KeyLocation, Master, keys_dir, master, place, remove

FILE = "keys.db"
CACHE = "cache:"  # how the id of a cache's key begins; no id of a conversation has a colon, each other id has
NONCE_BYTES = 12  # of AES-GCM, random: NIST SP 800-38D allows 2**32 messages of one key
_KEY_BYTES = 32  # AES-256, and of HMAC-SHA256
LAYOUT = DatabaseSchema(
    "the file of keys",
    application=0x4564416B,  # "EdAk"
    schema=1,
    tables=(
        "CREATE TABLE keys (id TEXT PRIMARY KEY, made TEXT NOT NULL, wrapped BLOB NOT NULL) WITHOUT ROWID",
        "CREATE TABLE master (proof BLOB NOT NULL)",  # tells whether the master key is the one that wrapped them
    ),
    hint="bring it back from a copy, or forget all that it sealed: edge-assistant forget --all",
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
        return b"".join(self.seal_parts(data, about))

    def seal_parts(self, data: bytes, about: str) -> tuple[bytes, bytes]:
        """As `seal`, in the two parts that it consists of, so that what is large need not be copied."""
        nonce = secrets.token_bytes(NONCE_BYTES)
        return nonce, self._cipher.encrypt(nonce, data, about.encode())

    def open(self, sealed: bytes, about: str) -> bytes | None:
        """Decrypt; None where the bytes are not those that were sealed with this key about this."""
        from cryptography.exceptions import InvalidTag

        try:
            return self._cipher.decrypt(sealed[:NONCE_BYTES], memoryview(sealed)[NONCE_BYTES:], about.encode())
        except (InvalidTag, TypeError, ValueError):
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
        self.folder = folder or keys_dir()
        self._database = Database(self.folder / FILE, LAYOUT)
        self._known: dict[str, tuple[bytes, Key]] = {}  # by id: as it is kept, and unwrapped
        self._lock = threading.RLock()
        self._master: Master | None = None
        self._wraps: Key | None = None

    @property
    def place(self) -> KeyLocation:
        """Where the master key is."""
        return self._opened().place

    @property
    def ready(self) -> bool:
        """Whether keys can be had at once, without a keyring that may ask a person to unlock it."""
        return self._master is not None or place(self.folder) in {KeyLocation.CREDENTIAL, KeyLocation.FILE}

    def subkey(self, purpose: str) -> bytes:
        """A key of 32 bytes for one purpose, from the master key by HKDF-SHA256 (RFC 5869)."""
        from cryptography.hazmat.primitives.hashes import SHA256
        from cryptography.hazmat.primitives.kdf.hkdf import HKDF

        return HKDF(SHA256(), _KEY_BYTES, None, purpose.encode()).derive(self._opened().key)

    def key(self, id: str) -> Key:
        """The key of a conversation, which is made where there is none: so ask for `existing` to read.

        Args:
            id: of the conversation; one that was forgotten gets another key, which opens nothing of before.
        """
        with self._lock:
            wrapping = self._wrapping()
            wrapped = self._database.read(lambda connection: _row(connection, id))
            if wrapped is None:
                wrapped = self._database.write(lambda connection: _made(connection, id, wrapping))
            return self._unwrapped(id, wrapped)

    def existing(self, id: str) -> Key:
        """The key of a conversation, to read with.

        Raises:
            KeyGone: it was destroyed, or never made.
        """
        with self._lock:
            self._wrapping()
            wrapped = self._database.read(lambda connection: _row(connection, id))
            if wrapped is None:
                self._known.pop(id, None)
                raise KeyGone("the key of this conversation is destroyed", "it was forgotten, and stays so")
            return self._unwrapped(id, wrapped)

    def every(self) -> dict[str, Key]:
        """The keys of all conversations, by id; a damaged one is left out."""
        with self._lock:
            self._wrapping()
            query = "SELECT id, wrapped FROM keys WHERE id NOT GLOB '*:*' AND typeof(id) = 'text'"
            rows = self._database.read(lambda connection: connection.execute(query).fetchall())
            keys = {}
            for id, wrapped in rows:
                with contextlib.suppress(KeyLost):
                    keys[id] = self._unwrapped(id, _bytes(wrapped))
            self._known = {id: known for id, known in self._known.items() if id in keys or ":" in id}
            return keys

    def memo(self, id: str) -> bytes | None:
        """What stands beside the keys under an id with a colon; None for nothing, empty where it is not ours."""
        with self._lock:
            wrapping = self._wrapping()
            sealed = self._database.read(lambda connection: _row(connection, id))
            return None if sealed is None else wrapping.open(sealed, id) or b""

    def set_memo(self, id: str, data: bytes) -> None:
        """Let a memo stand there, sealed, in place of the former one."""
        with self._lock:
            sealed = self._wrapping().seal(data, id)
            insert, values = "INSERT OR REPLACE INTO keys VALUES (?, ?, ?)", [id, datetime.now(UTC).isoformat(), sealed]
            self._database.write(lambda connection: connection.execute(insert, values))

    def ids(self, before: datetime | None = None) -> list[str]:
        """The conversations that have a key; with `before`, those whose key was made before that time."""
        return [id for id in self._made_before(before) if ":" not in id]

    def caches(self, before: datetime | None = None) -> list[str]:
        """The ids of the keys of caches; with `before`, of those that were made before that time.

        Of one that was made in time to come the age cannot be told, for the clock was or is wrong: it counts as old.
        """
        found = self._made_before(None)
        if before is not None:
            fresh = set(self._made_before(datetime.now(UTC))) - set(self._made_before(before))
            found = [id for id in found if id not in fresh]
        return [id for id in found if id.startswith(CACHE)]

    def _made_before(self, before: datetime | None) -> list[str]:
        limit = before.astimezone(UTC).isoformat() if before else _EVER
        query = "SELECT id FROM keys WHERE made < ? AND typeof(id) = 'text'"
        return self._database.read(lambda connection: [id for (id,) in connection.execute(query, [limit])])

    def destroy(self, ids: Sequence[str]) -> None:
        """Destroy keys: what was sealed with them cannot be read any more, by anybody. It needs no master key.

        Raises:
            StorageFull: they are deleted, but still stand in the log of writes, which another program reads.
        """
        with self._lock:
            self._database.write(
                lambda connection: connection.executemany("DELETE FROM keys WHERE id = ?", [(id,) for id in ids])
            )
            for id in ids:
                self._known.pop(id, None)
            if not self._database.shrink():
                raise StorageFull(f"another program reads {LAYOUT.what}", "end it, then run this again")

    @property
    def damaged(self) -> bool:
        """Whether the file of keys cannot be read as a whole."""
        return self._database.damaged

    def reset(self) -> None:
        """Destroy every key and the master key, where one is lost or the file is damaged; a new one is made then."""
        with self._lock:
            self.close()
            remove(self.folder)
            self._database.remove()

    def close(self) -> None:
        """Let go of the file and of every key."""
        with self._lock:
            self._known.clear()
            self._master = self._wraps = None
            self._database.close()

    def _opened(self) -> Master:
        """The master key, once it is known to be the one that wrapped these keys.

        Raises:
            KeyLost: it is another, or there is none any more.
        """
        with self._lock:
            if self._master is None:
                proven = self._database.read(_proven)
                found = master(self.folder, make=proven is None)
                proof = hmac.new(found.key, _PROOF, hashlib.sha256).digest()
                if proven is None:
                    proven = self._database.write(lambda connection: _proof(connection, proof))
                if not hmac.compare_digest(proof, proven):
                    raise KeyLost("the master key is not the one that encrypted the stored data", HINT)
                self._master = found
            return self._master

    def _wrapping(self) -> Key:
        """The key that wraps the others; its halves are derived, so that the master key itself seals nothing."""
        if self._wraps is None:
            self._wraps = Key(self.subkey("wrap") + self.subkey("digest"))
        return self._wraps

    def _unwrapped(self, id: str, wrapped: bytes) -> Key:
        """The key of a conversation; raises KeyLost if what is kept of it was changed."""
        known = self._known.get(id)
        if known is not None and known[0] == wrapped:
            return known[1]
        secret = self._wrapping().open(wrapped, id)
        if secret is None or len(secret) != 2 * _KEY_BYTES:
            raise KeyLost("the key of this conversation is damaged", "bring the file of keys back from a copy")
        self._known[id] = wrapped, Key(secret)
        return self._known[id][1]


def _proven(connection: sqlite3.Connection) -> bytes | None:
    """What proved the master key when the file was made; None where the file is new."""
    row = connection.execute("SELECT proof FROM master").fetchone()
    return None if row is None else _bytes(row[0])


def _proof(connection: sqlite3.Connection, proof: bytes) -> bytes:
    """What proves the master key from now on: this, unless another process was quicker."""
    found = _proven(connection)
    if found is None:
        connection.execute("INSERT INTO master VALUES (?)", [proof])
    return found or proof


def _row(connection: sqlite3.Connection, id: str) -> bytes | None:
    """The wrapped key of a conversation; None where it has none."""
    row = connection.execute("SELECT wrapped FROM keys WHERE id = ?", [id]).fetchone()
    return None if row is None else _bytes(row[0])


def _bytes(value: object) -> bytes:
    """A BLOB; nothing where somebody put another type there."""
    return value if isinstance(value, bytes) else b""


def _made(connection: sqlite3.Connection, id: str, wrapping: Key) -> bytes:
    """A new key, wrapped, unless another process was quicker."""
    wrapped = _row(connection, id)
    if wrapped is None:
        wrapped = wrapping.seal(secrets.token_bytes(2 * _KEY_BYTES), id)
        connection.execute("INSERT INTO keys VALUES (?, ?, ?)", [id, datetime.now(UTC).isoformat(), wrapped])
    return wrapped
