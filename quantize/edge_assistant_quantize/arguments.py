"""What command lines have in common: verbs and what they say, options of several or of one form only, places."""

from __future__ import annotations

import argparse
import os
import shlex
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from edge_assistant.cli import frame
from edge_assistant.compute.runtime import Runtime
from edge_assistant.core.signals import printable
from edge_assistant_quantize import progress
from edge_assistant_quantize.errors import InputMissing, StorageFull, UsageError

Configure = Callable[[Any], object]  # adds options to a parser or to a group of it

VERBS: dict[str, Callable[[Any], None]] = {}  # of `edge-quantize`: what adds each to the subparsers of the command

_DIGITS = 12  # of a number; nothing here is counted in more


@dataclass(frozen=True, slots=True)
class VerbResult:
    """What a verb says once it is done.

    Attributes:
        lines: for people.
        facts: for programs, as JSON has them; what is no number is null there.
        status: the exit status.
    """

    lines: Sequence[str]
    facts: object = None
    status: int = 0


Work = Callable[[argparse.Namespace], VerbResult]


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


def verb(name: str, help: str, examples: str, *configure: Configure, fetches: bool = False) -> Callable[[Work], Work]:
    """Declare that a function does a verb; it finds `threads` and `watch` among its arguments.

    Args:
        name: of the verb.
        help: one line.
        examples: lines for the end of its help.
        configure: adds the options, in order.
        fetches: whether it uses the network; the others run under the offline lock.
    """

    def declare(work: Work) -> Work:
        def run(args: argparse.Namespace) -> int:
            args.threads = getattr(args, "threads", None) or Runtime.detect().threads
            with progress.shown(plain=args.settings.plain) as args.watch:
                found = work(args)
            if getattr(args, "json", False):
                print(msgspec.json.encode(found.facts).decode())
                return found.status
            for line in found.lines:
                print(printable(line))
            return found.status

        def add(subparsers: Any) -> None:  # noqa: ANN401 - argparse gives its type no public name
            parser = frame.add_verb(subparsers, name, help, f"examples:\n{examples}", run, fetches=fetches)
            for each in configure:
                each(parser)

        VERBS[name] = add
        return work

    return declare


THREADS = option("--threads", type=count, metavar="N", help="cores to keep to (default: all that there are)")
JSON = option("--json", action="store_true", help="print one JSON object")
CONTEXT = option("--context", type=count, default=512, metavar="N", help="tokens of a chunk of the text (512)")
CHUNKS = option("--chunks", type=count, metavar="N", help="the most that are taken (default: all)")


def command() -> str:
    """This process's command line, for records; names need not be UTF-8."""
    return printable(shlex.join(["edge-quantize", *sys.argv[1:]]))


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
