"""`edge-quantize report`: the pages of a run or a sweep, written again from its record."""

from __future__ import annotations

import argparse
from pathlib import Path

from edge_assistant.core.signals import printable
from edge_assistant_quantize import arguments

NAME = "report"
HELP = "write the report of a run or a sweep again"

EXAMPLES = """examples:
  edge-quantize report out/whisper-base
  edge-quantize report out/whisper-base --output pages"""


def configure(parser: argparse.ArgumentParser) -> None:
    """The options."""
    parser.add_argument("folder", type=Path, metavar="DIR", help="what a run or a sweep wrote: it has a record.json")
    parser.add_argument("--output", type=Path, metavar="DIR", help="the folder to write to (default: the same)")


def run(args: argparse.Namespace) -> int:
    """Write the report and say what it decides; 0."""
    from edge_assistant_quantize import record
    from edge_assistant_quantize.report import page

    arguments.check_folder(args.output)
    found = record.read(args.folder)
    folder = args.output or (args.folder if args.folder.is_dir() else args.folder.parent)
    page.write(found, folder)
    print(page.decision(found))
    print(printable(f"report: {folder / page.HTML}"))
    return 0
