"""The verbs `recipes`, `run` and `report`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from edge_assistant_quantize import arguments, record
from edge_assistant_quantize.arguments import VerbResult, option, verb
from edge_assistant_quantize.errors import UsageError
from edge_assistant_quantize.recipes import engine, loading
from edge_assistant_quantize.recipes.recipe import Recipe
from edge_assistant_quantize.record import Record
from edge_assistant_quantize.report import page, text


@verb(
    "recipes",
    "list the recipes that there are, or print one to start from",
    """  edge-quantize recipes
  edge-quantize recipes show speech > speech-ours.toml""",
    option("action", nargs="?", choices=("list", "show"), default="list", metavar="list|show"),
    option("name", nargs="?", metavar="NAME", help="of the recipe to show"),
)
def recipes(args: argparse.Namespace) -> VerbResult:
    """List or show."""
    shipped = loading.presets()
    if args.action == "show":
        if args.name not in shipped:
            what = f"there is no recipe '{args.name}'" if args.name else "no recipe is named"
            raise UsageError(what, f"name one of {', '.join(shipped)}")
        return VerbResult(shipped[args.name].decode().splitlines())
    listed = []
    for name in shipped:
        recipe = loading.load(name)
        held = "; ".join(f"{criterion.metric}: {criterion.text}" for criterion in recipe.criteria)
        listed += [f"{name:<12}{recipe.description}", f"{'':<12}{held}"]
    return VerbResult(listed)


@verb(
    "run",
    "run a recipe: make, measure, accept and report; it goes on where it was stopped",
    """  edge-quantize run whisper-ours.toml --output out/whisper-ours
  edge-quantize run detector --source nanodet --name nanodet-int8 --calibration photos/calibrate \\
      --data photos=photos/evaluate --output out/nanodet-int8
  edge-quantize run whisper-ours.toml --output again --locked out/whisper-ours

exit status: 0 where a variant is accepted, 1 where none is""",
    option("recipe", metavar="RECIPE", help="a .toml file, or a preset: see 'edge-quantize recipes'"),
    option("--output", type=Path, required=True, metavar="DIR", help="the folder that the run works in"),
    option("--name", metavar="N", help="what the model is called, instead of as the recipe is"),
    option("--source", metavar="MODEL|PATH", help="what is quantized, instead of the recipe's source"),
    option("--calibration", metavar="PATH", help="calibration data, instead of the recipe's"),
    option("--data", action="append", default=[], metavar="NAME=PATH", help="where a data set of the recipe lies"),
    option("--locked", type=Path, metavar="DIR", help="hold it to the run there"),
    arguments.THREADS,
    option("--json", action="store_true", help="print the record"),
)
def run(args: argparse.Namespace) -> VerbResult:
    """Run it; the status is 0 where a variant is accepted, 1 where none is."""
    found = ran(args, loading.load(args.recipe, _given(args)), args.locked)
    return VerbResult(_decided(found, args.output), found, 0 if found.chosen else 1)


def _decided(found: Record, folder: Path) -> list[str]:
    return [text.decision(found), f"report: {folder / page.HTML}"]


def _given(args: argparse.Namespace) -> dict[str, Any]:
    """What the command line adds to the recipe."""
    given: dict[str, Any] = {"name": args.name} if args.name else {}
    if args.source:
        is_path = Path(args.source).exists() or Path(args.source).suffix in {".onnx", ".gguf"}
        given["source"] = {"path" if is_path else "model": args.source}
    if args.calibration:
        given["calibration"] = {"path": args.calibration}
    for named in args.data:
        name, is_set, path = named.partition("=")
        if not (name and is_set and path):
            raise UsageError(f"--data {named} names no data set", "write it as --data NAME=PATH")
        given.setdefault("data", {})[name] = {"path": path}
    return given


def ran(args: argparse.Namespace, recipe: Recipe, pinned: Path | None = None) -> Record:
    """The record of a run, written with its report."""
    how = {"threads": args.threads, "watch": args.watch, "command": arguments.command()}
    found = engine.run(recipe, args.output, locked=pinned, **how)
    page.write(found, args.output)
    return found


@verb(
    "report",
    "write the report of a run or a sweep again",
    "  edge-quantize report out/whisper-base",
    option("folder", type=Path, metavar="DIR", help="what a run or a sweep wrote: it has a record.json"),
)
def report(args: argparse.Namespace) -> VerbResult:
    """Write the report and say what it decides."""
    found = record.read(args.folder)
    page.write(found, args.folder)
    return VerbResult(_decided(found, args.folder))
