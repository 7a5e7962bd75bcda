"""The human at the terminal: the operator, by PIN, and whoever confirms what was heard or read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from edge_assistant.cli import terminal

if TYPE_CHECKING:
    from edge_assistant.governance.policy.approval import Approve, Doubt
    from edge_assistant.governance.policy.policy import Policy

TRIES = 3


def admit(policy: Policy, actions: Sequence[str]) -> None:
    """Let actions be done: at once where whoever is there may do them, else once the operator has given the PIN.

    Raises:
        PolicyRefused: there is no terminal to ask for the PIN, or it was not given.
    """
    refused = [action for action in actions if not policy.may(action)]
    if refused and not (terminal.asks() and _unlocked(policy, f"a visitor may not: {', '.join(refused)}")):
        policy.check_action(refused[0])


def approver(policy: Policy, clear: Callable[[], None]) -> Approve | None:
    """Who confirms values; None without a terminal.

    Args:
        policy: says whether it has to be the operator.
        clear: takes the progress line away, which would be redrawn over what is asked.
    """
    return (lambda doubts: _confirmed(policy, doubts, clear)) if terminal.asks() else None


def _confirmed(policy: Policy, doubts: Sequence[Doubt], clear: Callable[[], None]) -> bool:
    clear()
    if not all(terminal.agrees(doubt.question) for doubt in doubts):
        return False
    return not policy.operator_confirms or policy.unlocked or _unlocked(policy, "the operator confirms it")


def _unlocked(policy: Policy, why: str) -> bool:
    for _ in range(TRIES):
        if policy.unlock(terminal.secret(f"{why} - PIN of the operator: ")):
            return True
        why = "that is not the PIN"
    return False
