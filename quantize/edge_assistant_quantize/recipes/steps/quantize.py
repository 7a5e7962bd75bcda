"""`do = "quantize"`: one file, or every file of the model, in another precision.

type                     a method for ONNX files, such as "static-int8", or a type of GGUF, such as "Q4_K_M"

of ONNX files, see `of_onnx`
exclude                  nodes that stay as they are
exclude_until_accepted   so many nodes at most stay as they are, the worst first, until the model is accepted
options                  of the method, such as { calibrator = "percentile" }

of GGUF files, see `of_gguf`
imatrix                  whether the importance matrix of an earlier step is used
overrides                types of single tensors by regular expression, such as { "attn_v" = "Q8_0" }
requantize               whether a model that is quantized already is taken, which loses twice
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import ClassVar

from edge_assistant_models.schema import Table
from edge_assistant_quantize.gguf import kinds
from edge_assistant_quantize.onnx.quantize import METHODS
from edge_assistant_quantize.recipes.steps.of_gguf import QuantizeGguf
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
        if kind in kinds.MODELS:
            return QuantizeGguf.of(kind, table)
        known = f"of ONNX files {', '.join(METHODS)}; of GGUF {', '.join(kinds.MODELS)}"
        raise table.invalid(f"unknown type '{kind}' ({known})")

    @abstractmethod
    def make(self, work: Work) -> Made:
        """See `Step.make`."""


STEP = Quantize
