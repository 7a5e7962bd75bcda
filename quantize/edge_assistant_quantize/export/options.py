"""`edge-quantize convert` to ONNX."""

from __future__ import annotations

import argparse

from edge_assistant_quantize.errors import ToolMissing

EXAMPLES = "  to come"


def configure(group: argparse._ArgumentGroup) -> None:
    """The options."""


def run(args: argparse.Namespace) -> int:
    """Do it."""
    raise ToolMissing("in the making", "wait")
