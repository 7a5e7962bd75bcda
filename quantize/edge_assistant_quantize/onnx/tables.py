"""What an importer needs to make a quantized model from float weights: the file for `quantizations/`.

What is made from it has the same tensors as what was quantized here, see `edge_assistant_models.quantization`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from edge_assistant.storage import atomic
from edge_assistant_models import quantization
from edge_assistant_models.importers import folded, planned
from edge_assistant_quantize.errors import UsageError
from edge_assistant_quantize.onnx import graphs
from edge_assistant_quantize.onnx.quantize import STATIC

_MEASURED = ("ranges", "means")
_SPENT = ("calibrator", "percentile", "bias_correction")  # options that are in what was measured


def write(path: Path, key: str, model: Path, method: str, exclude: Collection[str], options: Mapping[str, Any]) -> None:
    """Write the table of one file; other tables that are in `path` already stay.

    Args:
        path: a .toml file.
        key: of the model's file in its catalog entry.
        model: the float model.
        method: that it is quantized by.
        exclude: nodes that stay as they are.
        options: as `quantize.prepared` gives them.

    Raises:
        UsageError: importers have no such method.
        WeightsRefused: the model is unsound.
        CatalogInvalid: `path` holds something else.
        StorageFull: the disk does not take it.
    """
    import tomlkit

    if method not in quantization.METHODS:
        raise UsageError(f"no importer quantizes by {method}", f"it can be {', '.join(quantization.METHODS)}")
    table = {"method": method, "excluded": sorted(exclude), **_said(model, method, exclude, options)}
    text = path.read_text("utf-8") if path.is_file() else ""
    quantization.parse(text.encode(), path.name)
    document = tomlkit.parse(text)
    document[key] = table
    written = tomlkit.dumps(document).encode()
    quantization.parse(written, path.name)
    with atomic.storing(path.name, "free some space, or name another folder"), atomic.writing(path) as file:
        file.write(written)


def _said(model: Path, method: str, exclude: Collection[str], options: Mapping[str, Any]) -> dict[str, Any]:
    """The tables beside method and nodes: options that are still to be told, and what of the measured is used."""
    told = {name: value for name, value in options.items() if name not in (*_MEASURED, *_SPENT)}
    said: dict[str, Any] = {"options": told} if told else {}
    if method == STATIC:
        plan = planned.plan(folded.folded(graphs.load(model)), exclude)
        said["ranges"] = {name: list(options["ranges"][name]) for name in plan.ranged}
        means = {name: options["means"][name] for name in plan.averaged if name in options.get("means", {})}
        said |= {"means": means} if means else {}
    return said
