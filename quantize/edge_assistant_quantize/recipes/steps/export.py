"""`do = "export"`: weights of Hugging Face to ONNX, through optimum; Whisper in the layout that the product runs.

task         by optimum's name; without one, what the architecture was made for
opset        of ONNX; without one, optimum's choice

A source that is ONNX already is left as it is, so that a recipe serves for both.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from edge_assistant_models.schema import Table
from edge_assistant_quantize import candidate
from edge_assistant_quantize.export import export
from edge_assistant_quantize.recipes.steps.step import Made, Step, Work


@dataclass(frozen=True, slots=True, kw_only=True)
class Export(Step):
    """Weights to ONNX files, by the keys that the product's senses know."""

    NAME: ClassVar[str] = "export"
    WHOLE: ClassVar[bool] = True

    task: str = ""
    opset: int | None = None

    @classmethod
    def parse(cls, table: Table) -> Step:
        """See `Step.parse`."""
        return cls(task=table.optional_text("task") or "", opset=table.optional_positive("opset"))

    def make(self, work: Work) -> Made:
        """See `Step.make`."""
        if work.form.weights is None:
            return Made()
        folder = work.folder / "exported"
        made = export.export(
            work.form.weights,
            folder,
            task=self.task or None,
            opset=self.opset,
            threads=work.threads,
            watch=work.watch,
        )
        return _made(folder, dict(made.files))

    @property
    def libraries(self) -> tuple[str, ...]:
        """See `Step.libraries`."""
        return ("numpy", "onnx", "optimum", "optimum-onnx", "torch", "transformers")

    def output_bytes(self, given: int) -> int:
        """See `Step.output_bytes`: weights of two bytes each become four; a decoder is written more than once."""
        return 4 * given

    def memory_bytes(self, given: int) -> int:
        """See `Step.memory_bytes`: the export itself looks at the weights; torch and transformers take so much."""
        return 1 << 30


def _made(folder: Path, files: dict[str, Path]) -> Made:
    """The files, with the options that the export gave them where it knows who runs them."""
    if not (folder / candidate.FILE).is_file():
        return Made(files)
    found = candidate.read(folder)
    return Made({**files, **found.paths}, options=found.options)


STEP = Export
