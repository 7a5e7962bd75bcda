"""The methods of quantization of ONNX models, with their options; an importer's table of one file is one of them, too.

| method | result |
| --- | --- |
| `dynamic-int8` | of `onnxruntime.quantization.quantize_dynamic`: a baseline, not a recommendation |
| `static-int8` | 8-bit activations in calibrated ranges and 8-bit weights, as `qdq` writes them |
| `int8-weights`, `int4-weights` | weights in blocks, a scale each: see `rules.in_blocks` |
| `fp16` | weights in half precision, computed in float32: half the size at the same speed |
| `rules` | each weight in the form that a rule for its name says: see `rules` |

All but the first, and but `int4-weights` by GPTQ, give the same tensors on every machine, so a model can be quantized
again from its float weights and a small table (`tables`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import msgspec

from edge_assistant_quantize import decoding
from edge_assistant_quantize.errors import UsageError

METHODS = ("dynamic-int8", "static-int8", "int8-weights", "int4-weights", "fp16", "rules")
NAMED = METHODS[:-1]  # that need no more than a name, as on command lines

BlockSize = Literal[16, 32, 64, 128, 256]  # inputs that share a scale, as ONNX Runtime's MatMulNBits has them


class WeightRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How weights are stored."""

    weights: str  # a pattern of their names, as `fnmatch` takes it; the first rule that fits counts
    form: Literal["blockwise", "integer", "bytes", "half"]  # see `rules`
    bits: Literal[4, 8] = 4  # of `blockwise`
    block: BlockSize = 32  # of `blockwise`


class Method(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="method", omit_defaults=True):
    """A method: its options, and the nodes that stay as they are; one without a name has that of its first output."""

    excluded: tuple[str, ...] = ()

    @property
    def calibrates(self) -> bool:
        """Whether something has to be measured over calibration data before it can be done."""
        return False


class DynamicInt8(Method, frozen=True, tag="dynamic-int8"):
    """See `METHODS`."""


class StaticInt8(Method, frozen=True, tag="static-int8"):
    """See `METHODS`. What is measured are ranges, least and greatest of each value, and means of each channel."""

    calibrator: Literal["mse", "min-max"] = "mse"  # see `ranges`
    ranges: dict[str, tuple[float, float]] | None = None
    means: dict[str, list[float]] = {}  # so that biases make up for rounded weights

    def __post_init__(self) -> None:
        for name, (least, most) in (self.ranges or {}).items():
            if not least <= most:
                raise ValueError(f"the range of '{name}' must be two numbers, the least first")

    @property
    def calibrates(self) -> bool:
        """See `Method`."""
        return self.ranges is None


class Int8Weights(Method, frozen=True, tag="int8-weights"):
    """See `METHODS`."""

    block_size: BlockSize = 32


class Int4Weights(Int8Weights, frozen=True, tag="int4-weights"):
    """See `METHODS`. What is measured for GPTQ are moments of what products are given."""

    algorithm: Literal["rtn", "gptq"] = "rtn"  # rounded to the nearest, or so that products err least, see `blocks`
    moments: dict[str, Any] | None = None

    @property
    def calibrates(self) -> bool:
        """See `Method`."""
        return self.algorithm == "gptq" and self.moments is None


class Fp16(Method, frozen=True, tag="fp16"):
    """See `METHODS`."""


class Rules(Method, frozen=True, tag="rules"):
    """See `METHODS`. Rules name weights, and nodes are not excluded."""

    rules: list[WeightRule] = []

    def __post_init__(self) -> None:
        if not self.rules or self.excluded:
            raise ValueError(
                "it takes a list of rules, and no nodes: a rule for what is to stay goes before the others"
            )


AnyMethod = DynamicInt8 | StaticInt8 | Int8Weights | Int4Weights | Fp16 | Rules


def parse(name: str, options: Mapping[str, object], excluded: Sequence[str] = ()) -> Method:
    """A method with its options.

    Raises:
        UsageError: the method or an option is unknown, or has no such value.
    """
    if name not in METHODS:
        raise UsageError(f"no method '{name}' for ONNX models", f"choose one of {', '.join(NAMED)}")
    if name == "rules" and not options.get("rules"):
        hint = 'write them into a recipe: steps = [{ do = "quantize", type = "rules", options.rules = [...] }]'
        raise UsageError("'rules' needs a list of rules, which no option of a command line gives", hint)
    try:
        if own := options.keys() & {"method", "excluded"}:
            raise ValueError(f"unknown key `{min(own)}`")
        return decoding.convert({**options, "method": name, "excluded": list(excluded)}, AnyMethod)  # type: ignore[arg-type]
    except ValueError as error:
        raise UsageError(f"options of {name}: {error}", "see 'edge-quantize quantize --help'") from None
