"""`do = "optimize"`: the graph of an ONNX file simplified once, instead of at each start."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from edge_assistant_models.schema import Table
from edge_assistant_quantize.onnx import optimize
from edge_assistant_quantize.recipes.steps.step import Made, Step, Work, keys


@dataclass(frozen=True, slots=True, kw_only=True)
class Optimize(Step):
    """Fewer nodes that compute the same."""

    NAME: ClassVar[str] = "optimize"

    @classmethod
    def parse(cls, table: Table) -> Step:
        """See `Step.parse`."""
        return cls(files=keys(table))

    def make(self, work: Work) -> Made:
        """See `Step.make`."""
        optimize.optimize(work.file, work.output(), threads=work.threads)
        return Made({work.key: work.output()})

    @property
    def libraries(self) -> tuple[str, ...]:
        """See `Step.libraries`."""
        return ("numpy", "onnx", "onnxruntime")

    def memory_bytes(self, given: int) -> int:
        """See `Step.memory_bytes`: both graphs, and a session of each."""
        return 6 * given


STEP = Optimize
