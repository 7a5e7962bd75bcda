"""What a candidate lost and won, item by item, where each item is right or wrong."""

from __future__ import annotations

import math
from dataclasses import dataclass

from edge_assistant_quantize.errors import UsageError
from edge_assistant_quantize.record import Measured


@dataclass(frozen=True, slots=True)
class PairedCounts:
    """The four cells of a paired table, and McNemar's exact test of its two unequal ones.

    Attributes:
        both: items that candidate and reference have right.
        lost: names of the items that only the reference has right, in their order.
        won: names of the items that only the candidate has right.
        neither: items that both have wrong.
    """

    both: int
    lost: tuple[str, ...]
    won: tuple[str, ...]
    neither: int

    @property
    def p(self) -> float:
        """Two-sided p of the exact test: how probable so uneven a split of the unequal items is by chance.

        The binomial test of `lost` of `lost + won` at 1/2 (McNemar 1947, "Note on the sampling error of the difference
        between correlated proportions or percentages"); it takes items as independent, whatever clusters they have.
        """
        unequal, fewer = len(self.lost) + len(self.won), min(len(self.lost), len(self.won))
        return min(1.0, 2 * sum(math.comb(unequal, k) for k in range(fewer + 1)) / (1 << unequal))

    def to_json(self) -> dict[str, object]:
        """Counts and p, and the names of what is lost."""
        counted = {"both": self.both, "lost": len(self.lost), "won": len(self.won), "neither": self.neither}
        return {**counted, "p": self.p, "lost_items": list(self.lost)}


def counts(candidate: Measured, reference: Measured) -> PairedCounts | None:
    """Count pairs of items; None where an item of either is not simply right or wrong.

    Raises:
        UsageError: they were not measured by the same metric on the same items.
    """
    if (candidate.metric, candidate.items) != (reference.metric, reference.items):
        what = f"{candidate.metric} of both was not measured on the same items"
        raise UsageError(what, "measure the reference again on the data of the candidate")
    if not all(whole == 1 and part in {0, 1} for each in (candidate, reference) for part, whole in _pairs(each)):
        return None
    right = 0.0 if candidate.lower_is_better else 1.0
    table: dict[tuple[bool, bool], list[str]] = {(a, b): [] for a in (True, False) for b in (True, False)}
    for name, part, other in zip(candidate.items, candidate.parts, reference.parts, strict=True):
        table[part == right, other == right].append(name)
    lost, won = tuple(table[False, True]), tuple(table[True, False])
    return PairedCounts(len(table[True, True]), lost, won, len(table[False, False]))


def _pairs(measured: Measured) -> zip[tuple[float, float]]:
    return zip(measured.parts, measured.wholes, strict=True)
