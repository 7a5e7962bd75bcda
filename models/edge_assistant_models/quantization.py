"""How what an importer writes is quantized: a small file, applied on the machine that pulls the model.

So a quantized model needs no weights of its own to be shipped: it is made from the official float weights, and pinned
tensor by tensor like all that an importer writes. `quantizations/NAME.toml` has a table for each file of the model that
is quantized, by key:

[model]
method = "static-int8"          # or "int8-weights", "int4-weights", "fp16", "rules"; "importer" where that does it
excluded = ["conv_0"]           # nodes that stay as they are
options = { weight_bits = 7 }   # of the method
[model.ranges]                  # of static-int8: least and greatest of each value, as they were calibrated
image = [-2.1, 2.6]
[model.means]                   # of static-int8, may be left out: of each channel, so that biases make up for rounding
image = [0.1, 0.0, -0.2]
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge_assistant_models import quantizations
from edge_assistant_models.errors import CatalogInvalid
from edge_assistant_models.schema import NAME, Table

if TYPE_CHECKING:
    import onnx

IMPORTER = "importer"
STATIC = "static-int8"
RULES = "rules"
_OPTIONS: Mapping[str, Mapping[str, type]] = {
    STATIC: {"weight_bits": int},
    "int8-weights": {"block_size": int, "symmetric": bool, "accuracy_level": int},
    "int4-weights": {"block_size": int, "symmetric": bool, "accuracy_level": int},
    "fp16": {},
    RULES: {"rules": list},
}


METHODS = (*_OPTIONS, IMPORTER)


@dataclass(frozen=True, slots=True)
class Quantization:
    """How one file is quantized.

    Attributes:
        method: one of `_OPTIONS`, or `IMPORTER`.
        excluded: names of nodes that stay as they are.
        options: of the method, or what the importer is told.
        ranges: of `STATIC`: least and greatest of each value by its name.
        means: of `STATIC`: the mean of each channel of values by their names; may be empty.
    """

    method: str
    excluded: tuple[str, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)
    ranges: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    means: Mapping[str, tuple[float, ...]] = field(default_factory=dict)


def names() -> Iterable[str]:
    """Every file there is, without its suffix."""
    return sorted(path.stem for folder in quantizations.__path__ for path in Path(folder).glob("*.toml"))


def load(name: str) -> dict[str, Quantization]:
    """What a file says, by the key of the model's file.

    Raises:
        CatalogInvalid: there is none, or it breaks the schema.
    """
    for folder in quantizations.__path__:
        path = Path(folder) / f"{name}.toml"
        if NAME.fullmatch(name) and path.is_file():
            return parse(path.read_bytes(), f"quantizations/{path.name}")
    raise CatalogInvalid(f"there is no quantization '{name}'", f"there are {', '.join(names()) or 'none'}")


def parse(content: bytes, origin: str) -> dict[str, Quantization]:
    """Read one file.

    Raises:
        CatalogInvalid: it breaks the schema; the message names file and key.
    """
    whole = Table.parse(content, origin)
    return {key: _parse(whole.table(key)) for key in whole.remaining()}


def _parse(table: Table) -> Quantization:
    found = Quantization(
        table.text("method"),
        table.texts("excluded", required=False),
        table.free("options"),
        {name: _range(table, name, value) for name, value in table.free("ranges").items()},
        {name: _numbers(table, name, value) for name, value in table.free("means").items()},
    )
    table.end()
    if found.method == IMPORTER:
        if found.excluded or found.ranges or found.means:
            raise table.invalid("an importer takes 'options' only")
        return found
    if found.method not in _OPTIONS:
        raise table.invalid(f"unknown method '{found.method}' (there are {', '.join(METHODS)})")
    if bool(found.ranges) != (found.method == STATIC):
        raise table.invalid(f"'ranges' belong to '{STATIC}', which needs them")
    if found.means and found.method != STATIC:
        raise table.invalid(f"'means' belong to '{STATIC}'")
    known = _OPTIONS[found.method]
    for key, value in found.options.items():
        if key not in known or type(value) is not known[key]:
            raise table.invalid(f"'options' of {found.method} cannot have {key} = {value!r}")
    if found.method == RULES:
        _check_rules(table, found.options.get("rules"))
    return found


def _check_rules(table: Table, said: object) -> None:
    from edge_assistant_models.importers import compact

    try:
        compact.parse(said)
    except ValueError as error:
        raise table.invalid(str(error)) from None


def _numbers(table: Table, name: str, value: object) -> tuple[float, ...]:
    if not isinstance(value, list) or not all(type(number) in {int, float} for number in value):
        raise table.invalid(f"what belongs to '{name}' must be a list of numbers")
    return tuple(float(number) for number in value)


def _range(table: Table, name: str, value: object) -> tuple[float, float]:
    ends = _numbers(table, name, value)
    if len(ends) == 2 and ends[0] <= ends[1]:
        return ends[0], ends[1]
    raise table.invalid(f"the range of '{name}' must be two numbers, the least first")


def apply(quantization: Quantization, path: Path) -> None:
    """Quantize a file that an importer wrote, in its place.

    Raises:
        ModelCorrupt: the model has no such nodes or values, or the method no such options.
    """
    import onnx

    model = _WRITERS[quantization.method](onnx.load(str(path)), quantization)
    path.write_bytes(model.SerializeToString(deterministic=True))


def _static(model: onnx.ModelProto, said: Quantization) -> onnx.ModelProto:
    from edge_assistant_models.importers import qdq

    return qdq.static_int8(model, said.ranges, said.excluded, means=said.means, **said.options)


def _weights(bits: int) -> Callable[[onnx.ModelProto, Quantization], onnx.ModelProto]:
    def write(model: onnx.ModelProto, said: Quantization) -> onnx.ModelProto:
        from edge_assistant_models.importers import narrowed

        return narrowed.weights_only(model, bits, said.excluded, **said.options)

    return write


def _half(model: onnx.ModelProto, said: Quantization) -> onnx.ModelProto:
    from edge_assistant_models.importers import narrowed

    return narrowed.half(model, said.excluded)


def _rules(model: onnx.ModelProto, said: Quantization) -> onnx.ModelProto:
    from edge_assistant_models.importers import compact

    return compact.compact(model, compact.parse(said.options["rules"]))


_WRITERS: Mapping[str, Callable[[onnx.ModelProto, Quantization], onnx.ModelProto]] = {
    STATIC: _static,
    "int8-weights": _weights(8),
    "int4-weights": _weights(4),
    "fp16": _half,
    RULES: _rules,
}
