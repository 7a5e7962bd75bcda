"""`edge-quantize unpublish`: a published model out of catalog and store again."""

from __future__ import annotations

import argparse
import sys

from edge_assistant.core.signals import printable
from edge_assistant_quantize.errors import UsageError

NAME = "unpublish"
HELP = "take a published model out of your catalog, with its files, record and recipe"

EXAMPLES = """examples:
  edge-quantize unpublish smollm2-q4
  edge-quantize unpublish smollm2-q4 --yes"""


def configure(parser: argparse.ArgumentParser) -> None:
    """The options."""
    parser.add_argument("name", metavar="NAME")
    parser.add_argument("--yes", action="store_true", help="do not ask")


def run(args: argparse.Namespace) -> int:
    """Ask, and take it away; 0, or 1 where that was not confirmed."""
    from edge_assistant.cli import terminal
    from edge_assistant_quantize.publish.publish import unpublish

    if not args.yes and not terminal.asks():
        raise UsageError("nobody can be asked whether this may go", "confirm on the command line: --yes")
    if not args.yes and not terminal.agrees(f"Take {args.name} away, with its files, record and recipe?"):
        print("nothing was taken away", file=sys.stderr)
        return 1
    unpublish(args.name)
    print(printable(f"taken away: {args.name}"))
    return 0
