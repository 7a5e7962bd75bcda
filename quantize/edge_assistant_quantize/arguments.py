"""What the command lines of several verbs have in common: numbers, threads, and options that are of one form only."""

from __future__ import annotations

import argparse

from edge_assistant.runtime import Runtime
from edge_assistant_quantize.errors import UsageError

Group = argparse.ArgumentParser | argparse._ArgumentGroup

_DIGITS = 12  # of a number; nothing here is counted in more


def count(text: str) -> int:
    """A whole number from 1 on.

    Raises:
        ArgumentTypeError: it is none.

    >>> count("12")
    12
    """
    if not text.isascii() or not text.isdigit() or len(text) > _DIGITS or int(text) == 0:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number from 1 on")
    return int(text)


def add_threads(group: Group) -> None:
    """The option of verbs that compute."""
    group.add_argument("--threads", type=count, metavar="N", help="cores to keep to (default: all that there are)")


def threads(args: argparse.Namespace) -> int:
    """The cores to keep to."""
    return int(args.threads or Runtime.detect().threads)


def add_text(parser: Group, chunks: str) -> None:
    """The options of verbs that run a language model over a text.

    Args:
        parser: of the verb.
        chunks: what happens to the chunks, such as "that are taken".
    """
    parser.add_argument("--context", type=count, default=512, metavar="N", help="tokens of a chunk of the text (512)")
    parser.add_argument("--chunks", type=count, metavar="N", help=f"the most {chunks} (default: all)")


def refuse_other(args: argparse.Namespace, group: argparse._ArgumentGroup) -> None:
    """Refuse an option of another form than the one at hand.

    Raises:
        UsageError: one was given; what is ignored would be taken for done.
    """
    for action in group._group_actions:
        if getattr(args, action.dest) != action.default:
            option = action.option_strings[0]
            raise UsageError(f"{option} is an option of '{group.title}'", "leave it out here")
