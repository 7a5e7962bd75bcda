"""`edge-assistant doctor`: what is there, what is missing, and what to type."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict

from edge_assistant import health
from edge_assistant.signals import printable

NAME = "doctor"
HELP = "say what is there, what is missing and what to type"

EXAMPLES = """examples:
  edge-assistant doctor
  edge-assistant doctor --profile tiny --json

exit status: 0 ready, 1 something is missing"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = EXAMPLES
    parser.add_argument("--profile", metavar="NAME", help="look for the models of this profile")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(args: argparse.Namespace) -> int:
    """Look at everything and print it."""
    checks = list(health.checks(args.profile or args.settings.profile))
    ready = health.ready(checks)
    if args.json:
        print(json.dumps({"ready": ready, "checks": [asdict(check) for check in checks]}))
    else:
        for check in checks:
            word = {True: "ok     ", False: "MISSING", None: "without"}[check.ok]
            print(printable(f"{word}  {check.name}: {check.found}" + (f" - {check.hint}" if check.hint else "")))
        print("\nready" if ready else "\nnot ready: do what stands behind MISSING above")
    return 0 if ready else 1
