"""Models, metrics and data of a command line, and tables for the terminal."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from edge_assistant_quantize import arguments, candidate
from edge_assistant_quantize.arguments import option
from edge_assistant_quantize.candidate import Candidate
from edge_assistant_quantize.errors import UsageError
from edge_assistant_quantize.publish import judgement
from edge_assistant_quantize.recipes.recipe import Measurement, Recipe, RecipeVariant

_SPEED = "time and memory, too: in turn over --data; of .gguf files, of the tokens that they write"

LONE_FILE = (
    option("--role", metavar="ROLE", help="of a lone .onnx file without a reference"),
    option("--key", metavar="KEY", help="of a lone .onnx file: which of the reference's it stands for"),
)
MEASUREMENT = (
    option(
        "--data",
        action="append",
        default=[],
        metavar="D",
        help="of all metrics: a folder or file; or keys, such as count=8,seed=3",
    ),
    *LONE_FILE,
    arguments.THREADS,
    arguments.JSON,
)
SPEED = option("--speed", action="store_true", help=_SPEED)


def models(named: str, reference: str | None, args: argparse.Namespace) -> tuple[Candidate, Candidate | None]:
    """The model and its reference; a lone .onnx file takes the reference's other files and options.

    Raises:
        UsageError, InputMissing, CatalogInvalid, ModelError: see `candidate.find`.
        NotAccepted: the folder of a run is named that has accepted none.
    """
    named, other = _of_run(named), None if reference is None else candidate.find(_of_run(reference), args.role)
    path = Path(named)
    if other is None or path.suffix != ".onnx" or not path.is_file():
        return candidate.find(named, args.role or (other.role if other else None)), other
    own = [key for key, name in other.files.items() if name.endswith(".onnx")]
    key = args.key or (own[0] if len(own) == 1 else "")
    if key not in own:
        what = f"{other.name} has the .onnx files {', '.join(own) or 'none'}"
        raise UsageError(what, f"say for which of them {path.name} stands: --key KEY")
    files = {**other.files, key: str(path.absolute())}
    return replace(other, name=candidate.model_name(path.stem), files=files), other


def _of_run(named: str) -> str:
    """A model as it is named; of the folder of a run the model that it has accepted."""
    return str(judgement.find(Path(named))) if Path(named).exists() else named


def asked(args: argparse.Namespace, role: str, metrics: Sequence[Measurement], *names: str) -> Recipe:
    """The recipe that metrics over --data are, of variants that have no steps.

    Raises:
        UsageError: --data stands twice, or a word of it has no value.
    """
    if len(args.data) > 1:
        raise UsageError("--data is given twice, and all metrics share one", "measure twice, or write a recipe")
    given = parsed(args.data[0]) if args.data else {}
    data = dict.fromkeys([each.data for each in metrics] or ["speed"], given) if given else {}
    as_they_are = tuple(RecipeVariant(name, ()) for name in names)
    speed = getattr(args, "speed", False)
    return Recipe(name=args.verb, role=role, variants=as_they_are, metrics=tuple(metrics), data=data, speed=speed)


def parsed(words: str) -> dict[str, object]:
    """Data of a command line.

    >>> parsed("photos"), parsed("count=8,seed=3")
    ({'path': 'photos'}, {'count': 8, 'seed': 3})
    >>> parsed("path=scenarios,gold=true,limit=20")
    {'path': 'scenarios', 'gold': True, 'limit': 20}
    """
    if "=" not in words or Path(words).exists():
        return {"path": words}
    pairs = [part.partition("=") for part in words.split(",")]
    if without := next((key for key, is_set, _ in pairs if not is_set), None):
        raise UsageError(f"--data {words}: '{without}' has no value", "write it as KEY=VALUE")
    return {key.strip(): _value(value.strip()) for key, _, value in pairs}


def _value(text: str) -> object:
    if text in {"true", "false"}:
        return text == "true"
    return int(text) if text.isascii() and text.isdigit() else text


def columns(rows: Sequence[Sequence[str]]) -> list[str]:
    """Rows as lines whose cells are below each other."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
