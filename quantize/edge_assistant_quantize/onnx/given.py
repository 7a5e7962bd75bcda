"""What verbs over ONNX files are given on the command line: the model that a file belongs to, and calibration data."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from edge_assistant_quantize import arguments
from edge_assistant_quantize import candidate as candidates
from edge_assistant_quantize.candidate import Candidate
from edge_assistant_quantize.errors import InputMissing, UsageError
from edge_assistant_quantize.progress import Watch

if TYPE_CHECKING:
    from edge_assistant_quantize.onnx.calibration import Calibration


def add_calibration(group: arguments.Group, name: str = "--calibration") -> None:
    """The options that say what a model is run over."""
    what = "recordings, photographs, or a file of texts"
    group.add_argument(name, dest="calibration", type=Path, metavar="DIR|F", help=what)
    group.add_argument("--role", metavar="ROLE", help="what the model does: detector, embedder, speech, ...")
    group.add_argument(
        "--of", metavar="MODEL", help="the model that this file is of, with its other files and its options"
    )
    group.add_argument("--key", metavar="KEY", help="which of its files this is (default: model)")
    group.add_argument("--limit", type=arguments.count, metavar="N", help="recordings, photos or texts to take at most")


def calibrated(args: argparse.Namespace, model: Path, watch: Watch) -> Calibration | None:
    """What the product gives the model over the data of the command line; None where it names none.

    Raises:
        UsageError: nothing says what the model does.
        InputMissing, CalibrationInvalid: the data is not there, or of another kind.
    """
    if args.calibration is None:
        return None
    from edge_assistant_quantize.onnx import calibration

    found, key = belonging(model, args.role, args.of, args.key)
    data: Mapping[str, object] = {"path": str(args.calibration)} | ({"limit": args.limit} if args.limit else {})
    return calibration.record(found, key, data, threads=arguments.threads(args), watch=watch)


def belonging(model: Path, role: str | None, of: str | None, key: str | None) -> tuple[Candidate, str]:
    """The model that a file is of, and the file's key in it.

    Raises:
        UsageError: nothing says what the file does, or the model has no such key.
        InputMissing, CatalogInvalid, ModelError: there is no such model.
    """
    if not model.is_file():
        raise InputMissing(f"there is no {model.name}", "name an .onnx file that is there")
    if of is not None:
        whole = candidates.find(of, role)
        key = key or "model"
        if key not in whole.files:
            raise UsageError(f"{whole.name} has no file '{key}'", f"name one of {', '.join(whole.files)} by --key")
        return replace(whole, files={**whole.files, key: str(model.resolve())}), key
    if (model.parent / candidates.FILE).is_file():
        whole = candidates.read(model.parent)
        named = [key for key, path in whole.paths.items() if path.name == model.name]
        if named:
            return whole, named[0]
    return candidates.find(str(model), role), "model"
