"""What a stream may be sent besides lines of text, and what is asked of a person: the operator's PIN, or to confirm."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, TextIO

from edge_assistant.core.signals import printable

if TYPE_CHECKING:
    from edge_assistant.governance.policy.approval import Approve, Doubt
    from edge_assistant.governance.policy.policy import Policy
    from edge_assistant_models.portfolio import Portfolio

TRIES = 3


def portfolio() -> Portfolio:
    """The models; what is wrong with files of the person's own catalog, which are left out, is told on stderr."""
    from edge_assistant_models.portfolio import Portfolio

    made = Portfolio()
    for fault in made.wrong:
        print(printable(f"warning: {fault.message}; it is left out - {fault.hint}"), file=sys.stderr)
    return made


def redraws(stream: TextIO, *, plain: bool = False) -> bool:
    """Whether lines may be redrawn: nobody asked for plain lines, and the stream is a terminal that can do it."""
    return not plain and os.environ.get("TERM") != "dumb" and stream.isatty()


def colours(stream: TextIO, *, plain: bool = False) -> bool:
    """Whether colours may be used: where lines may be redrawn, unless NO_COLOR is present, even empty."""
    return redraws(stream, plain=plain) and "NO_COLOR" not in os.environ


def asks() -> bool:
    """Whether a person can be asked something: what is asked goes to stderr, what is answered comes from stdin."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def secret(prompt: str) -> str:
    """What a person types, which is not shown.

    It is read from standard input, as `answer` does; getpass would look for the terminal of the process.
    """
    import termios

    terminal = sys.stdin.fileno()
    before = termios.tcgetattr(terminal)
    unseen = [*before[:3], before[3] & ~termios.ECHO, *before[4:]]
    try:
        termios.tcsetattr(terminal, termios.TCSAFLUSH, unseen)
        typed = _line(prompt)
    finally:
        with contextlib.suppress(termios.error):  # the terminal may be gone
            termios.tcsetattr(terminal, termios.TCSAFLUSH, before)
    print(file=sys.stderr)  # as what ended the line was not shown either
    return typed


def answer(prompt: str) -> str:
    """What a person types; nothing where they end the input."""
    return _line(prompt).strip()


def agrees(question: str) -> bool:
    """Whether a person types y or yes; whatever else they type is no."""
    return answer(printable(f"{question} [y/N] ")).casefold() in {"y", "yes"}


def _line(prompt: str) -> str:
    print(prompt, end="", file=sys.stderr, flush=True)
    with _line_ended():
        return sys.stdin.readline().removesuffix("\n")


@contextlib.contextmanager
def _line_ended() -> Iterator[None]:
    """What is said next begins a line of its own, also where Ctrl-C was the answer."""
    try:
        yield
    except KeyboardInterrupt:
        print(file=sys.stderr)
        raise


def admit(policy: Policy, actions: Sequence[str]) -> None:
    """Let actions be done: at once where whoever is there may do them, else once the operator has given the PIN.

    Raises:
        PolicyRefused: there is no terminal to ask for the PIN, or it was not given.
    """
    refused = [action for action in actions if not policy.may(action)]
    if refused and not (asks() and _unlocked(policy, f"a visitor may not: {', '.join(refused)}")):
        policy.check_action(refused[0])


def approver(policy: Policy, clear: Callable[[], None]) -> Approve | None:
    """Who confirms values; None without a terminal.

    Args:
        policy: says whether it has to be the operator.
        clear: takes the progress line away, which would be redrawn over what is asked.
    """
    return (lambda doubts: _confirmed(policy, doubts, clear)) if asks() else None


def _confirmed(policy: Policy, doubts: Sequence[Doubt], clear: Callable[[], None]) -> bool:
    clear()
    if not all(agrees(doubt.question) for doubt in doubts):
        return False
    return not policy.operator_confirms or policy.unlocked or _unlocked(policy, "the operator confirms it")


def _unlocked(policy: Policy, why: str) -> bool:
    for _ in range(TRIES):
        if policy.unlock(secret(f"{why} - PIN of the operator: ")):
            return True
        why = "that is not the PIN"
    return False
