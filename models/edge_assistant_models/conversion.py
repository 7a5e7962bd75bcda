"""Conversion of what was fetched, by an importer that another package brings as an entry point."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Protocol

from edge_assistant_models.entries import Entry
from edge_assistant_models.errors import CatalogInvalid, ImporterMissing, not_loaded

GROUP = "edge_assistant.importers"  # of entry points: a module by the importer's name

Convert = Callable[[Mapping[str, Path], Path], None]


class Importer(Protocol):
    """A module that turns files of another format into ONNX.

    Attributes:
        INPUTS: keys of the files that it reads.
    """

    INPUTS: tuple[str, ...]

    def convert(self, inputs: Mapping[str, Path], output: Path, quantization: str | None = None) -> None:
        """Write ONNX files and what belongs to them; the same input gives the same bytes.

        Args:
            inputs: files by the keys in `INPUTS`.
            output: an existing folder.
            quantization: name of the quantization of what it writes; None for none.

        Raises:
            ModelCorrupt: the input is damaged, or of another model.
            CatalogInvalid: there is no such quantization, or it is for another model.
        """


def names() -> tuple[str, ...]:
    """The importers that are installed."""
    from importlib.metadata import entry_points

    return tuple(sorted(entry_points(group=GROUP).names))


def importer(name: str) -> Importer:
    """An importer by name.

    Raises:
        ImporterMissing: it is not installed, or cannot be loaded.
    """
    from importlib.metadata import entry_points

    points = tuple(entry_points(group=GROUP, name=name))
    if not points:
        hint = "install edge-assistant-offline again, or the plugin that brings it"
        raise ImporterMissing(f"the importer '{name}' is not installed", hint)
    try:
        found: Importer = points[0].load()
        _ = found.INPUTS, found.convert
    except Exception as error:
        raise ImporterMissing(*not_loaded(points[0], error)) from error
    return found


def find(entry: Entry) -> Convert | None:
    """What converts a model's files, given its inputs by key and a folder; None if they need no conversion.

    Raises:
        ImporterMissing: see `importer`.
        CatalogInvalid: the importer reads other files than the entry names.
    """
    if entry.importer is None:
        return None
    found = importer(entry.importer.name)
    lacking = set(found.INPUTS) - {file.key for file in entry.importer.inputs}
    if lacking:
        what = f"{entry.origin}: the importer '{entry.importer.name}' needs the input '{min(lacking)}'"
        raise CatalogInvalid(what, "correct the file or remove it")
    return partial(found.convert, quantization=entry.importer.quantization)
