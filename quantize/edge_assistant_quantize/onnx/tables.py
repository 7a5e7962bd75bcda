"""Tables of quantization: what it takes, besides float weights, to make the same quantized model on any machine.

A TOML file has a table for each file of the model that is quantized, by key:

[model]
method = "static-int8"          # or "int8-weights", "int4-weights", "fp16", "rules"
excluded = ["conv_0"]           # nodes that stay as they are
options = { weight_bits = 7 }   # of the method
[model.ranges]                  # of static-int8: least and greatest of each value, as they were calibrated
image = [-2.1, 2.6]
[model.means]                   # of static-int8, may be left out: of each channel, so that biases make up for rounding
image = [0.1, 0.0, -0.2]
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edge_assistant.storage import atomic
from edge_assistant_models import schema
from edge_assistant_quantize.errors import UsageError
from edge_assistant_quantize.onnx import folding, methods, quantize
from edge_assistant_quantize.onnx.methods import GPTQ, MEASURED, STATIC, check_options

METHODS = methods.METHODS[1:]  # without dynamic-int8, whose result depends on the library's release
_SPENT = ("calibrator", "algorithm", "moments")  # options that no other machine repeats


@dataclass(frozen=True, slots=True)
class QuantizationTable:
    """How one file is quantized."""

    method: str  # one of `METHODS`
    excluded: tuple[str, ...] = ()  # names of nodes that stay as they are
    # Of the method, with the ranges and means of `static-int8`
    options: Mapping[str, Any] = field(default_factory=dict)


def parse(content: bytes, origin: str) -> dict[str, QuantizationTable]:
    """The tables of one file, by key.

    Raises:
        CatalogInvalid: it breaks the schema; the message names file and key.
    """
    whole = schema.TomlTable.parse(content, origin)
    return {key: _parse(whole.table(key)) for key in whole.remaining()}


def _parse(table: schema.TomlTable) -> QuantizationTable:
    method, excluded = table.text("method"), table.texts("excluded", required=False)
    options, measured = table.free("options"), {name: table.free(name) for name in MEASURED}
    table.end()
    if method not in METHODS:
        raise table.invalid(f"unknown method '{method}' (there are {', '.join(METHODS)})")
    if known := options.keys() & {*MEASURED, *_SPENT}:
        raise table.invalid(f"'options' cannot have {min(known)}")
    if bool(measured["ranges"]) != (method == STATIC):
        raise table.invalid(f"'ranges' belong to '{STATIC}', which needs them")
    try:
        checked = check_options(method, options | {name: values for name, values in measured.items() if values})
    except UsageError as error:
        raise table.invalid(error.message) from None
    for name, (least, most) in checked.get("ranges", {}).items():
        if not least <= most:
            raise table.invalid(f"the range of '{name}' must be two numbers, the least first")
    return QuantizationTable(method, excluded, checked)


def apply(table: QuantizationTable, path: Path) -> None:
    """Quantize an ONNX file in its place.

    Raises:
        ModelCorrupt: the model has no such nodes or values, or the method does not fit it.
    """
    import onnx

    model = onnx.load(str(path))
    folding.check_nodes(model, table.excluded)
    made = quantize.rewritten(model, table.method, table.options, table.excluded)
    path.write_bytes(made.SerializeToString(deterministic=True))


def check(method: str, options: Mapping[str, Any]) -> None:
    """Check that there are tables of a method with these options.

    Raises:
        UsageError: its result differs between machines.
    """
    if method not in METHODS or options.get("algorithm") == GPTQ:
        what = f"there are no tables of {options.get('algorithm', method)}, which differs between machines"
        raise UsageError(what, f"it can be {', '.join(METHODS)}")


def write(path: Path, key: str, method: str, exclude: Collection[str], options: Mapping[str, Any]) -> None:
    """Write the table of one file of a model under its key; other tables that are in `path` already stay.

    `options` are those of `quantize.prepared`.

    Raises:
        UsageError: see `check`.
        CatalogInvalid: `path` holds something else.
        StorageFull: the disk does not take it.
    """
    import tomlkit

    check(method, options)
    left = {name: value for name, value in options.items() if name not in (*MEASURED, *_SPENT)}
    tables = {name: {of: list(each) for of, each in options[name].items()} for name in MEASURED if options.get(name)}
    table = {"method": method, "excluded": sorted(exclude), **({"options": left} if left else {}), **tables}
    text = path.read_text("utf-8") if path.is_file() else ""
    parse(text.encode(), path.name)
    document = tomlkit.parse(text)
    document[key] = table
    written = tomlkit.dumps(document).encode()
    parse(written, path.name)
    with atomic.storing(path.name, "free some space, or name another folder"), atomic.writing(path) as file:
        file.write(written)
