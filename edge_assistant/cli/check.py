"""`edge-assistant check`: compares signals without a question, attribute by attribute."""

from __future__ import annotations

import argparse

from edge_assistant.cli import given

NAME = "check"
HELP = "compare pictures, recordings, video, readings and text without a question"

EXAMPLES = """examples:
  edge-assistant check --image form.jpg --audio note.wav
  edge-assistant check --image receipt.jpg --text claim.txt --json

exit status: 0 where nothing conflicts, 1 where something does"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the signals and how to compare."""
    given.configure(parser)
    given.configure_answering(parser)


def run(args: argparse.Namespace) -> int:
    """Take the signals, compare, print; 1 where something conflicts."""
    from edge_assistant.cli import question
    from edge_assistant.cli.show import Console
    from edge_assistant.core.answer import Status

    console = Console(plain=args.plain or args.settings.plain, quiet=args.json, trace=args.trace)
    with console:
        reply = question.answer(args, question.put(args, None), console)
    if args.json:
        console.json(reply.answer)
    else:
        console.comparison(reply.answer)
    console.note(reply.note)
    return 1 if reply.answer.status is Status.CONFLICT else 0
