"""A row of the audit trail, and the bytes that its code is made of."""

from __future__ import annotations

import hmac
import json
from dataclasses import dataclass
from typing import Any

FIRST = "0" * 64  # stands where a row has none before it


@dataclass(frozen=True, slots=True)
class Head:
    """How far the trail has come: the number and the code of its last row."""

    count: int = 0
    mac: str = FIRST


@dataclass(frozen=True, slots=True)
class AuditRow:
    """One thing that happened.

    Attributes:
        number: from 1, without gaps.
        time: ISO 8601, UTC, by the clock of the machine, which may be set back.
        conversation: id of the conversation, empty for what belongs to none.
        kind: what happened, such as `said`.
        body: its facts, canonical JSON.
        previous: code of the row before.
        mac: HMAC-SHA256 over all of the above, in hexadecimal.
    """

    number: int
    time: str
    conversation: str
    kind: str
    body: str
    previous: str
    mac: str = ""

    def code(self, key: bytes, number: int | None = None) -> str:
        """What `mac` has to be.

        Args:
            key: of the chain.
            number: in place of the row's own, to find out where a row stood.
        """
        own = self.number if number is None else number
        return coded(key, [own, self.time, self.conversation, self.kind, self.body, self.previous])


def canonical(value: Any) -> str:  # noqa: ANN401 - whatever JSON can say
    """JSON that has one form only: keys in order, no spaces, ASCII."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def coded(key: bytes, fields: list[Any]) -> str:
    """HMAC-SHA256 (RFC 2104) over a JSON array, in which no two lists of fields look alike; in hexadecimal."""
    return hmac.digest(key, canonical(fields).encode(), "sha256").hex()
