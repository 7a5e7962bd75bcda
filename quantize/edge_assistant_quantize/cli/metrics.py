"""`edge-quantize metrics`: what models are measured by."""

from __future__ import annotations

import argparse
import json
import textwrap

from edge_assistant_quantize import arguments

NAME = "metrics"
HELP = "list what models are measured by, by role"

EXAMPLES = """examples:
  edge-quantize metrics
  edge-quantize metrics --json"""


def configure(parser: argparse.ArgumentParser) -> None:
    """The options."""
    arguments.add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Print every metric with what it gives; 0."""
    from edge_assistant_models.entries import ROLES
    from edge_assistant_quantize.metrics.metric import all_metrics

    found = all_metrics()
    if args.json:
        print(json.dumps({name: _facts(metric) for name, metric in found.items()}))
        return 0
    fold = textwrap.TextWrapper(100, initial_indent="      ", subsequent_indent="      ")
    for role in ROLES:
        own = [metric for metric in found.values() if role in metric.roles]
        if own:
            print(role)
        for metric in own:
            against = " (against --reference)" if metric.relative else ""
            print(f"  {', '.join(metric.gives)}{against}\n{fold.fill(metric.description)}")
    return 0


def _facts(metric: object) -> dict[str, object]:
    keys = ("gives", "roles", "description", "relative")
    return {key: sorted(value) if isinstance(value := getattr(metric, key), frozenset) else value for key in keys}
