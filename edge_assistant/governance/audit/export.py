"""The audit trail as a file that can be checked without this program and without its secret key.

Each line is a row with a SHA-256 sum over the line before and itself; the last line signs the sum of the last row.
docs/audit.md has the script that checks it.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from edge_assistant.core.errors import UsageError
from edge_assistant.core.signals import printable
from edge_assistant.governance.audit.rows import FIRST, canonical
from edge_assistant.governance.audit.trail import Trail
from edge_assistant.governance.audit.verify import require_whole, whole
from edge_assistant.storage import atomic

FORMAT = "edge-assistant audit export"
_HINT = "free some space, or choose another folder"


def write(trail: Trail, file: Path) -> int:
    """Write the whole trail, as it is now, to a file that does not exist yet.

    Returns:
        The number of rows.

    Raises:
        AuditDamaged: it is not as it was written, so it is not signed.
        UsageError: the file cannot lie there.
        StorageFull: it cannot be written.
    """
    if file.exists():
        raise UsageError(f"{printable(file.name)} exists already", "name another file or remove it")
    if not file.parent.is_dir():
        what = f"{printable(file.name)} cannot lie in a folder that does not exist"
        raise UsageError(what, "name a file in a folder that is there")
    require_whole(trail)
    with atomic.storing(printable(file.name), _HINT), atomic.writing(file) as stream:

        def written(connection: sqlite3.Connection) -> int:
            return sum(stream.write(canonical(line).encode() + b"\n") > 0 for line in lines(connection, trail)) - 1

        return trail.read(written)


def lines(connection: sqlite3.Connection, trail: Trail) -> Iterator[dict[str, Any]]:
    """The lines of an export.

    Raises:
        AuditDamaged: a row is not as it was written.
    """
    chain, count = FIRST, 0
    for row in whole(connection, trail):
        line = {
            "number": row.number,
            "time": row.time,
            "conversation": row.conversation,
            "kind": row.kind,
            "body": json.loads(row.body),
            "mac": row.mac,
        }
        chain = hashlib.sha256(chain.encode() + canonical(line).encode()).hexdigest()
        count = row.number
        yield {**line, "chain": chain}
    at = datetime.now(UTC).isoformat(timespec="seconds")
    yield {
        "format": FORMAT,
        "rows": count,
        "chain": chain,
        "time": at,
        "public_key": trail.signer.public,
        "signature": trail.signer.sign([FORMAT, count, chain, at]),
    }
