"""`do = "quantize"`: one file, or every file of the model, in another precision.

type                     a method for ONNX files, such as "static-int8"

of ONNX files, see `of_onnx`
exclude                  nodes that stay as they are
exclude_until_accepted   so many nodes at most stay as they are, the worst first, until the model is accepted
options                  of the method, such as { calibrator = "percentile" }
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import ClassVar

from edge_assistant_models.schema import Table
from edge_assistant_quantize.onnx.quantize import METHODS
from edge_assistant_quantize.recipes.steps.of_onnx import QuantizeOnnx
from edge_assistant_quantize.recipes.steps.step import Made, Step, Work


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantize(Step):
    """Another precision: the type says which of the two steps it is."""

    NAME: ClassVar[str] = "quantize"

    @classmethod
    def parse(cls, table: Table) -> Step:
        """See `Step.parse`."""
        kind = table.text("type")
        if kind in METHODS:
            return QuantizeOnnx.of(kind, table)
        raise table.invalid(f"unknown type '{kind}' (of ONNX files {', '.join(METHODS)})")

    @abstractmethod
    def make(self, work: Work) -> Made:
        """See `Step.make`."""


STEP = Quantize
