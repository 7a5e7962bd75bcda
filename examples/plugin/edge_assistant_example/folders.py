"""`edge-assistant folders`: prints the data directory."""

from __future__ import annotations

import argparse

from edge_assistant_models import paths

NAME = "folders"
HELP = "print the data directory"

EXAMPLES = "examples:\n  edge-assistant folders"


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options: there are none."""


def run(args: argparse.Namespace) -> int:
    """Print it; 0."""
    print(paths.data_dir())
    return 0
