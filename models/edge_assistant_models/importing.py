"""Running an importer, and checking what it wrote against the catalog's pins."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Mapping
from pathlib import Path

from edge_assistant_models import quantization
from edge_assistant_models.entries import Entry
from edge_assistant_models.errors import CatalogInvalid, ModelCorrupt
from edge_assistant_models.spec import FileSpec
from edge_assistant_models.stamps import Stamps
from edge_assistant_models.tensors import tensor_digest
from edge_assistant_models.transfer import storing

_REPORT = "report it with the versions of this program, onnx and numpy"


def convert(entry: Entry, inputs: Mapping[str, Path], output: Path) -> None:
    """Let the entry's importer write into a folder, and quantize what it wrote where the entry names a quantization.

    What it writes besides the entry's files is removed. An importer that quantizes by itself is given the options for
    each file, by key, as its third argument.

    Raises:
        CatalogInvalid: the quantization breaks its schema, or is for files that the entry has not.
        ModelCorrupt: the input is damaged, or the importer does not write what the catalog pins.
        StorageFull: the disk is full.
    """
    if entry.importer is None:
        raise ValueError(f"{entry.name} has no importer")
    module = importlib.import_module(f"edge_assistant_models.importers.{entry.importer.name}")
    said = _quantization(entry, entry.importer.quantization)
    own = {key: each.options for key, each in said.items() if each.method == quantization.IMPORTER}
    if own and len(inspect.signature(module.convert).parameters) < 3:
        hint = "name one of the methods that are applied to what it writes"
        raise CatalogInvalid(f"the importer {entry.importer.name} quantizes nothing by itself", hint)
    with storing(entry.name):
        module.convert(inputs, output, *([own] if own else []))
        for file in entry.files:
            if file.key in said and file.key not in own:
                quantization.apply(said[file.key], output / file.path)
    wanted = {file.path: file for file in entry.files}
    for path in output.iterdir():
        if path.name not in wanted:
            path.unlink()
    for name, file in wanted.items():
        _compare(entry, file, output / name)


def _quantization(entry: Entry, name: str | None) -> dict[str, quantization.Quantization]:
    """How each file is quantized, by key."""
    said = quantization.load(name) if name is not None else {}
    unknown = set(said) - {file.key for file in entry.files}
    if unknown:
        raise CatalogInvalid(f"quantization '{name}': {entry.name} has no file '{min(unknown)}'", "correct its tables")
    return said


def _compare(entry: Entry, file: FileSpec, path: Path) -> None:
    """See at once whether the importer still does what the catalog was written with."""
    if not path.is_file():
        raise ModelCorrupt(f"the importer of {entry.name} wrote no {file.path}", _REPORT)
    if file.tensors_sha256 and (found := tensor_digest(path)) != file.tensors_sha256:
        raise ModelCorrupt(
            f"the importer of {entry.name} wrote {file.path} with the tensors {found}, not {file.tensors_sha256}",
            _REPORT,
        )


def check(spec: FileSpec, path: Path, stamps: Stamps) -> str:
    """Compare a file with its pin, and look whether its headers are sound before a library reads it.

    Returns:
        The sum of its bytes.

    Raises:
        ModelCorrupt: it is not what the catalog pins, or contradicts itself.
    """
    if not path.is_file() or path.is_symlink():
        raise ModelCorrupt(f"{spec.path} is missing", "pull the model again")
    digest = stamps.read(path)
    stamps.sound(path)
    if spec.sha256 and digest != spec.sha256:
        raise ModelCorrupt(f"{spec.path} has the sum {digest[:12]}, not {spec.sha256[:12]}", "pull the model again")
    if spec.tensors_sha256 and (found := tensor_digest(path)) != spec.tensors_sha256:
        raise ModelCorrupt(
            f"{spec.path} has the tensors {found[:12]}, not {spec.tensors_sha256[:12]}", "pull the model again"
        )
    return digest
