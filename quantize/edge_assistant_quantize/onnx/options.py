"""The options of all verbs over ONNX files."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from edge_assistant_quantize import arguments
from edge_assistant_quantize import candidate as candidates
from edge_assistant_quantize.arguments import Configure, option
from edge_assistant_quantize.candidate import Candidate
from edge_assistant_quantize.errors import InputMissing, UsageError
from edge_assistant_quantize.onnx import graphs
from edge_assistant_quantize.onnx.methods import NAMED, Method, parse
from edge_assistant_quantize.progress import Watch

if TYPE_CHECKING:
    from edge_assistant_quantize.onnx.calibration import Calibration

TYPES = ", ".join(NAMED)
EXAMPLES = """  edge-quantize quantize model.onnx --type static-int8 --calibration photos --of nanodet --output o.onnx
  edge-quantize quantize embedder.onnx --type int4-weights --block-size 32 --output int4.onnx
  edge-quantize quantize embedder.onnx --type int4-weights --algorithm gptq --calibration texts.txt --of minilm-l6-f32 \
--output int4.onnx"""


def calibration_options(name: str = "--calibration", *, required: bool = False) -> tuple[Configure, ...]:
    """The options for the data that a model runs over, the first by this name."""
    what = "recordings, photographs, or a file of texts"
    return (
        option(name, dest="calibration", type=Path, required=required, metavar="DIR|F", help=what),
        option("--role", metavar="ROLE", help="what the model does: detector, embedder, speech, ..."),
        option("--of", metavar="MODEL", help="the model that this file is of, with its other files and its options"),
        option("--key", metavar="KEY", help="which of its files this is (default: model)"),
        option("--limit", type=arguments.count, metavar="N", help="recordings, photos or texts to take at most"),
    )


METHOD = (
    option("--block-size", type=int, metavar="N", help="weights that share a scale (default: 32)"),
    option("--algorithm", metavar="NAME", help="of int4-weights: rtn (default), or gptq over --calibration"),
    option("--calibrator", metavar="NAME", help="mse (default) or min-max"),
)
OPTIONS = (
    *calibration_options(),
    option("--exclude", action="append", metavar="NODE", default=[], help="a node that stays as it is"),
    option("--table", type=Path, metavar="F", help="also write the TOML table that an importer needs for it"),
    *METHOD,
)


def method(args: argparse.Namespace, name: str, excluded: Sequence[str] = ()) -> Method:
    """The method of this name, with the options that the command line gives.

    Raises:
        UsageError: the method or an option is unknown, or has no such value.
    """
    given = {key: getattr(args, key) for key in ("block_size", "algorithm", "calibrator")}
    return parse(name, {key: value for key, value in given.items() if value is not None}, excluded)


def calibration(args: argparse.Namespace, model: Path, watch: Watch) -> Calibration:
    """The feeds that the product gives the model over the data of the command line.

    Raises:
        UsageError: it names no data, or nothing says what the model does.
        InputMissing, CalibrationInvalid: the data is not there, or of another kind.
    """
    if args.calibration is None:
        raise UsageError("nothing says what models are run and compared over", "name data, see --help")
    from edge_assistant_quantize.onnx.calibration import record

    found, key = belonging(model, args.role, args.of, args.key)
    return record(found, key, data(args), threads=args.threads, watch=watch)


def data(args: argparse.Namespace) -> dict[str, object]:
    """The data of the command line as a table."""
    return {"path": str(args.calibration)} | ({"limit": args.limit} if args.limit else {})


def belonging(model: Path, role: str | None, of: str | None, key: str | None) -> tuple[Candidate, str]:
    """The model that a file is of, and the file's key in it, for the product to run it over data.

    Raises:
        UsageError: nothing says what the file does, or the model has no such key.
        InputMissing, CatalogInvalid, ModelError: there is no such model.
        WeightsRefused: the file keeps weights in others.
    """
    if not model.is_file():
        raise InputMissing(f"there is no {model.name}", "name an .onnx file that is there")
    graphs.check_one_file(model)
    if of is not None:
        whole, key = candidates.find(of, role), key or "model"
        if key not in whole.files:
            raise UsageError(f"{whole.name} has no file '{key}'", f"name one of {', '.join(whole.files)} by --key")
        return replace(whole, files={**whole.files, key: str(model.resolve())}), key
    if (model.parent / candidates.FILE).is_file():
        whole = candidates.read(model.parent)
        if named := [key for key, path in whole.paths.items() if path.name == model.name]:
            return whole, named[0]
    return candidates.find(str(model), role), "model"
