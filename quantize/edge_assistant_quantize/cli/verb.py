"""A verb of `edge-quantize`: one declaration with its options, above the function that runs it."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

from edge_assistant.cli import frame
from edge_assistant_quantize.arguments import Configure

Run = Callable[[argparse.Namespace], int]

VERBS: dict[str, Callable[[Any], None]] = {}  # what adds each to the subparsers of the command


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
