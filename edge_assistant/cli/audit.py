"""`edge-assistant audit`: what was done, whether its trail is as it was written, and a copy that others can check."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge_assistant.core.signals import printable

if TYPE_CHECKING:
    from edge_assistant.governance.audit.rows import AuditRow
    from edge_assistant.governance.audit.trail import Trail
    from edge_assistant.governance.audit.verify import Report

NAME = "audit"
HELP = "show, verify and export the audit trail"

EXAMPLES = """examples:
  edge-assistant audit show
  edge-assistant audit show --since 2026-11-01 --kind answer --last 0 --json
  edge-assistant audit verify
  edge-assistant audit export trail.jsonl

docs/audit.md says what stands in the rows, and how to check an export without this program"""
SHOWN = 50  # rows that `show` shows where nobody says how many
_DIGEST = 64  # characters of a digest, of which a table shows the first
_SHORT = 12
_WIDE = 200  # characters of a line that goes to no terminal
_COLUMNS = ("row", "time", "conversation", "kind", "facts")


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the verb's own verbs and their arguments."""
    verbs = parser.add_subparsers(dest="audit_verb", required=True, metavar="VERB")

    verb = verbs.add_parser("show", help="the last rows, unverified; see verify")
    verb.add_argument("--since", metavar="TIME", type=_since, help="from this day or time on, such as 2026-11-25T14:00")
    verb.add_argument("--until", metavar="TIME", type=_until, help="up to this day, included, or before this time")
    verb.add_argument("--kind", metavar="K", help="such as question, signal, verdict, said, answer, forgot")
    verb.add_argument("--conversation", metavar="ID", help="of one conversation")
    verb.add_argument("--last", metavar="N", type=_number, default=SHOWN, help=f"at most so many, 0 for all ({SHOWN})")
    verb.add_argument("--plain", action="store_true", help="no colour")
    verb.add_argument("--json", action="store_true", help="print one JSON object")
    verb.set_defaults(audit_action=_show)

    verb = verbs.add_parser("verify", help="verify every row: 0 unchanged, 1 changed, 6 the end is unknown")
    verb.add_argument("--checkpoint", metavar="FILE", type=Path, help="of checkpoints that was kept elsewhere")
    verb.add_argument("--answer", metavar="FILE", type=Path, help="what `ask --json` printed: whether it was given")
    verb.add_argument("--json", action="store_true", help="print one JSON object")
    verb.set_defaults(audit_action=_verify)

    verb = verbs.add_parser("export", help="write it to a file that can be checked without this program")
    verb.add_argument("file", metavar="FILE", type=Path)
    verb.set_defaults(audit_action=_export)

    verb = verbs.add_parser("checkpoint", help="sign how far it has come, to be kept elsewhere")
    verb.add_argument("file", metavar="FILE", type=Path, nargs="?", help="takes another line (printed)")
    verb.set_defaults(audit_action=_checkpoint)

    verb = verbs.add_parser("begin", help="begin a new trail; the old one stays beside it, and row 1 names its end")
    verb.set_defaults(audit_action=_begin)

    verb = verbs.add_parser("key", help="the public key of checkpoints and exports, to be noted elsewhere")
    verb.set_defaults(audit_action=_key)


def run(args: argparse.Namespace) -> int:
    """Run the verb.

    Raises:
        EdgeAssistantError: what cannot be done, with the status to exit with.
    """
    from edge_assistant.governance.audit.trail import Trail

    with closing(Trail()) as trail:
        return int(args.audit_action(args, trail))


def _show(args: argparse.Namespace, trail: Trail) -> int:
    if args.json:
        _print_objects(_rows(args, trail))
        return 0
    from rich.console import Console
    from rich.table import Column, Table
    from rich.text import Text

    from edge_assistant.cli import terminal

    plain = args.plain or args.settings.plain
    table = Table(*_COLUMNS[:-1], Column(_COLUMNS[-1], overflow="fold"), box=None, pad_edge=False)
    for row in _rows(args, trail):
        cells = (str(row.number), _local(row.time), row.conversation, row.kind, _facts(_body(row)))
        table.add_row(*(Text(printable(str(cell))) for cell in cells))
    width = None if sys.stdout.isatty() else _WIDE
    Console(no_color=not terminal.colours(sys.stdout, plain=plain), highlight=False, width=width).print(table)
    return 0


def _rows(args: argparse.Namespace, trail: Trail) -> list[AuditRow]:
    from edge_assistant.governance.audit.queries import RowFilter, rows

    wanted = RowFilter(args.since, args.until, args.kind, args.conversation, args.last or None)
    return rows(trail, wanted)


def _print_objects(rows: list[AuditRow]) -> None:
    """One JSON object, a row at a time."""
    sys.stdout.write('{"rows": [')
    for number, row in enumerate(rows):
        found = {name: getattr(row, name) for name in ("number", "time", "conversation", "kind", "mac")}
        sys.stdout.write(",\n" * (number > 0) + json.dumps(found | {"body": _body(row)}, default=str))
    sys.stdout.write("]}\n")


def _body(row: AuditRow) -> dict[str, Any]:
    """The facts of a row; where somebody changed it, it may have none that can be read."""
    try:
        found = json.loads(row.body)
    except (TypeError, ValueError, RecursionError):
        found = None
    return found if isinstance(found, dict) else {"unreadable": str(row.body)}


def _local(time: str) -> str:
    try:
        return f"{datetime.fromisoformat(time).astimezone():%Y-%m-%d %H:%M:%S}"
    except (TypeError, ValueError):
        return str(time)


def _facts(body: dict[str, Any]) -> str:
    """The facts of a row in one line; of a digest the first characters."""
    return ", ".join(f"{key} {_told(value)}" for key, value in body.items() if value not in ([], None))


def _told(value: Any) -> str:  # noqa: ANN401 - what JSON holds
    match value:
        case dict():
            return f"({_facts(value)})"
        case list():
            return " ".join(map(_told, value))
        case str() if len(value) >= _DIGEST:
            return f"{value[:_SHORT]}..."
    return str(value)


def _verify(args: argparse.Namespace, trail: Trail) -> int:
    from edge_assistant.core.errors import StorageFull
    from edge_assistant.governance.audit.verify import verify

    report = verify(trail, args.checkpoint)
    told: dict[str, Any] = report.to_json()
    given = True
    if args.answer is not None and report.finding is None:
        told["answer"] = _given(args.answer, trail)
        given = told["answer"] is not None
    if args.json:
        print(json.dumps(told))
    else:
        for line in (*_lines(report), *(_answer_lines(told["answer"]) if "answer" in told else ())):
            print(printable(line))
    if report.finding is None and given:
        return StorageFull.exit_status if report.unsure else 0
    return 1


def _lines(report: Report) -> Iterator[str]:
    """What verifying came to, for people."""
    if report.finding is None and report.unsure:
        yield f"UNSURE: the {report.rows:,} rows are as they were written, but more may have followed"
    elif report.finding is None:
        yield f"whole: all {report.rows:,} rows are as they were written"
    else:
        yield f"DAMAGED: {report.finding.what}"
        yield f"the {report.rows:,} rows before it are as they were written"
    if report.last is not None:
        yield f"checkpoints that agree: {report.checkpoints:,}, the last one of {report.last}"
    for reason in report.unsure:
        yield f"unsure: {reason}"
    if report.unsure:
        yield "compare with a checkpoint that was kept elsewhere, then sign the end: edge-assistant audit checkpoint"
    for note in report.notes:
        yield f"note: {note}"


def _given(file: Path, trail: Trail) -> dict[str, Any] | None:
    """When an answer was given.

    Raises:
        InputError: the file holds none.
    """
    from edge_assistant.core.errors import InputCorrupt
    from edge_assistant.core.signals import Kind, take_file
    from edge_assistant.governance.audit.queries import given

    try:
        found = json.loads(take_file(file, Kind.TEXT, 1).read())
    except (ValueError, RecursionError):
        raise InputCorrupt(f"{printable(file.name)} is not JSON", "give what 'ask --json' printed") from None
    row = given(trail, found)
    return {"row": row.number, "time": row.time, "conversation": row.conversation} if row else None


def _answer_lines(found: dict[str, Any] | None) -> Iterator[str]:
    if found is None:
        yield "NOT FOUND: this answer is in no row, or its conversation was forgotten, or it was changed"
    else:
        yield f"this answer was given: row {found['row']}, {found['time']}, conversation {found['conversation']}"


def _export(args: argparse.Namespace, trail: Trail) -> int:
    from edge_assistant.governance.audit.export import write

    rows = write(trail, args.file)
    print(f"{rows:,} rows, signed with the key {trail.signer.public}")
    return 0


def _checkpoint(args: argparse.Namespace, trail: Trail) -> int:
    """Sign how far the trail has come.

    Raises:
        UsageError: the folder of the file is not there, as of a stick that is not.
    """
    from edge_assistant.core.errors import UsageError
    from edge_assistant.governance.audit import checkpoints

    if args.file is not None and not args.file.parent.is_dir():
        what = f"{printable(args.file.name)} cannot lie in a folder that does not exist"
        raise UsageError(what, "name a file in a folder that is there")
    made = trail.checkpoint()
    if args.file is None:
        print(json.dumps(made.to_json()))
    else:
        checkpoints.add(args.file, made)
        print(printable(f"{made.rows:,} rows so far, signed in {args.file}"))
    return 0


def _begin(args: argparse.Namespace, trail: Trail) -> int:
    former = trail.begin()
    print(f"a new trail was begun; the old one of {former:,} rows is in {printable(str(trail.folder))}")
    return 0


def _key(args: argparse.Namespace, trail: Trail) -> int:
    print(trail.signer.public)
    return 0


def _since(text: str) -> str:
    return _time(text)


def _until(text: str) -> str:
    """A time; of a day its end."""
    return _time(text, more=timedelta(days="T" not in text and " " not in text.strip()))


def _time(text: str, more: timedelta = timedelta()) -> str:
    """As times stand in the trail; without a zone it is the machine's."""
    try:
        return (datetime.fromisoformat(text) + more).astimezone(UTC).isoformat(timespec="microseconds")
    except (ValueError, OverflowError):
        raise argparse.ArgumentTypeError(f"{text!r} is not a day or time such as 2026-11-25T14:00") from None


def _number(text: str) -> int:
    if not text.isascii() or not text.isdigit():
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of 0 or more")
    return min(int(text[:20]), sys.maxsize)  # what is longer is more than there are
