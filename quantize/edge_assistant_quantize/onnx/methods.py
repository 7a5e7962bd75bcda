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

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from edge_assistant_quantize.errors import UsageError

METHODS = ("dynamic-int8", "static-int8", "int8-weights", "int4-weights", "fp16", "rules")
DYNAMIC, STATIC, INT8, INT4, FP16, RULES = METHODS
NAMED = tuple(method for method in METHODS if method != RULES)  # that need no more than a name, as on command lines
BLOCK_SIZES = (16, 32, 64, 128, 256)  # inputs that share a scale, as ONNX Runtime's MatMulNBits has them
CALIBRATORS = ("mse", "min-max")  # see `ranges`
ALGORITHMS = ("rtn", "gptq")  # of int4-weights: rounded to the nearest, or so that products err least, see `blocks`
GPTQ = ALGORITHMS[1]
FORMS = ("blockwise", "integer", "bytes", "half")  # of rules, see `rules`
MEASURED = ("ranges", "means")  # options of static-int8 that calibration gives

_BLOCKS = {"block_size": int, "accuracy_level": int}
_MEASURED = {"bias_correction": bool, "ranges": dict, "means": dict}
_OPTIONS: Mapping[str, Mapping[str, type]] = {
    DYNAMIC: {"per_channel": bool},
    STATIC: {"calibrator": str, "weight_bits": int, **_MEASURED},
    INT8: _BLOCKS,
    INT4: {**_BLOCKS, "algorithm": str},
    FP16: {},
    RULES: {"rules": list},
}
_CHOICES: Mapping[str, Collection[object]] = {
    "block_size": BLOCK_SIZES,
    "accuracy_level": (0, 1, 4),
    "algorithm": ALGORITHMS,
    "calibrator": CALIBRATORS,
    "weight_bits": (4, 5, 6, 7, 8),
}


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
    known = _OPTIONS[method]
    for key, value in options.items():
        if key not in known:
            hint = f"it has {', '.join(known)}" if known else "it has none"
            raise UsageError(f"{method} has no option '{key}'", hint)
        if not isinstance(value, known[key]) or (isinstance(value, bool) and known[key] is not bool):
            raise UsageError(f"'{key}' of {method} is no {known[key].__name__}", "correct its value")
        if key in _CHOICES and value not in _CHOICES[key]:
            choices = ", ".join(str(choice) for choice in _CHOICES[key])
            raise UsageError(f"'{key}' of {method} cannot be {value}", f"choose one of {choices}")
    if method == RULES:
        if "rules" not in options:
            hint = 'write them into a recipe: steps = [{ do = "quantize", type = "rules", options.rules = [...] }]'
            raise UsageError("'rules' needs a list of rules, which no option of a command line gives", hint)
        try:
            parse_rules(options["rules"])
        except ValueError as error:
            raise UsageError(str(error), f"correct the rules; forms are {', '.join(FORMS)}") from None
    return dict(options)


@dataclass(frozen=True, slots=True)
class WeightRule:
    """How weights are stored."""

    weights: str  # a pattern of their names, as `fnmatch` takes it; the first rule that fits counts
    form: str  # one of `FORMS`
    bits: int = 4  # of `blockwise`: 4 or 8
    block: int = 32  # inputs that share a scale; of `blockwise`


def parse_rules(said: object) -> tuple[WeightRule, ...]:
    """Rules as a list of tables with the names of `WeightRule`.

    Raises:
        ValueError: it is none, or a form, a number of bits or a block is not one that there is.
    """
    if not isinstance(said, list) or not said or not all(isinstance(each, dict) for each in said):
        raise ValueError("'rules' must be a list of tables")
    return tuple(_parse_rule(each) for each in said)


def _parse_rule(said: Mapping[str, object]) -> WeightRule:
    if not {"weights", "form"} <= set(said) <= {"weights", "form", "bits", "block"}:
        raise ValueError("a rule has 'weights' and 'form', and may have 'bits' and 'block'")
    bits, block = said.get("bits", 4), said.get("block", 32)
    if not isinstance(bits, int) or not isinstance(block, int):
        raise ValueError("'bits' and 'block' of a rule are whole numbers")
    rule = WeightRule(str(said["weights"]), str(said["form"]), bits, block)
    if rule.form not in FORMS:
        raise ValueError(f"there is no form '{rule.form}' (there are {', '.join(FORMS)})")
    if rule.bits not in (4, 8) or rule.block not in BLOCK_SIZES:
        raise ValueError(f"there are 4 and 8 bits in blocks of {', '.join(map(str, BLOCK_SIZES))}")
    return rule
