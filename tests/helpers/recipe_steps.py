"""Scripted steps and metrics, for tests of what recipes do around them."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import ClassVar

from edge_assistant_quantize.decoding import Positive
from edge_assistant_quantize.errors import QuantizationFailed
from edge_assistant_quantize.metrics.metric import Metric, MetricRun, Standard
from edge_assistant_quantize.recipes.step import FileStep, Made, StepInput
from edge_assistant_quantize.record import Measured

LOG = "EDGE_TEST_STEPS"  # a file that gets a line for each step that is done
KILL = "EDGE_TEST_KILL"  # the line after which, and before the step has ended, the process is killed


class Shrink(FileStep, frozen=True, kw_only=True):
    """Keeps the first bytes of a file."""

    do: ClassVar = "shrink"
    to: Positive
    calibrated: bool = False
    search: bool = False
    fails: bool = False

    @property
    def calibrates(self) -> bool:
        return self.calibrated

    @property
    def searches(self) -> bool:
        return self.search

    def make(self, work: StepInput) -> Made:
        if self.fails:
            raise QuantizationFailed("it cannot be shrunk", "leave it as it is")
        output = work.output
        output.write_bytes(work.file.read_bytes()[: self.to])
        note(f"shrink {work.key} {self.to}")
        excluded: tuple[str, ...] = ()
        size = self.to
        while self.search and not work.accepts(output):
            size += 10
            excluded = (*excluded, f"node{size}")
            output.write_bytes(work.file.read_bytes()[:size])
        return Made({work.key: output.name}, excluded=excluded)


def note(line: str) -> None:
    """Write down that a step works, and be killed where that was asked for."""
    if LOG not in os.environ:
        return
    log = Path(os.environ[LOG])
    with log.open("a") as file:
        print(line, file=file)
    if len(log.read_text().splitlines()) == int(os.environ.get(KILL, "0")):
        os.kill(os.getpid(), signal.SIGKILL)


def length(run: MetricRun) -> tuple[Measured, ...]:
    """The share of 100 bytes that a model has, in each of 200 items."""
    size = run.model.files["model"].stat().st_size
    note(f"length {size}")
    items = tuple(map(str, range(200)))
    length = Measured("length", items, (size,) * 200, (100,) * 200, lower_is_better=False)
    return length, Measured("labels", ("one",), (1,), (1,), lower_is_better=False)  # which decides nothing


def metric(name: str, role: str) -> Metric:
    return Metric(
        name=name,
        gives={name: Standard(0.05), "labels": Standard(0, least=0)},
        roles=frozenset({role}),
        description="how long the model is",
        keys={"path": "where nobody looks", "limit": "which nobody reads"},
        measure=length,
        each="chunk",  # only measuring tells how many
    )


def same(run: MetricRun) -> tuple[Measured, ...]:
    """All of 200 items are alike."""
    return (Measured("same", tuple(map(str, range(200))), (1,) * 200, (1,) * 200, lower_is_better=False),)


METRICS = {
    "length": metric("length", "detector"),
    "speech": metric("speech", "speech"),
    "same": Metric(
        name="same",
        gives={"same": Standard(0.5)},
        roles=frozenset({"detector"}),
        description="whether both are alike",
        keys={"path": "where nobody looks"},
        measure=same,
        each="chunk",  # only measuring tells how many
        relative=True,
    ),
}
STEPS = (Shrink,)
