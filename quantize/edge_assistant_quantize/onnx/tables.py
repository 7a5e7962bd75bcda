"""Tables of quantization: what it takes, besides float weights, to make the same quantized model on any machine.

A TOML file has a table for each file of the model that is quantized, by key. It holds a method of `methods`, the nodes
that stay as they are, and the options of the method, with what was calibrated:

[model]
method = "static-int8"          # or "int8-weights", "int4-weights", "fp16", "rules"
excluded = ["conv_0"]
[model.ranges]                  # of static-int8: least and greatest of each value, as they were calibrated
image = [-2.1, 2.6]
[model.means]                   # of static-int8, may be left out: of each channel, so that biases make up for rounding
image = [0.1, 0.0, -0.2]
"""

from __future__ import annotations

from pathlib import Path

import msgspec

from edge_assistant.storage import atomic
from edge_assistant_models import toml
from edge_assistant_models.errors import CatalogInvalid
from edge_assistant_models.schema import MAX_TOML_BYTES
from edge_assistant_quantize import decoding
from edge_assistant_quantize.errors import ModelCorrupt, QuantizationFailed, UsageError, WeightsRefused
from edge_assistant_quantize.onnx.methods import AnyMethod, DynamicInt8, Int4Weights, Method
from edge_assistant_quantize.onnx.quantize import rewritten


def parse(content: bytes, origin: str) -> dict[str, Method]:
    """The tables of one file, by key.

    Raises:
        CatalogInvalid: it breaks the schema; the message names file and key.
    """
    try:
        if len(content) > MAX_TOML_BYTES:
            raise ValueError(f"larger than {MAX_TOML_BYTES} bytes")
        found = decoding.convert(toml.parse(content), dict[str, AnyMethod])
        for key, method in found.items():
            check(method)
            if method.calibrates:
                raise ValueError(f"{key}: static-int8 needs its ranges here")
    except (ValueError, UsageError) as error:
        raise CatalogInvalid(f"{origin}: {error}", "correct the file or remove it") from None
    return dict(found)


def apply(method: Method, path: Path) -> None:
    """Quantize an ONNX file in its place.

    Raises:
        ModelCorrupt: the model has no such nodes or values, or the method does not fit it.
    """
    import onnx

    try:
        made = rewritten(onnx.load(str(path)), method)
    except (UsageError, QuantizationFailed, WeightsRefused) as error:
        raise ModelCorrupt(error.message, error.hint) from None
    path.write_bytes(made.SerializeToString(deterministic=True))


def check(method: Method) -> None:
    """Check that there are tables of a method.

    Raises:
        UsageError: its result differs between machines.
    """
    gptq = isinstance(method, Int4Weights) and (method.algorithm == "gptq" or method.moments is not None)
    if gptq or isinstance(method, DynamicInt8):
        named = "gptq" if gptq else "dynamic-int8"
        raise UsageError(f"there are no tables of {named}, which differs between machines", "take another method")


def write(path: Path, key: str, method: Method) -> None:
    """Write the table of one file of a model under its key; other tables that are in `path` already stay.

    Raises:
        UsageError: see `check`.
        CatalogInvalid: `path` holds something else.
        StorageFull: the disk does not take it.
    """
    import tomlkit

    check(method)
    text = path.read_text("utf-8") if path.is_file() else ""
    parse(text.encode(), path.name)
    document = tomlkit.parse(text)
    document[key] = msgspec.to_builtins(method)
    with atomic.storing(path.name, "free some space, or name another folder"), atomic.writing(path) as file:
        file.write(tomlkit.dumps(document).encode())
