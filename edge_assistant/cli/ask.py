"""`edge-assistant ask`: one question over signals, answered sentence by sentence with its sources."""

from __future__ import annotations

import argparse

from edge_assistant.cli import given

NAME = "ask"
HELP = "answer a question over pictures, recordings, video, readings and text"

EXAMPLES = """examples:
  edge-assistant ask "Which allergies are known?" --image form.jpg --audio note.wav
  edge-assistant ask "When was the limit first exceeded?" --readings line.csv --text remark.txt
  edge-assistant ask "What was the total?" --image receipt.jpg --json
  cat claim.txt | edge-assistant ask "Does the claim agree with the receipt?" --image receipt.jpg --text -"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the question, the signals and how to answer."""
    parser.add_argument("question", metavar="QUESTION", type=_well_formed)
    given.configure(parser)
    given.configure_answering(parser)
    parser.add_argument("--seed", metavar="N", type=_seed, default=0, help="of sampling without signals (0)")


def run(args: argparse.Namespace) -> int:
    """Take the signals, answer, print."""
    from edge_assistant.cli import question
    from edge_assistant.cli.show import Console

    console = Console(plain=args.plain or args.settings.plain, quiet=args.json, trace=args.trace)
    with console:
        reply = question.answer(args, question.put(args, args.question), console)
    if args.json:
        console.json(reply.answer)
    else:
        console.sources(reply.answer)
    console.note(reply.note)
    reply.settle()
    return 0


def _well_formed(text: str) -> str:
    """A text whose bytes that are no UTF-8 are replaced: readers of JSON refuse them."""
    return text.encode(errors="surrogateescape").decode(errors="replace")


def _seed(text: str) -> int:
    """A seed: a whole number that is not negative."""
    if not text.isascii() or not text.isdigit():
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of 0 or more")
    return int(text)
