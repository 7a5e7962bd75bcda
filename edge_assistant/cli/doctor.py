"""`edge-assistant doctor`: what is there, what is missing, and what to type."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from typing import TYPE_CHECKING

from edge_assistant.core.signals import printable
from edge_assistant.session import health

if TYPE_CHECKING:
    from edge_assistant.governance.offline.proof import Proof

NAME = "doctor"
HELP = "check the installation and say how to repair it"

EXAMPLES = """examples:
  edge-assistant doctor
  edge-assistant doctor --profile tiny --json
  edge-assistant doctor --prove-offline

exit status: 0 ready, 1 something is missing, or the proof fails"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument("--profile", metavar="NAME", help="look for the models of this profile")
    parser.add_argument(
        "--prove-offline", action="store_true", help="try to reach a listener on loopback in every way, under the lock"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(args: argparse.Namespace) -> int:
    """Look at everything and print it.

    Raises:
        EdgeAssistantError: nothing can be proven.
    """
    if args.prove_offline:
        return _prove(args.json)
    return report(list(health.checks(args.profile or args.settings.profile, args.settings.gpu)), args.json)


def report(checks: list[health.DoctorCheck], as_json: bool) -> int:
    """Print what was found, and return the status: 0 if nothing is missing."""
    ready = health.ready(checks)
    if as_json:
        print(json.dumps({"ready": ready, "checks": [asdict(check) for check in checks]}))
    else:
        for check in checks:
            print(
                printable(f"{check.word:7}  {check.name}: {check.found}" + (f" - {check.hint}" if check.hint else ""))
            )
        print("\nready" if ready else "\nnot ready: do what stands behind 'missing' above")
    return 0 if ready else 1


def _prove(as_json: bool) -> int:
    """Try to get through the offline lock, and print what became of it."""
    from edge_assistant.governance.offline import proof

    found = proof.prove()
    if as_json:
        print(json.dumps({"offline": found.holds, **asdict(found)}))
    else:
        _print_proof(found)
    return 0 if found.holds else 1


def _print_proof(found: Proof) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table

    from edge_assistant.governance.offline.lock import OfflineLock
    from edge_assistant.governance.offline.proof import TERMINAL

    table = Table("by", *found.reached, box=box.SIMPLE_HEAD, pad_edge=False)
    for attempt in dict.fromkeys(result.attempt for result in found.results if result.way != TERMINAL):
        cells = [f"{r.outcome} {r.error}".rstrip() for r in found.results if r.attempt == attempt]
        table.add_row(attempt, *cells)
    console = Console(width=100, highlight=False, markup=False)
    console.print(OfflineLock(found.locked).word)
    console.print(f"outside the lock a listener on loopback was reached by: {', '.join(found.reached) or 'nothing'}")
    for way, why in found.missing.items():
        console.print(f"{way} is not on this machine: {why}")
    console.print(table)
    for result in found.results:
        if result.way == TERMINAL:
            console.print(f"typed into a terminal by {result.attempt}: {result.outcome} {result.error}".rstrip())
    console.print("offline: all refused" if found.holds else "NOT PROVEN: not everything was refused")
