"""The audit trail: what a row costs against a plain one, what a question costs with it, and reading it all."""

from __future__ import annotations

import argparse
import json
import secrets
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from edge_assistant.governance.audit.trail import Trail

NAME = "audit"
HELP = "the audit trail: a row, a question with and without it, and verifying 100,000 rows"

QUESTION = "What is the patient allergic to?"
TEXTS = (b"Name: Jane Roe\nAllergies: none\nMedication: ibuprofen 200 mg\n", b"I am allergic to penicillin.\n")
_FACTS = {"sentence": 1, "digest": "ab" * 32}  # of a row, such as most are
_ID = "0" * 16


def configure(parser: argparse.ArgumentParser) -> None:
    """The options."""
    parser.add_argument("--rows", type=int, default=100_000, help="of the trail that is verified (100,000)")
    parser.add_argument("--repeats", type=int, default=1_000, help="rows of each kind that are timed (1,000)")
    parser.add_argument("--questions", type=int, default=30, help="asked with and without, alternating (30)")
    parser.add_argument("--profile", metavar="NAME", default="starter", help="which models (starter)")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(args: argparse.Namespace) -> int:
    """Measure and print; 0."""
    with tempfile.TemporaryDirectory() as folder:
        figures = {
            **rows(Path(folder) / "rows", args.repeats),
            **verify_seconds(Path(folder) / "verified", args.rows),
            **questions(Path(folder) / "questions", args.questions, args.profile),
        }
    if args.json:
        print(json.dumps(figures))
        return 0
    print(f"a row            median {figures['row_ms']:.2f} ms, p95 {figures['row_p95_ms']:.2f} ms")
    print(
        f"a plain row      median {figures['plain_ms']:.2f} ms, p95 {figures['plain_p95_ms']:.2f} ms, without its codes"
    )
    print(f"the first row    {figures['first_ms']:.0f} ms: keys and files are made")
    print(
        f"verify           {figures['verify_s']:.2f} s for {args.rows:,} rows, {figures['bytes_a_row']:.0f} bytes each"
    )
    print(f"a question       median {figures['audited_ms']:.1f} ms, {figures['unaudited_ms']:.1f} ms without the trail")
    print(f"it leaves        {figures['rows_a_question']:.0f} rows, {figures['bytes_a_question']:.0f} bytes")
    return 0


def rows(folder: Path, repeats: int) -> dict[str, float]:
    """Milliseconds of a row on the disk, and of one in a table that has no codes; alternating."""
    from edge_assistant.storage.database import Database
    from edge_assistant.storage.schema import DatabaseSchema

    trail = _trail(folder)
    first = _ms(lambda: trail.append("said", _FACTS, _ID))
    columns = "(number INTEGER PRIMARY KEY, time TEXT, conversation TEXT, kind TEXT, body TEXT)"
    plain = Database(folder / "plain.db", DatabaseSchema("a table", 1, 1, (f"CREATE TABLE rows {columns}",)))
    body = json.dumps(_FACTS)

    def insert() -> None:
        row = [_ID, _ID, "said", body]
        plain.write(lambda c: c.execute("INSERT INTO rows (time, conversation, kind, body) VALUES (?, ?, ?, ?)", row))

    insert()
    taken = [(_ms(lambda: trail.append("said", _FACTS, _ID)), _ms(insert)) for _ in range(repeats)]
    audited, unaudited = zip(*taken, strict=True)
    plain.close()
    trail.close()
    return {
        "first_ms": first,
        "row_ms": statistics.median(audited),
        "row_p95_ms": sorted(audited)[int(len(audited) * 0.95)],
        "plain_ms": statistics.median(unaudited),
        "plain_p95_ms": sorted(unaudited)[int(len(unaudited) * 0.95)],
    }


def verify_seconds(folder: Path, count: int) -> dict[str, float]:
    """Seconds of reading a trail of so many rows, and bytes of a row.

    Raises:
        AssertionError: it is not found to be whole.
    """
    from edge_assistant.governance.audit.trail import FILE
    from edge_assistant.governance.audit.verify import verify

    trail = _trail(folder)
    trail.extend([("said", _FACTS)] * (count - 1), _ID, checkpoint=True)
    began = time.perf_counter()
    report = verify(trail)
    seconds = time.perf_counter() - began
    trail.close()
    assert (report.finding, report.rows) == (None, count)
    return {"verify_s": seconds, "bytes_a_row": (trail.folder / FILE).stat().st_size / count}


def questions(folder: Path, repeats: int, profile: str) -> dict[str, float]:
    """Milliseconds of a question over two texts, each in a conversation of its own; and what it leaves."""
    from edge_assistant.core.signals import Kind, Origin, take_bytes
    from edge_assistant.governance.audit.auditor import Auditor
    from edge_assistant.governance.audit.trail import FILE
    from edge_assistant.session.assistant import Assistant
    from edge_assistant_models.portfolio import Portfolio

    trail = _trail(folder)
    ids = [secrets.token_hex(8)]
    signals = [
        take_bytes(text, Kind.TEXT, number, origin=Origin.USER, name="a note") for number, text in enumerate(TEXTS, 1)
    ]
    audited = Assistant(Portfolio(), profile, auditor=Auditor(trail, lambda: ids[-1]))
    unaudited = Assistant(Portfolio(), profile)

    def asked(assistant: Assistant) -> float:
        ids.append(secrets.token_hex(8))
        return _ms(lambda: assistant.ask(QUESTION, signals, lambda event: None))

    for assistant in (audited, unaudited):  # models are loaded
        asked(assistant)
    taken = [(asked(audited), asked(unaudited)) for _ in range(repeats)]
    count = trail.read(lambda connection: trail.head(connection).count)
    trail.close()
    return {
        "audited_ms": statistics.median(one for one, _ in taken),
        "unaudited_ms": statistics.median(other for _, other in taken),
        "rows_a_question": count / (repeats + 1),
        "bytes_a_question": (trail.folder / FILE).stat().st_size / (repeats + 1),
    }


def _trail(folder: Path) -> Trail:
    from edge_assistant.governance.audit.trail import CHECKPOINTS, Trail
    from edge_assistant.vault.vault import Vault

    return Trail(folder / "audit", Vault(folder / "keys"), folder / CHECKPOINTS)


def _ms(work: Callable[[], Any]) -> float:
    began = time.perf_counter()
    work()
    return (time.perf_counter() - began) * 1000
