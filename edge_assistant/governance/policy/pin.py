"""An operator's PIN as a policy keeps it: salted and hashed by scrypt, so that the file does not tell it.

A PIN of six digits can still be tried out by whoever can read the file and has a day; a longer one cannot.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets

from edge_assistant.core.errors import UsageError

SHORTEST, LONGEST = 6, 64  # characters
COST = 32_768  # scrypt's N with r = 8, p = 1: 32 MiB and about 0.1 s (RFC 7914; OWASP's sheet on storing passwords)
_COSTS = range(1_024, 131_072 + 1)
_MEMORY = 256 << 20  # bytes that a hash may ask for


def hashed(pin: str, cost: int = COST) -> str:
    """The PIN as a policy file holds it.

    Raises:
        UsageError: it is too short or too long.
    """
    if not SHORTEST <= len(pin) <= LONGEST:
        raise UsageError(f"a PIN has {SHORTEST} to {LONGEST} characters", "choose another one")
    salt = secrets.token_bytes(16)
    return f"scrypt:{cost}:{salt.hex()}:{_scrypt(pin, salt, cost).hex()}"


def fits(pin: str, kept: str) -> bool:
    """Whether this PIN was hashed; what is no hash fits none."""
    _, cost, salt, digest = kept.split(":")
    if int(cost) not in _COSTS or int(cost) & (int(cost) - 1):
        return False
    return hmac.compare_digest(_scrypt(pin[:LONGEST], bytes.fromhex(salt), int(cost)), bytes.fromhex(digest))


def _scrypt(pin: str, salt: bytes, cost: int) -> bytes:
    return hashlib.scrypt(pin.encode("utf-8", "surrogateescape"), salt=salt, n=cost, r=8, p=1, maxmem=_MEMORY, dklen=32)
