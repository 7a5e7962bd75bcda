"""A GGUF model in several types, each measured against it: a recipe whose variants differ in their type alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from edge_assistant_quantize import candidate
from edge_assistant_quantize.gguf import kinds, text
from edge_assistant_quantize.gguf.perplexity import CONTEXT
from edge_assistant_quantize.recipes import loading, recipe
from edge_assistant_quantize.recipes.recipe import Recipe

METRIC = "divergence"


def of_types(
    model: Path,
    types: Sequence[str],
    measured_on: Path,
    *,
    matrix: Path | None = None,
    calibration: Path | None = None,
    reference: Path | None = None,
    context: int = CONTEXT,
    chunks: int | None = None,
    overrides: Mapping[str, str] = {},
    requantize: bool = False,
) -> Recipe:
    """The recipe that makes and measures each type.

    Args:
        model: a GGUF file, best in F16.
        types: of `kinds.MODELS`, in the order in which they are made.
        measured_on: a text.
        matrix: an importance matrix that is there.
        calibration: a text that one is computed over; not together with `matrix`.
        reference: a GGUF file that forms are compared with; None for the model itself.
        context: tokens of a chunk of a text.
        chunks: the most to take; None for all.
        overrides: type by expression, see `gguf.quantize.quantize`; 16-bit and 32-bit types take none.
        requantize: also from a quantized model.

    Raises:
        UsageError: a type is unknown, or a chunk is too short.
        RecipeInvalid: a type is named twice, or none is.
    """
    for kind in types:
        kinds.of_model(kind)
    text.check_context(context)
    measured = {"path": measured_on, "context": context, "chunks": chunks}
    values = {
        "name": f"sweep-{candidate.model_name(model.stem)}",
        "role": "language",
        "source": _table(path=model, imatrix=matrix),
        "data": {"text": _table(**measured)},
        "metrics": [{"metric": METRIC, "data": "text"}],
        "variants": [
            {"name": kind.lower(), "steps": [_step(kind, matrix or calibration, overrides, requantize)]}
            for kind in types
        ],
    }
    if reference is not None:
        values["reference"] = _table(path=reference)
    if calibration is not None:
        values["calibration"] = _table(path=calibration)
        values["prepare"] = [_table(do="imatrix", context=context)]
    return recipe.parse(values, "the sweep", loading.text_of(values, Path.cwd()))


def _step(kind: str, matrix: Path | None, overrides: Mapping[str, str], requantize: bool) -> dict[str, Any]:
    given = {} if kind in kinds.FLOATS else dict(overrides)
    return {"do": "quantize", "type": kind, "imatrix": bool(matrix), "overrides": given, "requantize": requantize}


def _table(**values: object) -> dict[str, Any]:
    """Values as TOML has them, with absolute paths and without what is None."""
    given = {key: str(value.absolute()) if isinstance(value, Path) else value for key, value in values.items()}
    return {key: value for key, value in given.items() if value is not None}
