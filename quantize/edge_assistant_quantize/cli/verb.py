"""A verb of `edge-quantize`: one declaration with its options, above the function that runs it."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass

from edge_assistant_quantize.arguments import Configure

Run = Callable[[argparse.Namespace], int]


@dataclass(frozen=True, slots=True)
class Verb:
    """One verb.

    Attributes:
        help: one line.
        examples: lines for the end of its help.
        configure: adds the options, in order.
        run: does it and returns the exit status.
        fetches: whether it uses the network; the others run under the offline lock.
    """

    help: str
    examples: str
    configure: tuple[Configure, ...]
    run: Run
    fetches: bool


VERBS: dict[str, Verb] = {}


def verb(name: str, help: str, examples: str, *configure: Configure, fetches: bool = False) -> Callable[[Run], Run]:
    """Declare that a function is the verb of this name; see `Verb`."""

    def declare(run: Run) -> Run:
        VERBS[name] = Verb(help, examples, configure, run, fetches)
        return run

    return declare
