"""How far the trail had come at its last checkpoint, kept sealed among the keys.

A trail that was set back to an older copy, or is gone, together with the checkpoints beside it, is missed by that.
"""

from __future__ import annotations

import json

from edge_assistant.governance.audit.rows import Head, canonical
from edge_assistant.vault.vault import Vault

PLACE = "keys.db"
GARBLED = Head(-1, "")  # stands for a witness that was not sealed with this master key
_ID = "audit:end"


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
