"""`edge-quantize quantize` for a GGUF model."""

from __future__ import annotations

import argparse

from edge_assistant_quantize.errors import ToolMissing

TYPES = "of GGUF: Q4_K_M, ..."
EXAMPLES = "  to come"


def configure(group: argparse._ArgumentGroup) -> None:
    """The options."""


def run(args: argparse.Namespace) -> int:
    """Do it."""
    raise ToolMissing("in the making", "wait")
