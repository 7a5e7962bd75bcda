"""`edge-assistant bench`: measures the product, each figure against a baseline in the same run; one file a bench."""

from __future__ import annotations

import argparse
import importlib
import pkgutil
from types import ModuleType

from edge_assistant.core.errors import UsageError

NAME = "bench"
HELP = "measure speed and quality against baselines"

EXAMPLES = """examples:
  edge-assistant bench cross-signal scenarios --out results.jsonl
  edge-assistant bench readings --rows 1000000
  edge-assistant bench writing --json"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add a verb for each bench in `evals`.

    Raises:
        UsageError: they are not there.
    """
    verbs = parser.add_subparsers(dest="bench", required=True, metavar="BENCH")
    for module in benches():
        verb = verbs.add_parser(
            module.NAME, help=module.HELP, description=f"{module.HELP[0].upper()}{module.HELP[1:]}."
        )
        module.configure(verb)
        verb.set_defaults(measure=module.run)


def run(args: argparse.Namespace) -> int:
    """Measure and print."""
    return int(args.measure(args))


def benches() -> list[ModuleType]:
    """The modules of `evals` that are benches, in the order of their names; a checkout has them, the wheel has not.

    Raises:
        UsageError: they are not there.
    """
    try:
        package = importlib.import_module("evals")
    except ModuleNotFoundError:
        raise UsageError("the evaluations are not installed", "run 'bench' from a checkout") from None
    modules = [importlib.import_module(f"evals.{found.name}") for found in pkgutil.iter_modules(package.__path__)]
    return [module for module in modules if hasattr(module, "NAME")]
