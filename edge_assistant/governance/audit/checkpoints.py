"""How far the trail had come, kept where whoever can change the trail cannot come: signed checkpoints, and a witness.

A trail that was cut off, or set back to an older state, is whole in itself; only what was known of it elsewhere tells.
The witness is sealed among the keys: it misses a trail that was set back together with the checkpoints beside it.
"""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge_assistant.core.errors import InputCorrupt, InputMissing
from edge_assistant.core.signals import printable
from edge_assistant.governance.audit.rows import Head, canonical
from edge_assistant.storage.atomic import storing

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from edge_assistant.vault.vault import Vault

WHAT = "the file of checkpoints"
MAX_LINE = 4_000  # bytes of one checkpoint in a file; ours have some 300
_AT_ONCE = getattr(os, "O_NONBLOCK", 0)  # so that nobody waits for the other end of a pipe
_ABOUT = "edge-assistant audit checkpoint"
PLACE = "keys.db"  # of the witness
GARBLED = Head(-1, "")  # stands for a witness that was not sealed with this master key
_ID = "audit:end"


@dataclass(frozen=True, slots=True)
class TrailCheckpoint:
    """How far the trail had come at some time.

    Attributes:
        rows: how many there were.
        mac: code of the last one, which stands for all before it.
        time: when it was signed.
        public_key: of who signed it, Ed25519, in hexadecimal.
        signature: Ed25519 (RFC 8032) over the first three, in hexadecimal.
    """

    rows: int
    mac: str
    time: str
    public_key: str
    signature: str

    @property
    def genuine(self) -> bool:
        """Whether who has the key of `public_key` signed this."""
        return signed(self.public_key, _fields(self.rows, self.mac, self.time), self.signature)

    def to_json(self) -> dict[str, Any]:
        """As it stands in files."""
        return asdict(self)


class Signer:
    """Signs for this machine; the private key comes from the master key and is nowhere else."""

    def __init__(self, vault: Vault) -> None:
        """Take the key.

        Raises:
            KeyLost, StorageFull: there is none to be had.
        """
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        self._private: Ed25519PrivateKey = Ed25519PrivateKey.from_private_bytes(vault.subkey("audit checkpoint"))
        self.public = self._private.public_key().public_bytes_raw().hex()

    def sign(self, fields: list[Any]) -> str:
        """The signature of a list, in hexadecimal."""
        return self._private.sign(canonical(fields).encode()).hex()

    def checkpoint(self, rows: int, mac: str, time: str) -> TrailCheckpoint:
        """A checkpoint of a trail that has come this far."""
        return TrailCheckpoint(rows, mac, time, self.public, self.sign(_fields(rows, mac, time)))


def signed(public: str, fields: list[Any], signature: str) -> bool:
    """Whether a list was signed by who has the key."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(public))
        key.verify(bytes.fromhex(signature), canonical(fields).encode())
    except (InvalidSignature, ValueError):
        return False
    return True


def add(file: Path, checkpoint: TrailCheckpoint) -> None:
    """Add a line to a file, which is on the disk when this returns.

    Raises:
        StorageFull: it cannot be written.
    """
    with storing(WHAT):
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_APPEND | _AT_ONCE, 0o600)
        try:
            _require_file(descriptor)
            size = os.fstat(descriptor).st_size
            torn = size > 0 and os.pread(descriptor, 1, size - 1) != b"\n"  # by a power failure, or somebody else
            os.write(descriptor, b"\n" * torn + canonical(checkpoint.to_json()).encode() + b"\n")
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def read(file: Path, until: int | None = None, start: int = 0) -> Iterator[TrailCheckpoint | None]:
    """The checkpoints of a file, one a line; None for a line that is none, as where the power failed.

    Args:
        file: of lines.
        until: lines that begin at this byte or later were added meanwhile, and are left out; None for all.
        start: byte to begin at; the first line may be cut there.

    Raises:
        InputMissing: there is no such file.
        InputCorrupt: it cannot be read.
    """
    try:
        with open(os.open(file, os.O_RDONLY | _AT_ONCE), "rb") as stream:  # noqa: PTH123 - a descriptor
            _require_file(stream.fileno())
            stream.seek(start)
            while (until is None or stream.tell() < until) and (line := stream.readline(MAX_LINE)):
                if line.strip():
                    yield parsed(line)
    except FileNotFoundError:
        raise InputMissing(f"{printable(file.name)} does not exist", "check the path") from None
    except OSError as error:
        raise InputCorrupt(f"{printable(file.name)} cannot be read ({error.strerror})", "check the path") from None


def begun(file: Path) -> bool:
    """Whether a file has anything yet: a killed process may have left it empty."""
    try:
        found = file.stat()
    except OSError:
        return False
    return found.st_size > 0 or not stat.S_ISREG(found.st_mode)


def last(file: Path) -> TrailCheckpoint | None:
    """The last line of a file, where that is a checkpoint; whoever signed it."""
    try:
        size = file.stat().st_size
        *_, line = read(file, start=max(0, size - 2 * MAX_LINE))
    except (OSError, ValueError, InputMissing, InputCorrupt):
        return None
    return line


def _require_file(descriptor: int) -> None:
    """Refuse a pipe or a device in the file's place; raises OSError if it is one."""
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        raise OSError(0, "it is no file")


def parsed(line: bytes) -> TrailCheckpoint | None:
    """The checkpoint of a line; None where it is none."""
    import msgspec

    try:
        return msgspec.json.decode(line, type=TrailCheckpoint)
    except (msgspec.MsgspecError, RecursionError):
        return None


def _fields(rows: int, mac: str, time: str) -> list[Any]:
    return [_ABOUT, rows, mac, time]


class Witness:
    """The witness in a vault; every method may raise StorageFull and KeyLost."""

    def __init__(self, vault: Vault) -> None:
        """Take the vault."""
        self._vault = vault

    def read(self) -> Head | None:
        """How far the trail had come; None where nothing is kept, `GARBLED` where it was not kept by us."""
        kept = self._vault.memo(_ID)
        if kept is None:
            return None
        try:
            count, mac = json.loads(kept)
        except ValueError:
            return GARBLED
        return Head(count, mac)

    def advance(self, head: Head) -> None:
        """Keep this, unless another process has kept a later one."""
        former = self.read()
        if former is None or former.count < head.count:
            self._vault.set_memo(_ID, canonical([head.count, head.mac]).encode())

    def restart(self) -> None:
        """Begin with a trail of no rows."""
        self._vault.set_memo(_ID, canonical([0, Head().mac]).encode())
