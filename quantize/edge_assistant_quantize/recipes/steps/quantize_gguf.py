"""`do = "quantize"` with a type of GGUF, such as "Q4_K_M".

imatrix     whether to use the importance matrix of an earlier step
overrides   types of single tensors by regular expression, such as { "attn_v" = "Q8_0" }
requantize  whether to accept a model that is quantized already, which loses twice
"""

from __future__ import annotations

from msgspec import field

from edge_assistant_quantize.decoding import Line
from edge_assistant_quantize.errors import RecipeInvalid
from edge_assistant_quantize.gguf import kinds, quantize
from edge_assistant_quantize.recipes.steps.imatrix import MATRIX
from edge_assistant_quantize.recipes.steps.step import FileOptions, Kind, Made, Needs, Work

_BYTES = {"F32": 4.0, "BF16": 2.0, "F16": 2.0}  # of a value; other types are smaller than what they are made from
_SMALLEST = 0.5  # bytes of a value in a quantized model, about


class QuantizeGguf(FileOptions, frozen=True, kw_only=True):
    """Another type for a GGUF file."""

    kind: str = field(name="type")
    imatrix: bool = False
    overrides: dict[str, Line] = field(default_factory=dict)
    requantize: bool = False

    def __post_init__(self) -> None:
        FileOptions.__post_init__(self)
        if unknown := set(self.overrides.values()) - set(kinds.TENSORS):
            raise ValueError(f"there is no type {min(unknown)!r} of tensors ({', '.join(kinds.TENSORS)})")


def needs(options: QuantizeGguf) -> Needs:
    """llama.cpp works on one tensor at a time; a quantized model grows if it is widened."""
    growth = _BYTES.get(options.kind, _SMALLEST) / _SMALLEST if options.requantize else 1.0
    return Needs(label=options.kind, libraries=("llama-cpp-python",), aside=options.imatrix, growth=growth, memory=0.25)


def make(options: QuantizeGguf, work: Work) -> Made:
    """Quantize one file.

    Raises:
        RecipeInvalid: it wants an importance matrix, and no earlier step has computed one.
    """
    matrix = work.form.aside.get(MATRIX) if options.imatrix else None
    if options.imatrix and matrix is None:
        hint = 'put a step before it that computes one: prepare = [{ do = "imatrix" }]'
        raise RecipeInvalid(f"{options.kind} wants an importance matrix, and no step has computed one", hint)
    quantize.quantize(
        work.file,
        work.output,
        options.kind,
        imatrix=matrix,
        overrides=options.overrides,
        allow_requantize=options.requantize,
        threads=work.threads,
        watch=work.watch,
    )
    return Made({work.key: work.output})


STEP = Kind("quantize", QuantizeGguf, make, needs, types=tuple(kinds.MODELS))
