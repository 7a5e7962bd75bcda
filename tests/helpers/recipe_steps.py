"""Scripted steps and metrics, for tests of what recipes do around them."""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Self

from edge_assistant.compute.runtime import Runtime
from edge_assistant_models.installed import InstalledModel
from edge_assistant_models.schema import Table
from edge_assistant_quantize.errors import QuantizationFailed
from edge_assistant_quantize.metrics.metric import Measured, Metric
from edge_assistant_quantize.progress import Watch
from edge_assistant_quantize.recipes.steps.step import Made, Step, Work, keys

LOG = "EDGE_TEST_STEPS"  # a file that gets a line for each step that is done
KILL = "EDGE_TEST_KILL"  # the line after which, and before the step has ended, the process is killed


@dataclass(frozen=True, slots=True, kw_only=True)
class Shrink(Step):
    """Keeps the first bytes of a file."""

    NAME: ClassVar[str] = "shrink"

    to: int
    calibrated: bool = False
    search: bool = False
    fails: bool = False

    @classmethod
    def parse(cls, table: Table) -> Self:
        return cls(
            files=keys(table),
            to=table.positive("to"),
            calibrated=table.flag("calibrated", default=False),
            search=table.flag("search", default=False),
            fails=table.flag("fails", default=False),
        )

    @property
    def calibrates(self) -> bool:
        return self.calibrated

    @property
    def searches(self) -> bool:
        return self.search

    def make(self, work: Work) -> Made:
        if self.fails:
            raise QuantizationFailed("it cannot be shrunk", "leave it as it is")
        output = work.output()
        output.write_bytes(work.file.read_bytes()[: self.to])
        note(f"shrink {work.key} {self.to}")
        excluded: tuple[str, ...] = ()
        size = self.to
        while self.search and not work.accepts(output):
            size += 10
            excluded = (*excluded, f"node{size}")
            output.write_bytes(work.file.read_bytes()[:size])
        return Made({work.key: output}, excluded=excluded)


def note(line: str) -> None:
    """Write down that a step works, and be killed where that was asked for."""
    if LOG not in os.environ:
        return
    log = Path(os.environ[LOG])
    with log.open("a") as file:
        print(line, file=file)
    if len(log.read_text().splitlines()) == int(os.environ.get(KILL, "0")):
        os.kill(os.getpid(), signal.SIGKILL)


class Length:
    """The share of 100 bytes that a model has."""

    name = "length"
    gives: tuple[str, ...] = ("length",)
    roles = frozenset({"detector"})
    description = "how long the model is"
    relative = False

    def measure(
        self,
        model: InstalledModel,
        reference: InstalledModel | None,
        data: Mapping[str, object],
        runtime: Runtime,
        watch: Watch,
    ) -> tuple[Measured, ...]:
        size = model.files["model"].stat().st_size
        note(f"length {size}")
        return (Measured(self.name, ("one",), (size,), (100,), lower_is_better=False),)


class Speech(Length):
    """Measures another role."""

    name = "speech"
    gives = ("speech",)
    roles = frozenset({"speech"})


METRICS: dict[str, Metric] = {"length": Length(), "speech": Speech()}
STEPS: dict[str, type[Step]] = {"shrink": Shrink}
