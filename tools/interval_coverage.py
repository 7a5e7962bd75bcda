"""Simulate how often the intervals of `edge-quantize` hold the truth: python tools/interval_coverage.py [RUNS].

Prints the table of docs/quantize-intervals.md: coverage and missed losses by kind of data and number of clusters,
missed losses at a level of 0.999, and how often a true loss of the margin is accepted by one of ten looks. In every
scenario less is better, so the upper end is the one on the side of the loss. 2000 runs take ten minutes.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from edge_assistant_quantize.acceptance.intervals import LEVEL, interval, spent
from edge_assistant_quantize.record import Interval, Measured

Table = NDArray[np.float64]
SIZES = (5, 10, 20, 50, 100, 120, 400)
LOOKS = 10
_MANY = 400_000  # items of which the truth is taken


@dataclass(frozen=True)
class Scenario:
    """A kind of data.

    Attributes:
        draw: parts and wholes of candidate and reference [4, n]; [2, n] where nothing is compared.
        unit: of the metric.
        clustered: whether each of the n is a cluster of 2 to 10 items; `draw` gives 10 n items, cluster by cluster.
        looked: items of each of ten looks: those that the gate wants for a tenth one of what has rare large losses
            (`gate`), or 100 of what is right or wrong.
    """

    draw: Callable[[np.random.Generator, int], Table]
    unit: str = "share"
    clustered: bool = False
    looked: int = 266

    @cache  # noqa: B019 - there are seventeen
    def truth(self) -> float:
        """The value or difference over very many items."""
        sums = self.draw(np.random.default_rng(0), _MANY // (10 if self.clustered else 1)).sum(1)
        return float(sums[0] / sums[1] - (sums[2] / sums[3] if len(sums) == 4 else 0))

    def interval(self, random: np.random.Generator, n: int, level: float = LEVEL) -> Interval:
        """The interval of an experiment with n clusters."""
        return of(self.draw(random, n), level, self.unit, clustered=self.clustered)


def of(table: Table, level: float = LEVEL, unit: str = "share", *, clustered: bool = False) -> Interval:
    """The interval of parts and wholes [4, n] or [2, n]."""
    items = tuple(map(str, range(table.shape[1])))
    clusters = tuple(str(item // 10) for item in range(table.shape[1])) if clustered else ()
    rows = [tuple(row) for row in table.tolist()]
    one, *other = (
        Measured("error", items, rows[at], rows[at + 1], True, unit, clusters) for at in range(0, len(rows), 2)
    )
    return interval(one, other[0] if other else None, level=level)


def _words(random: np.random.Generator, n: int) -> Table:
    """Words of recordings, 3 to 30."""
    words: Table = np.exp(random.uniform(np.log(3), np.log(30), n)).round()
    return words


def _errors(random: np.random.Generator, n: int) -> Table:
    words, hard = _words(random, n), random.gamma(2, 1 / 2, n)
    return np.array([random.poisson(0.12 * hard * words), words, random.poisson(0.10 * hard * words), words], float)


def _skewed(random: np.random.Generator, n: int) -> Table:
    words, hard = random.integers(8, 25, n), np.exp(random.normal(-0.72, 1.2, n))
    one, other = (np.minimum(random.poisson(rate * hard * words), words) for rate in (0.09, 0.08))
    return np.array([one, words, other, words], float)


def _few_differ(lost: float, won: float) -> Callable[[np.random.Generator, int], Table]:
    def draw(random: np.random.Generator, n: int) -> Table:
        words, which = _words(random, n), random.random(n)
        some = np.minimum(1 + random.poisson(1, n), words)
        both = np.minimum(random.poisson(0.1 * words), words - some)
        one, other = both + some * (which < lost), both + some * ((which >= lost) & (which < lost + won))
        return np.array([one, words, other, words])

    return draw


def _whole_lost(share: float, noise: float) -> Callable[[np.random.Generator, int], Table]:
    def draw(random: np.random.Generator, n: int) -> Table:
        words = random.integers(8, 25, n)
        other = random.binomial(words, 0.05)
        moved = random.binomial(1, noise, n) - random.binomial(1, noise, n)
        one = np.where(random.random(n) < share, words, np.clip(other + moved, 0, words))
        return np.array([one, words, other, words], float)

    return draw


def _pairs(lost: float, won: float) -> Callable[[np.random.Generator, int], Table]:
    def draw(random: np.random.Generator, n: int) -> Table:
        which, one = random.random(n), np.ones(n)
        return np.array([which < lost, one, (which >= lost) & (which < lost + won), one], float)

    return draw


def _clusters(random: np.random.Generator, n: int) -> Table:
    """Questions of scenarios: 2 to 10 in each of ten places, some scenarios harder than others."""
    there = np.arange(10) < random.integers(2, 11, n)[:, None]
    lost, won = (there & (random.random((n, 10)) < rate * random.gamma(1, 1, (n, 1))) for rate in (0.10, 0.05))
    return np.array([lost.ravel(), there.ravel(), (won & ~lost).ravel(), there.ravel()], float)


def _precision(random: np.random.Generator, n: int) -> Table:
    seen, other, hard = random.integers(1, 11, n), random.integers(1, 11, n), random.beta(2, 8, n)
    return np.array([random.binomial(seen, hard), seen, random.binomial(other, 0.8 * hard), other], float)


def _perplexity(random: np.random.Generator, n: int) -> Table:
    loss, tokens = random.normal(2.5, 0.5, n), np.full(n, 255.0)
    return np.array([(loss + random.normal(0.02, 0.03, n)) * tokens, tokens, loss * tokens, tokens])


def _rare(random: np.random.Generator, n: int) -> Table:
    """Chunks of which 3 % are 3 nats worse, among small differences."""
    one, tokens, other, _ = _perplexity(random, n)
    return np.array([one + 3 * tokens * (random.random(n) < 0.03), tokens, other, tokens])


def _turned(random: np.random.Generator, n: int) -> Table:
    """1 - cosine of texts, of which 3 % point elsewhere."""
    return np.where(random.random(n) < 0.03, 0.5, random.gamma(1, 0.002, n))


def _alone(values: Callable[[np.random.Generator, int], Table]) -> Callable[[np.random.Generator, int], Table]:
    return lambda random, n: np.array([values(random, n), np.ones(n)], float)


SCENARIOS = {
    "0/1 pairs, 3 % lost": Scenario(_pairs(0.03, 0), looked=100),
    "0/1 pairs, 10 % lost, 5 % won": Scenario(_pairs(0.10, 0.05), looked=100),
    "0/1 alone, 3 % wrong": Scenario(_alone(lambda random, n: (random.random(n) < 0.03).astype(float)), looked=100),
    "word errors, 3 to 30 words": Scenario(_errors),
    "word errors, few recordings with many": Scenario(_skewed),
    "word errors, 7.5 % of recordings differ": Scenario(_few_differ(0.075, 0)),
    "word errors, 5 % worse, 2.5 % better": Scenario(_few_differ(0.05, 0.025)),
    "2 % of recordings lost whole": Scenario(_whole_lost(0.02, 0)),
    "5 % lost whole, 20 % differ by a word": Scenario(_whole_lost(0.05, 0.1)),
    "clusters of 2 to 10, 10 % lost, 5 % won": Scenario(_clusters, clustered=True, looked=100),
    "precision, wholes differ": Scenario(_precision, looked=100),
    "1 - cosine, alone": Scenario(_alone(lambda random, n: random.gamma(1, 0.01, n))),
    "log-perplexity": Scenario(_perplexity, "nats"),
    "log-perplexity, 3 % of chunks 3 nats worse": Scenario(_rare, "nats"),
    "1 - cosine, 3 % of texts at 0.5": Scenario(_alone(_turned)),
    "divergence, lognormal sigma 0.5": Scenario(_alone(lambda random, n: random.lognormal(-3, 0.5, n)), "nats"),
    "divergence, lognormal sigma 1": Scenario(_alone(lambda random, n: random.lognormal(-3, 1, n)), "nats"),
}


def missed(scenario: Scenario, n: int, runs: int, level: float = LEVEL) -> tuple[float, float]:
    """How often the truth lies above the interval, a loss that it denies, and below it; n clusters an experiment."""
    random, truth = np.random.default_rng(n), scenario.truth()
    found = [scenario.interval(random, n, level) for _ in range(runs)]
    above, below = (sum(each.high < truth for each in found), sum(each.low > truth for each in found))
    return above / runs, below / runs


def accepted(scenario: Scenario, n: int, runs: int, looks: int = LOOKS) -> float:
    """How often a true loss of exactly the margin is accepted by any of several looks, each with data of its own."""
    random, margin = np.random.default_rng(n), scenario.truth()
    levels = [1 - 2 * spent(look) for look in range(1, looks + 1)]
    return sum(any(scenario.interval(random, n, level).high <= margin for level in levels) for _ in range(runs)) / runs


def main() -> int:
    """Print the table."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
    print(f"| data | {' | '.join(f'n = {n}' for n in SIZES)} | 0.999, n = 100 | ten looks |")
    print(f"| --- {'| ---: ' * (len(SIZES) + 2)}|")
    for name, scenario in SCENARIOS.items():
        cells = [
            f"{100 * (1 - above - below):.1f}, {100 * above:.1f}"
            for above, below in (missed(scenario, n, runs) for n in SIZES)
        ]
        rare, looks = missed(scenario, 100, 5 * runs, level=0.999)[0], accepted(scenario, scenario.looked, runs // 4)
        print(f"| {name} | {' | '.join(cells)} | {100 * rare:.2f} | {100 * looks:.1f} |", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
