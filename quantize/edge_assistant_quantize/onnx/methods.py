"""The methods of quantization of ONNX models, and their options.

| method | result |
| --- | --- |
| `dynamic-int8` | of `onnxruntime.quantization.quantize_dynamic`: a baseline, not a recommendation |
| `static-int8` | 8-bit activations in calibrated ranges and 8-bit weights, as `qdq` writes them |
| `int8-weights`, `int4-weights` | weights in blocks, a scale each: see `rules.weights_only` |
| `fp16` | weights in half precision, computed in float32: half the size at the same speed |
| `rules` | each weight in the form that a rule for its name says: see `rules` |

All but the first, and but `int4-weights` by GPTQ, give the same tensors on every machine, so a model can be quantized
again from its float weights and a small table (`tables`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from edge_assistant_quantize import decoding
from edge_assistant_quantize.errors import UsageError

METHODS = ("dynamic-int8", "static-int8", "int8-weights", "int4-weights", "fp16", "rules")
DYNAMIC, STATIC, INT8, INT4, FP16, RULES = METHODS
NAMED = tuple(method for method in METHODS if method != RULES)  # that need no more than a name, as on command lines
CALIBRATORS = ("mse", "min-max")
GPTQ = "gptq"
MEASURED = ("ranges", "means")  # options of static-int8 that calibration gives

BlockSize = Literal[16, 32, 64, 128, 256]  # inputs that share a scale, as ONNX Runtime's MatMulNBits has them


class WeightRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How weights are stored."""

    weights: str  # a pattern of their names, as `fnmatch` takes it; the first rule that fits counts
    form: Literal["blockwise", "integer", "bytes", "half"]  # see `rules`
    bits: Literal[4, 8] = 4  # of `blockwise`
    block: BlockSize = 32  # of `blockwise`


class _Options(msgspec.Struct, forbid_unknown_fields=True):
    """The options of a method, as those of `fp16` and `dynamic-int8`: none."""


class _Static(_Options):
    calibrator: Literal["mse", "min-max"] = "mse"  # see `ranges`
    weight_bits: Literal[4, 5, 6, 7, 8] = 8
    ranges: dict[str, tuple[float, float]] | None = None
    means: dict[str, list[float]] | None = None


class _Int8(_Options):
    block_size: BlockSize = 32


class _Int4(_Int8):
    algorithm: Literal["rtn", "gptq"] = "rtn"  # rounded to the nearest, or so that products err least, see `blocks`
    moments: dict[str, Any] | None = None  # of what products are given, which calibration gives GPTQ


class _Rules(_Options):
    rules: list[WeightRule]


_BY_METHOD: Mapping[str, type[_Options]] = dict(
    zip(METHODS, (_Options, _Static, _Int8, _Int4, _Options, _Rules), strict=True)
)


def calibrates(method: str, options: Mapping[str, object]) -> bool:
    """Whether a method with these options needs calibration data."""
    return (method == STATIC and "ranges" not in options) or options.get("algorithm") == GPTQ


def check_options(method: str, options: Mapping[str, object]) -> dict[str, Any]:
    """The options of a method, each of its type.

    Raises:
        UsageError: the method or an option is unknown, or has no such value.
    """
    if method not in METHODS:
        raise UsageError(f"no method '{method}' for ONNX models", f"choose one of {', '.join(NAMED)}")
    if method == RULES and not options.get("rules"):
        hint = 'write them into a recipe: steps = [{ do = "quantize", type = "rules", options.rules = [...] }]'
        raise UsageError("'rules' needs a list of rules, which no option of a command line gives", hint)
    try:
        decoding.convert(dict(options), _BY_METHOD[method])
    except ValueError as error:
        known = ", ".join(_BY_METHOD[method].__struct_fields__)
        raise UsageError(f"options of {method}: {error}", f"it has {known or 'none'}") from None
    return dict(options)


def parse_rules(said: object) -> list[WeightRule]:
    """Rules as a list of tables with the names of `WeightRule`.

    Raises:
        ValueError: it is none, or a form, a number of bits or a block is not one that there is.
    """
    return decoding.convert(said, list[WeightRule])
