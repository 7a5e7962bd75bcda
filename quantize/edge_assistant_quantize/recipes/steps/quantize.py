"""`do = "quantize"`: one file, or every file of the model, in another precision.

type                     a method for ONNX files, such as `static-int8`
exclude                  nodes that stay as they are
exclude_until_accepted   so many nodes at most are left as they are, the worst first, until the model is accepted
options                  of the method, such as { calibrator = "percentile" }
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Self

from edge_assistant_models.schema import Table
from edge_assistant_quantize.errors import RecipeInvalid, UsageError
from edge_assistant_quantize.onnx import calibration
from edge_assistant_quantize.onnx import quantize as onnx
from edge_assistant_quantize.onnx.calibration import Calibration
from edge_assistant_quantize.recipes.steps.step import Made, Step, Work, keys


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantize(Step):
    """Another precision; see above."""

    NAME: ClassVar[str] = "quantize"
    LIBRARIES: ClassVar[tuple[str, ...]] = ("numpy", "onnx", "onnxruntime")

    type: str
    exclude: tuple[str, ...] = ()
    options: Mapping[str, object] = field(default_factory=dict)

    @classmethod
    def parse(cls, table: Table) -> Self:
        """See `Step.parse`."""
        step = cls(
            files=keys(table),
            type=table.text("type"),
            exclude=table.texts("exclude", required=False),
            options=table.free("options"),
        )
        try:
            onnx.check_options(step.type, step.options)
        except UsageError as error:
            raise RecipeInvalid(f"{table.where}: {error.message}", error.hint) from None
        return step

    def make(self, work: Work) -> Made:
        """See `Step.make`."""
        output = work.output()
        onnx.quantize(
            work.file,
            output,
            self.type,
            calibration=self._calibration(work),
            exclude=self.exclude,
            options=self.options,
            threads=work.threads,
            watch=work.watch,
        )
        return Made({work.key: output}, excluded=self.exclude)

    @property
    def label(self) -> str:
        """See `Step.label`."""
        return self.type

    @property
    def calibrates(self) -> bool:
        """Whether the ranges of its values are to be measured."""
        return self.type in onnx.CALIBRATED and "ranges" not in self.options

    def memory_bytes(self, given: int) -> int:
        """See `Step.memory_bytes`: the graph twice, the largest weights in float64, and the session that tries it."""
        return 6 * given

    def _calibration(self, work: Work) -> Calibration | None:
        if not self.calibrates:
            return None
        assert work.calibration is not None
        model = work.form.candidate()
        return calibration.record(model, work.key, work.calibration, threads=work.threads, watch=work.watch)


STEP = Quantize
