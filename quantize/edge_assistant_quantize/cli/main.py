"""The command `edge-quantize`: locks the process unless a verb fetches, and runs one verb."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from edge_assistant.cli import frame
from edge_assistant.governance import dumps
from edge_assistant.governance.offline import lock

AGAIN = "run the command again; a recipe or a sweep goes on where it was"

STATUSES = """exit status: 0 done or accepted, 1 not accepted, 2 wrong command line or recipe, 3 an input cannot be
used, 4 a model or a tool is missing, 5 the policy refuses it, 6 the disk is full, 70 a fault of ours,
130 interrupted"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status.

    Args:
        argv: the command line; None takes this process's own, and locks the process first.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)

    def run() -> int:
        args = parser().parse_args(arguments)
        if argv is None:
            dumps.off()
            lock.silence()
            if not args.fetches:
                lock.engage(wanted=True)
        from edge_assistant.core import limits
        from edge_assistant.governance.policy.policy import current
        from edge_assistant.governance.redaction.log_filter import logged
        from edge_assistant.storage import logs, settings

        args.settings = settings.load()
        logs.start(args.settings.log_level, logged)
        if args.fetches:
            current().check_pull()
        elif argv is None:
            current().check_lock(lock.state().locked)
        with limits.lowered(current().limits):
            return int(args.run(args))

    return frame.command(run, as_json="--json" in arguments, again=AGAIN)


def parser() -> argparse.ArgumentParser:
    """The command line; the verbs are imported here, where what fails is printed as a line."""
    from edge_assistant_quantize.arguments import VERBS
    from edge_assistant_quantize.cli import compare, make, measure, publish, quantize, recipe, sweep  # noqa: F401 - they declare verbs

    description = "Brings a model to the device: convert, quantize, accept by measurement, publish to the catalog."
    top = frame.parser("edge-quantize", description, STATUSES)
    subparsers = top.add_subparsers(dest="verb", metavar="VERB", required=True, parser_class=frame.Parser)
    for name in sorted(VERBS):
        VERBS[name](subparsers)
    return top


if __name__ == "__main__":
    sys.exit(main())
