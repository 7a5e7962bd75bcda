"""What a candidate lost and won, item by item, where each item is right or wrong."""

from __future__ import annotations

import math
from dataclasses import dataclass

from edge_assistant_quantize.acceptance.intervals import check_paired
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
        UsageError: see `intervals.check_paired`.
    """
    check_paired(candidate, reference)
    if {*candidate.wholes, *reference.wholes} != {1} or not {*candidate.parts, *reference.parts} <= {0, 1}:
        return None
    right = 0.0 if candidate.lower_is_better else 1.0
    own, other = ([part == right for part in each.parts] for each in (candidate, reference))
    pairs = list(zip(candidate.items, own, other, strict=True))
    lost = tuple(name for name, mine, theirs in pairs if theirs and not mine)
    won = tuple(name for name, mine, theirs in pairs if mine and not theirs)
    both = sum(mine and theirs for _, mine, theirs in pairs)
    return PairedCounts(both, lost, won, len(pairs) - both - len(lost) - len(won))
