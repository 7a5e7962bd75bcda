"""`do = "export"`: Hugging Face weights to ONNX, through optimum; Whisper in the layout that the product runs.

task   by optimum's name; default: what the architecture was made for
opset  of ONNX; default: optimum's choice

An ONNX source is left as it is, so that a recipe serves for both.
"""

from __future__ import annotations

from edge_assistant_quantize import candidate
from edge_assistant_quantize.decoding import Line, Positive
from edge_assistant_quantize.export import export
from edge_assistant_quantize.recipes.steps.step import Kind, Made, Needs, Options, Work


class Export(Options, frozen=True, kw_only=True):
    """Options of the export."""

    task: Line = ""
    opset: Positive | None = None


def needs(options: Export) -> Needs:
    """Two bytes of a weight become four, and a decoder is written twice; torch and transformers take a gigabyte."""
    libraries = ("numpy", "onnx", "optimum", "optimum-onnx", "torch", "transformers")
    return Needs(libraries=libraries, growth=4, memory=0, fixed_memory=1 << 30)


def make(options: Export, work: Work) -> Made:
    """ONNX files by the keys that the product's senses know, with options if the export knows them."""
    if work.form.weights is None:
        return Made()
    folder = work.folder / "exported"
    made = export.export(
        work.form.weights,
        folder,
        task=options.task or None,
        opset=options.opset,
        threads=work.threads,
        watch=work.watch,
    )
    if not (folder / candidate.FILE).is_file():
        return Made(dict(made.files))
    found = candidate.read(folder)
    return Made({**made.files, **found.paths}, options=found.options)


STEP = Kind("export", Export, make, needs)
