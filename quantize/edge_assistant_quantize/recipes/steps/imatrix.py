"""`do = "imatrix"`: importance matrix of a GGUF model over the calibration text, for the steps that quantize it.

chunks   maximum of text chunks
context  tokens of a chunk (512)
"""

from __future__ import annotations

from pathlib import Path

from edge_assistant_quantize.decoding import Positive
from edge_assistant_quantize.errors import RecipeInvalid
from edge_assistant_quantize.gguf import imatrix
from edge_assistant_quantize.recipes.steps.step import Kind, Made, Needs, Options, Work

MATRIX = "imatrix"  # key of the file that is laid aside


class Imatrix(Options, frozen=True, kw_only=True):
    """How much of the text is read."""

    chunks: Positive | None = None
    context: Positive = 512  # llama.cpp's own


def needs(options: Imatrix) -> Needs:
    """One number for each column, of weights with hundreds of rows."""
    return Needs(libraries=("llama-cpp-python",), calibrates=True, written=0.01)


def make(options: Imatrix, work: Work) -> Made:
    """Compute the mean square of each column's inputs.

    Raises:
        RecipeInvalid: there is no GGUF model yet.
    """
    model = work.form.files.get("model")
    if model is None or model.suffix != ".gguf":
        hint = 'put a step before it that makes one: prepare = [{ do = "convert" }, { do = "imatrix" }]'
        raise RecipeInvalid("imatrix finds no GGUF model", hint)
    assert work.calibration is not None
    output = work.folder / "imatrix.gguf"
    imatrix.compute(
        model,
        Path(str(work.calibration["path"])),
        output,
        context=options.context,
        chunks=options.chunks,
        threads=work.threads,
        watch=work.watch,
    )
    return Made(aside={MATRIX: output})


STEP = Kind("imatrix", Imatrix, make, needs)
