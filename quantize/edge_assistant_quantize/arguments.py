"""What command lines have in common: verbs, options of several or of one form only, numbers, threads, places."""

from __future__ import annotations

import argparse
import os
import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from edge_assistant.cli import frame
from edge_assistant.compute.runtime import Runtime
from edge_assistant.core.signals import printable
from edge_assistant_quantize.errors import InputMissing, StorageFull, UsageError

Configure = Callable[[Any], object]  # adds options to a parser or to a group of it
Run = Callable[[argparse.Namespace], int]

VERBS: dict[str, Callable[[Any], None]] = {}  # of `edge-quantize`: what adds each to the subparsers of the command

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


def option(*names: str, **settings: Any) -> Configure:  # noqa: ANN401 - as argparse takes them
    """An option, as `ArgumentParser.add_argument` takes it."""
    return lambda group: group.add_argument(*names, **settings)


def verb(name: str, help: str, examples: str, *configure: Configure, fetches: bool = False) -> Callable[[Run], Run]:
    """Declare that a function does a verb and returns the exit status.

    Args:
        name: of the verb.
        help: one line.
        examples: lines for the end of its help.
        configure: adds the options, in order.
        fetches: whether it uses the network; the others run under the offline lock.
    """

    def declare(run: Run) -> Run:
        def add(subparsers: Any) -> None:  # noqa: ANN401 - argparse gives its type no public name
            parser = frame.add_verb(subparsers, name, help, f"examples:\n{examples}", run, fetches=fetches)
            for each in configure:
                each(parser)

        VERBS[name] = add
        return run

    return declare


THREADS = option("--threads", type=count, metavar="N", help="cores to keep to (default: all that there are)")
JSON = option("--json", action="store_true", help="print one JSON object")
CONTEXT = option("--context", type=count, default=512, metavar="N", help="tokens of a chunk of the text (512)")
CHUNKS = option("--chunks", type=count, metavar="N", help="the most that are taken (default: all)")


def command() -> str:
    """This process's command line, for records."""
    return shlex.join(["edge-quantize", *sys.argv[1:]])


def threads(args: argparse.Namespace) -> int:
    """The cores to keep to."""
    return int(args.threads or Runtime.detect().threads)


def form(title: str, *options: Configure) -> Configure:
    """A group of options of one form of the work; `refuse_others` refuses them where another one is at hand."""

    def configure(parser: argparse.ArgumentParser) -> None:
        group = parser.add_argument_group(title)
        for each in options:
            each(group)
        parser.set_defaults(forms={**(parser.get_default("forms") or {}), title: group})

    return configure


def refuse_others(args: argparse.Namespace, title: str = "") -> None:
    """Refuse an option of another form than the one at hand.

    Raises:
        UsageError: one was given; what is ignored would be taken for done.
    """
    for group in (group for name, group in args.forms.items() if name != title):
        for action in group._group_actions:
            if getattr(args, action.dest) != action.default:
                raise UsageError(f"{action.option_strings[0]} is an option of '{group.title}'", "leave it out here")


def check_output(path: Path) -> None:
    """Look whether a file could take this place, before hours of work are spent on it.

    Raises:
        UsageError: it is a folder.
        InputMissing: the folder that it goes into is not there.
        StorageFull: nothing may be written there.
    """
    if path.is_dir():
        raise UsageError(f"{printable(str(path))} is a folder", "name a file for the output")
    if not path.absolute().parent.is_dir():
        raise InputMissing(f"there is no folder {printable(str(path.parent))}", "make it first")
    if not os.access(path.absolute().parent, os.W_OK):
        raise StorageFull(f"{printable(path.name)} cannot be written: its folder is read-only", "name another folder")
