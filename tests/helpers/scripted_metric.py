"""A metric that gives what a test says, and notes which models were measured on what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from helpers.looks import hits

from edge_assistant_quantize.metrics.metric import Metric, MetricRun, Standard
from edge_assistant_quantize.record import Measured


@dataclass
class Scripted:
    """Gives two results over many items, and notes which models were measured on what."""

    shares: Mapping[str, float]
    relative: bool = False
    items: int = 400
    ran: list[tuple[str, object]] = field(default_factory=list)

    @property
    def metric(self) -> Metric:
        return Metric(
            name="scripted",
            gives={
                "wrong": Standard(0.9, 0.1, task=True),
                "right": Standard(0.1, 0.1, task=True, whole=True),
                "beside": Standard(0.1, least=0),
            },
            roles=frozenset({"speech"}),
            description="scripted",
            keys={"path": "where nobody looks"},
            measure=self.measure,
            each="chunk",  # only measuring tells how many
            relative=self.relative,
        )

    def measure(self, run: MetricRun) -> tuple[Measured, ...]:
        if self.relative:
            run.compared("scripted")
        self.ran.append((run.model.name, run.data.get("path")))
        right = hits("right", self.shares[run.model.name], self.items)
        wrong = replace(right, metric="wrong", parts=tuple(1 - part for part in right.parts), lower_is_better=True)
        return wrong, right
