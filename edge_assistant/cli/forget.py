"""`edge-assistant forget`: what is kept of conversations, and an end to it."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from edge_assistant.cli import terminal
from edge_assistant.core.errors import UsageError
from edge_assistant.core.evidence import counted
from edge_assistant.core.signals import printable

if TYPE_CHECKING:
    from edge_assistant.governance.erasure import Kept
    from edge_assistant.history.conversations import Summary
    from edge_assistant.history.store import History

NAME = "forget"
HELP = "list stored conversations, and erase them"

EXAMPLES = """examples:
  edge-assistant forget --list
  edge-assistant forget --conversation 4f1c2a9b8d7e6053
  edge-assistant forget --before 2026-03-01
  edge-assistant forget --all --yes
  edge-assistant forget --expired

exit status: 0 forgotten, 1 not confirmed, 2 wrong command line or a conversation is open in another app, 6 it cannot be
written"""
SHOWN = 20  # conversations that are named before they go; a list names all


def configure(parser: argparse.ArgumentParser) -> None:
    """Add what to forget."""
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument(
        "--list", action="store_true", help="the conversations and questions with their ids; nothing is forgotten"
    )
    what.add_argument("--conversation", metavar="ID", action="append", help="one of the list, repeatable")
    what.add_argument(
        "--before", metavar="DATE", type=_date, help="conversations without additions since then: 2026-03-01"
    )
    what.add_argument("--all", action="store_true", help="all conversations, questions, caches and logs")
    what.add_argument(
        "--expired", action="store_true", help="what is older than policy and settings keep, without a question"
    )
    parser.add_argument("--yes", action="store_true", help="do not ask")
    parser.add_argument(
        "--json", action="store_true", help="print one JSON object; needs --yes, but for --list and --expired"
    )


def run(args: argparse.Namespace) -> int:
    """Say what will go, ask, and let it go.

    Raises:
        UsageError: nobody can be asked, or there is no such conversation, or it is open in another app.
    """
    from edge_assistant.history.store import History

    if args.expired:
        return _expire(args)
    history = History()
    try:
        return _list(history, args) if args.list else _forget(history, args)
    finally:
        history.quit()


def _expire(args: argparse.Namespace) -> int:
    from edge_assistant.governance import erasure
    from edge_assistant.governance.policy import policy

    days = policy.current().history_days(args.settings.keep_days)
    gone = 0 if days is None else erasure.expire(days)
    if args.json:
        print(json.dumps({"days": days, "expired": gone}))
    else:
        print("nothing expires" if days is None else f"{gone} older than {counted(days, 'day')} erased")
    return 0


def _list(history: History, args: argparse.Namespace) -> int:
    from edge_assistant.governance import erasure

    kept = erasure.kept(history)
    if args.json:
        conversations = [
            {
                "id": summary.id,
                "title": summary.title,
                "began": summary.began.isoformat(),
                "touched": summary.touched.isoformat(),
                "answers": summary.turns,
                "open": summary.id in kept.busy,
            }
            for summary in kept.conversations
        ]
        found = {"conversations": conversations, "questions": kept.questions, "damaged": len(kept.files)}
        print(json.dumps({**found, "cached": kept.cached}))
        return 0
    questions = (f"{id}  a question without a stored conversation" for id in kept.questions)
    lines = [*map(_line, kept.conversations), *questions, *_others(replace(kept, questions=[]))]
    print("\n".join(lines) if lines else "nothing is kept")
    return 0


def _forget(history: History, args: argparse.Namespace) -> int:
    from edge_assistant.governance import erasure

    if not args.yes and (args.json or not terminal.asks()):
        raise UsageError("erasure needs a confirmation, and there is no terminal", "confirm on the command line: --yes")
    kept = _chosen(history, args)
    if not args.yes and not _confirmed(kept, args):
        print("nothing was forgotten", file=sys.stderr)
        return 1
    if args.all:
        gone = erasure.forget_all(history)
    elif args.before:
        gone = erasure.forget_before(history, args.before)
    else:
        gone = list(dict.fromkeys(args.conversation))
        erasure.forget(history, gone)
    _report(gone, kept, args, erasure.unknown_files(history))
    return 0


def _chosen(history: History, args: argparse.Namespace) -> Kept:
    """What will go; what another app has open is refused where it was asked for.

    Raises:
        UsageError: as it says.
    """
    from edge_assistant.core.errors import KeyLost
    from edge_assistant.governance import erasure
    from edge_assistant.governance.erasure import Kept
    from edge_assistant.vault.caches import kept_bytes

    try:
        kept = erasure.kept(history, args.before)
    except KeyLost:
        if not args.all:
            raise
        return Kept([], [], history.set_aside(), [], kept_bytes())  # it cannot be read what it is, and all of it goes
    if args.conversation:
        wanted = set(args.conversation)
        there = {summary.id for summary in kept.conversations}.union(kept.questions)
        if unknown := sorted(wanted - there):
            what = f"there is no conversation {printable(', '.join(unknown))}"
            raise UsageError(what, "see 'edge-assistant forget --list'")
        if busy := sorted(wanted.intersection(kept.busy)):
            raise erasure.in_use(busy)
        conversations = [summary for summary in kept.conversations if summary.id in wanted]
        return Kept(conversations, [id for id in kept.questions if id in wanted], [], kept.busy, kept.cached)
    if args.before:
        conversations = [summary for summary in kept.conversations if summary.id not in kept.busy]
        return Kept(conversations, kept.questions, kept.files, kept.busy, kept.cached)
    if kept.busy:
        raise erasure.in_use(kept.busy)
    return kept


def _confirmed(kept: Kept, args: argparse.Namespace) -> bool:
    """Ask the person at the terminal."""
    lines = [_line(summary) for summary in kept.conversations[:SHOWN]]
    if len(kept.conversations) > SHOWN:
        lines.append(f"and {counted(len(kept.conversations) - SHOWN, 'more conversation')}")
    lines.extend(_others(kept))
    if args.all:
        lines.append("the logs, and all other data of conversations")
    if not lines:
        return True
    print("This is erased, and cannot be restored:", *(f"  {line}" for line in lines), sep="\n", file=sys.stderr)
    if kept.busy and args.before:
        print(f"Open conversations stay: {', '.join(kept.busy)}", file=sys.stderr)
    return terminal.agrees("Forget it?")


def _report(gone: list[str], kept: Kept, args: argparse.Namespace, others: list[str]) -> None:
    questions = set(kept.questions) & set(gone)
    if args.json:
        found = {"forgotten": gone, "questions": len(questions), "damaged": len(kept.files)}
        print(json.dumps({**found, "others": others}))
        return
    conversations = len(gone) - len(questions)
    parts = [*([counted(conversations, "conversation")] if conversations else []), *_others(kept)]
    print(f"forgotten: {', '.join(parts)}" if parts else "there is nothing to forget")
    if others:
        names = printable(", ".join(others[:SHOWN]))
        print(f"not touched, and perhaps a copy: {names}", file=sys.stderr)


def _line(summary: Summary) -> str:
    when = summary.touched.astimezone().strftime("%Y-%m-%d %H:%M")
    return printable(f"{summary.id}  {when}  {counted(summary.turns, 'answer'):>10}  {summary.title}")


def _others(kept: Kept) -> Iterator[str]:
    if kept.questions:
        yield f"the keys of {counted(len(kept.questions), 'question')} without a stored conversation"
    if kept.files:
        yield f"{counted(len(kept.files), 'damaged file')} of the history, set aside"
    if kept.cached:
        yield f"{_size(kept.cached)} of cached evidence"


def _size(count: int) -> str:
    """Bytes in the unit that a person reads.

    >>> _size(4_200), _size(31_400_000)
    ('4 kB', '31 MB')
    """
    return f"{count / 1e6:.0f} MB" if count >= 1e6 else f"{count / 1e3:.0f} kB"


def _date(text: str) -> datetime:
    """A day or a moment of ISO 8601, by the clock of the machine where it names no other."""
    try:
        return datetime.fromisoformat(text).astimezone()
    except (ValueError, OverflowError):
        raise argparse.ArgumentTypeError(f"{text!r} is not a date such as 2026-03-01") from None
