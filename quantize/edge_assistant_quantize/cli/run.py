"""`edge-quantize run`: a recipe from its source to the accepted model."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge_assistant.core.signals import printable
from edge_assistant_quantize import arguments
from edge_assistant_quantize.errors import UsageError

if TYPE_CHECKING:
    from edge_assistant_quantize.record import Record

NAME = "run"
HELP = "run a recipe: make, measure, accept and report; it goes on where it was stopped"

EXAMPLES = """examples:
  edge-quantize run whisper-ours.toml --output out/whisper-ours
  edge-quantize run detector --source nanodet --name nanodet-int8 --calibration photos/calibrate \\
      --data photos=photos/evaluate --output out/nanodet-int8
  edge-quantize run whisper-ours.toml --output again --locked out/whisper-ours/recipe.lock

exit status: 0 where a variant is accepted, 1 where none is"""

_HERE = "the lock file of --output"
_MODELS = {".onnx", ".gguf"}


def configure(parser: argparse.ArgumentParser) -> None:
    """The options."""
    parser.add_argument("recipe", metavar="RECIPE", help="a .toml file, or a preset: see 'edge-quantize recipes'")
    parser.add_argument("--output", type=Path, required=True, metavar="DIR", help="the folder that the run works in")
    parser.add_argument("--name", metavar="N", help="what the model is called, instead of as the recipe is")
    parser.add_argument("--source", metavar="MODEL|PATH", help="what is quantized, instead of the recipe's source")
    parser.add_argument("--calibration", metavar="PATH", help="calibration data, instead of the recipe's")
    parser.add_argument(
        "--data", action="append", default=[], metavar="NAME=PATH", help="where a data set of the recipe lies"
    )
    parser.add_argument(
        "--locked", nargs="?", const=_HERE, metavar="F", help=f"hold the run to a lock file (default: {_HERE})"
    )
    arguments.add_threads(parser)
    parser.add_argument("--json", action="store_true", help="print the record")


def run(args: argparse.Namespace) -> int:
    """Run it; 0 where a variant is accepted, 1 where none is."""
    from edge_assistant_quantize import progress
    from edge_assistant_quantize.recipes import engine, loading, lock
    from edge_assistant_quantize.report import page

    recipe = loading.load(args.recipe, _given(args))
    pinned = args.output / lock.FILE if args.locked == _HERE else args.locked and Path(args.locked)
    threads = arguments.threads(args)
    with progress.shown() as watch:
        found = engine.run(
            recipe, args.output, threads=threads, watch=watch, locked=pinned, command=arguments.command()
        )
    page.write(found, args.output)
    _print(found, args)
    return 0 if found.chosen else 1


def _given(args: argparse.Namespace) -> dict[str, Any]:
    """What the command line adds to the recipe."""
    given: dict[str, Any] = {"name": args.name} if args.name else {}
    if args.source:
        is_path = Path(args.source).exists() or Path(args.source).suffix in _MODELS
        given["source"] = {"path" if is_path else "model": args.source}
    if args.calibration:
        given["calibration"] = {"path": args.calibration}
    for named in args.data:
        name, is_set, path = named.partition("=")
        if not (name and is_set and path):
            raise UsageError(f"--data {printable(named)} names no data set", "write it as --data NAME=PATH")
        given.setdefault("data", {})[name] = {"path": path}
    return given


def _print(found: Record, args: argparse.Namespace) -> None:
    import msgspec

    from edge_assistant_quantize.report import page

    if args.json:
        print(msgspec.json.encode(found).decode())
        return
    print(page.decision(found))
    print(printable(f"report: {args.output / page.HTML}"))
