"""Evidence and computations that reasoning adds to what was perceived."""

from __future__ import annotations

from dataclasses import dataclass, field

from edge_assistant.core.answer import Computation
from edge_assistant.core.evidence import Evidence, Locator, Statistic
from edge_assistant.perception.table import Computed


@dataclass(slots=True)
class Ledger:
    """What an answer adds.

    Attributes:
        highest: number of an id of what was perceived, whether or not it is read.
        evidence: the rows that computations rest on.
        computed: the computations.
    """

    highest: int
    evidence: list[Evidence] = field(default_factory=list)
    computed: list[Computation] = field(default_factory=list)

    def rows(self, signal: str, column: str, computed: Computed, text: str) -> str:
        """Record the rows that a computation rests on; returns the id of the evidence."""
        id = f"E{self.highest + len(self.evidence) + 1}"
        detail = Statistic(column, computed.unit, "computed", computed.value, computed.time)
        self.evidence.append(Evidence(id, signal, text, None, Locator(rows=computed.rows), detail))
        return id

    def compute(self, formula: str, value: str, evidence: tuple[str, ...]) -> str:
        """Record a computation; returns its id."""
        self.computed.append(Computation(f"C{len(self.computed) + 1}", formula, value, evidence))
        return f"C{len(self.computed)}"
