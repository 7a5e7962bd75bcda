"""Records and kept measurements carry a code by the machine's key, so that what was edited since is noticed.

Whoever has the key, which is this user's own, can sign anything: it shows that a record is as a machine of ours wrote
it, and not that its owner is honest.
"""

from __future__ import annotations

import hmac
from contextlib import closing
from functools import cache
from pathlib import Path

import msgspec

from edge_assistant.core.signals import printable
from edge_assistant.governance.audit.checkpoints import Signer, signed
from edge_assistant.vault.master import keys_dir
from edge_assistant.vault.vault import Vault
from edge_assistant_quantize import record as records
from edge_assistant_quantize.errors import UsageError
from edge_assistant_quantize.record import Record

_ABOUT = "edge-quantize record"
_PURPOSE = "quantization measurements"


def sign(record: Record) -> Record:
    """The record as it will be read again, with this machine's key and signature.

    Raises:
        KeyLost, StorageFull: there is no key to be had.
    """
    with closing(Vault()) as vault:
        signer = Signer(vault)
        read = msgspec.json.decode(msgspec.json.encode(record), type=Record)  # whole numbers become floats
        named = msgspec.structs.replace(read, signer=signer.public, signature="")
        return msgspec.structs.replace(named, signature=signer.sign(_fields(named)))


def kept(folder: Path) -> Record | None:
    """The record that lies in a folder, so that another can follow it; None where there is none.

    Raises:
        InputCorrupt: it is no record.
        UsageError: it was changed, another machine wrote it, or nobody has signed it.
    """
    if not (folder / records.FILE).is_file():
        return None
    found = records.read(folder)
    if not is_genuine(found) or found.signer != own_key():
        what = f"the record in {printable(folder.name)} is not as this machine wrote it"
        raise UsageError(what, "name another folder")
    return found


def after(old: Record | None, new: Record) -> Record:
    """A record with the looks of the one before it, signed; a look that was repeated stands once."""
    looks = list(old.looks if old else ())
    there = [look.timeless for look in looks]
    looks += [look for look in new.looks if look.timeless not in there]
    return sign(msgspec.structs.replace(new, looks=looks))


def own_key() -> str:
    """The public key of this machine, which `edge-assistant audit key` prints.

    Raises:
        KeyLost, StorageFull: there is no key to be had.
    """
    with closing(Vault()) as vault:
        return Signer(vault).public


def is_genuine(record: Record) -> bool:
    """Whether a record is as who has the key of `signer` wrote it."""
    return signed(record.signer, _fields(msgspec.structs.replace(record, signature="")), record.signature)


def _fields(record: Record) -> list[str]:
    return [_ABOUT, msgspec.json.encode(record, order="deterministic").decode()]


def code(content: bytes) -> str:
    """HMAC-SHA256 of what this machine keeps for itself, in hexadecimal."""
    return hmac.digest(_key(keys_dir()), content, "sha256").hex()


@cache
def _key(folder: Path) -> bytes:
    with closing(Vault(folder)) as vault:
        return vault.subkey(_PURPOSE)
