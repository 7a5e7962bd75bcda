"""`edge-assistant policy`: is a policy file right, what holds on this machine, and an operator's PIN for it."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from edge_assistant.core.signals import printable

NAME = "policy"
HELP = "check a policy file, show the rules in force, make an operator's PIN"

EXAMPLES = """examples:
  edge-assistant policy check policy.toml
  edge-assistant policy show
  edge-assistant policy pin

exit status of check: 0 right, 1 wrong, 3 no such file"""

_HIDDEN = "set, not shown"


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the verb's own verbs."""
    verbs = parser.add_subparsers(dest="policy_verb", required=True, metavar="VERB")
    verb = verbs.add_parser("check", help="name everything that is wrong with a policy file")
    verb.add_argument("file", metavar="FILE", type=Path, nargs="?", help="by default the one in force")
    verb.add_argument("--json", action="store_true", help="print one JSON object")
    verb.set_defaults(policy_action=_check)
    verb = verbs.add_parser("show", help="show the rules in force and their file")
    verb.add_argument("--json", action="store_true", help="print one JSON object")
    verb.set_defaults(policy_action=_show)
    verb = verbs.add_parser("pin", help="ask for a PIN and print what a policy file keeps of it")
    verb.set_defaults(policy_action=_pin)


def run(args: argparse.Namespace) -> int:
    """Run the verb."""
    return int(args.policy_action(args))


def _check(args: argparse.Namespace) -> int:
    from edge_assistant.governance.policy import policy, policy_file

    file = args.file or policy.place()
    found = [] if file is None else policy_file.check(file)
    if file == policy.SYSTEM:
        found += policy_file.exposed(file)
    if args.json:
        print(json.dumps({"file": None if file is None else str(file), "good": not found, "problems": found}))
    elif file is None:
        print(printable(policy.absent()))
    else:
        for problem in found:
            print(printable(problem))
        print(printable(f"{file}: {'wrong' if found else 'good'}"))
    return 1 if found else 0


def _show(args: argparse.Namespace) -> int:
    """Print the rules.

    Raises:
        PolicyInvalid: the policy that holds is wrong.
    """
    from edge_assistant.governance.policy import policy

    holds = policy.current()
    tables = _tables(holds.rules) if holds.file else {}
    if args.json:
        print(json.dumps({"file": None if holds.file is None else str(holds.file), "rules": tables}))
        return 0
    print(printable(f"policy: {holds.file}" if holds.file else policy.absent()))
    for table, rules in tables.items():
        print(f"\n[{table}]")
        for key, value in rules.items():
            print(printable(f"{key} = {json.dumps(value, ensure_ascii=False)}"))
    return 0


def _tables(rules: Any) -> dict[str, dict[str, Any]]:  # noqa: ANN401 - Rules, whose library is not imported here
    """The rules, the defaults too, as a file would have them; a PIN only as being there."""
    import msgspec

    tables: dict[str, dict[str, Any]] = msgspec.to_builtins(rules)
    given = {table: {k: v for k, v in rules.items() if v is not None} for table, rules in tables.items()}
    if "pin" in given["roles"]:
        given["roles"]["pin"] = _HIDDEN
    return given


def _pin(args: argparse.Namespace) -> int:
    """Ask for a PIN twice and print its hash.

    Raises:
        UsageError: there is no terminal, or it is no PIN, or the two are not the same.
    """
    from edge_assistant.cli import terminal
    from edge_assistant.core.errors import UsageError
    from edge_assistant.governance.policy import pin

    if not terminal.asks():
        raise UsageError("a PIN is asked for on a terminal", "run it on one")
    given = terminal.secret("PIN of the operator: ")
    kept = pin.hashed(given)
    if terminal.secret("again: ") != given:
        raise UsageError("the two are not the same", "type the same PIN twice")
    print(f'[roles]\npin = "{kept}"')
    return 0
