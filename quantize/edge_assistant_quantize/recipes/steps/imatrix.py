"""`do = "imatrix"`: the importance matrix of a GGUF model over the calibration text, for the steps that quantize it.

chunks       the most chunks of text that are taken
context      tokens of a chunk (512)
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from edge_assistant_models.schema import Table
from edge_assistant_quantize.errors import RecipeInvalid
from edge_assistant_quantize.gguf import imatrix
from edge_assistant_quantize.recipes.steps.step import Made, Step, Work

MATRIX = "imatrix"  # what it is called among what is laid aside
_FILE = "model"
_CONTEXT = 512  # llama.cpp's own


@dataclass(frozen=True, slots=True, kw_only=True)
class Imatrix(Step):
    """How large the inputs of each weight's columns are."""

    NAME: ClassVar[str] = "imatrix"
    WHOLE: ClassVar[bool] = True

    chunks: int | None = None
    context: int = _CONTEXT

    @classmethod
    def parse(cls, table: Table) -> Step:
        """See `Step.parse`."""
        return cls(chunks=table.optional_positive("chunks"), context=table.optional_positive("context") or _CONTEXT)

    def make(self, work: Work) -> Made:
        """See `Step.make`.

        Raises:
            RecipeInvalid: there is no GGUF model yet.
        """
        model = work.form.files.get(_FILE)
        if model is None or model.suffix != ".gguf":
            hint = 'put a step before it that makes one: prepare = [{ do = "convert" }, { do = "imatrix" }]'
            raise RecipeInvalid("imatrix finds no GGUF model", hint)
        assert work.calibration is not None
        output = work.folder / "imatrix.gguf"
        imatrix.compute(
            model,
            Path(str(work.calibration["path"])),
            output,
            context=self.context,
            chunks=self.chunks,
            threads=work.threads,
            watch=work.watch,
        )
        return Made(aside={MATRIX: output})

    @property
    def libraries(self) -> tuple[str, ...]:
        """See `Step.libraries`."""
        return ("llama-cpp-python",)

    @property
    def calibrates(self) -> bool:
        """See `Step.calibrates`."""
        return True

    def written_bytes(self, given: int) -> int:
        """See `Step.written_bytes`: a number for each column, of weights with hundreds of rows."""
        return given // 100 + (1 << 20)


STEP = Imatrix
