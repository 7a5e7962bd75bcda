"""How the outputs of importers are quantized: one TOML file each, see `edge_assistant_quantize.onnx.tables`."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from edge_assistant_models.errors import CatalogInvalid
from edge_assistant_models.schema import printable
from edge_assistant_quantize.onnx import tables
from edge_assistant_quantize.onnx.methods import Method


def names() -> Iterable[str]:
    """Every file there is, without its suffix."""
    return sorted(path.stem for folder in __path__ for path in Path(folder).glob("*.toml"))


def load(name: str) -> dict[str, Method]:
    """The tables of a file, by the key of what they quantize.

    Raises:
        CatalogInvalid: there is none, or it breaks the schema.
    """
    if name not in names():
        raise CatalogInvalid(f"there is no quantization '{printable(name)}'", f"there are {', '.join(names())}")
    path = next(path for folder in __path__ if (path := Path(folder) / f"{name}.toml").is_file())
    return tables.parse(path.read_bytes(), f"quantizations/{path.name}")


def apply(name: str | None, output: Path) -> None:
    """Quantize the ONNX files that an importer wrote into a folder by the quantization of this name; None leaves them.

    The key of a table is the name of its file without `.onnx`.

    Raises:
        CatalogInvalid: see `load`; or there is a table for a file that was not written.
        ModelCorrupt: a table is not for such a model.
    """
    for key, table in load(name).items() if name is not None else ():
        path = output / f"{key}.onnx"
        if not path.is_file():
            raise CatalogInvalid(
                f"quantization '{name}' is for {path.name}, which is not written", "correct its tables"
            )
        tables.apply(table, path)
