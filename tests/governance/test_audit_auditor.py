"""What a question leaves in the audit trail: each event before it is seen, and nothing of what was said."""

from __future__ import annotations

import ast
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from helpers import smalldisk
from helpers.plain_model import PlainEngine

from edge_assistant.compute.runtime import Runtime
from edge_assistant.core.answer import Answer
from edge_assistant.core.errors import InputError, Stopped, StorageFull
from edge_assistant.core.events import Answered, Compared, Event, Perceived, Routed, Said
from edge_assistant.core.signals import Kind, Origin, Signal, take_bytes, take_file
from edge_assistant.governance.audit import queries
from edge_assistant.governance.audit.auditor import Auditor, answer_digest
from edge_assistant.governance.audit.rows import AuditRow
from edge_assistant.governance.audit.trail import Trail
from edge_assistant.session.assistant import Assistant
from edge_assistant.vault.vault import Vault
from edge_assistant_models.portfolio import Portfolio

ID = "00112233aabbccdd"
PLANTED = "Zyxomenthin"
FORM = f"Allergies: {PLANTED}\nWeight of Quorlinda: 61 kg\n".encode()
NOTE = b"Allergies: none\nWeight of Quorlinda: 67 kg\n"
WORDS = ("Zyxomenthin", "Quorlinda", "61 kg", "67 kg", "Weight", "weight", "Allerg", "patient-Mollendruz")


class Audited:
    """An assistant over a trail, in a folder."""

    def __init__(self, folder: Path, portfolio: Portfolio) -> None:
        self.vault = Vault(folder / "keys")
        self.trail = Trail(folder / "audit", self.vault, folder / "checkpoints.jsonl")
        self.auditor = Auditor(self.trail, lambda: ID)
        self.assistant = Assistant(
            portfolio,
            "test",
            runtime=Runtime(1),
            engine=PlainEngine,
            auditor=self.auditor,
        )

    def rows(self) -> list[AuditRow]:
        return self.trail.read(lambda c: [AuditRow(*row) for row in c.execute("SELECT * FROM rows ORDER BY number")])

    def facts(self, kind: str) -> list[dict[str, Any]]:
        return [json.loads(row.body) for row in self.rows() if row.kind == kind]

    def digest(self, text: str) -> str:
        return self.vault.existing(ID).digest(text.encode())


@pytest.fixture
def audited(tmp_path: Path, store: Path, home: Path) -> Audited:
    return Audited(tmp_path, Portfolio(store, home / "catalog"))


def form(folder: Path) -> Signal:
    file = folder / "patient-Mollendruz.txt"
    file.write_bytes(FORM)
    return take_file(file, Kind.TEXT, 1)


def note(data: bytes = NOTE) -> Signal:
    return take_bytes(data, Kind.TEXT, 2, origin=Origin.USER, name="standard input")


def compared(audited: Audited, folder: Path, watch: Callable[[Event], None] = lambda event: None) -> Answer:
    return audited.assistant.check([form(folder), note()], watch)


def test_each_event_is_in_the_trail_before_it_is_seen(audited: Audited, tmp_path: Path) -> None:
    written = {Routed: "route", Perceived: "evidence", Compared: "verdict", Said: "said", Answered: "answer"}
    seen: dict[str, int] = {}

    def watch(event: Event) -> None:
        if kind := written.get(type(event)):
            seen[kind] = seen.get(kind, 0) + 1
            assert [row.kind for row in audited.rows()].count(kind) == seen[kind]

    compared(audited, tmp_path, watch)
    assert set(seen) == set(written.values())


def test_what_stands_in_the_rows(audited: Audited, tmp_path: Path) -> None:
    said: list[str] = []
    answer = compared(audited, tmp_path, lambda event: said.append(event.text) if isinstance(event, Said) else None)
    kinds = [row.kind for row in audited.rows()]

    assert kinds[:4] == ["question", "signal", "signal", "route"]
    assert kinds[-2:] == ["answer", "checkpoint"]
    assert audited.facts("signal")[0] == {
        "signal": "text:1",
        "kind": "text",
        "origin": "file",
        "bytes": len(FORM),
        "digest": audited.digest(answer.signals[0].sha256),
    }
    assert audited.facts("said") == [
        {"sentence": number, "digest": audited.digest(text)} for number, text in enumerate(said, 1)
    ]
    assert [fact["status"] for fact in audited.facts("verdict")] == [v.status for v in answer.verdicts]
    assert audited.facts("verdict")[0]["matter"] == audited.digest(answer.verdicts[0].matter)
    perceived = [id for fact in audited.facts("evidence") for id in fact["evidence"]]
    assert perceived == [item.id for item in answer.evidence]
    (fact,) = audited.facts("answer")
    assert fact["text"] == audited.digest(answer.text)
    assert fact["citations"] == list(answer.citations)
    printed = json.loads(json.dumps(answer.to_json()))
    assert fact["digest"] == answer_digest(printed, audited.vault.existing(ID))
    row = queries.given(audited.trail, printed)
    assert row is not None
    assert json.loads(row.body) == fact
    assert queries.given(audited.trail, printed | {"answer": "another"}) is None
    assert [row.kind for row in queries.rows(audited.trail, queries.RowFilter(kind="said", last=1))] == ["said"]
    assert {row.conversation for row in audited.rows() if row.kind != "checkpoint"} == {ID}
    before = audited.rows()
    audited.vault.destroy([ID])
    assert audited.vault.key(ID).digest(answer.text.encode()) != fact["text"], "the digests are of nobody"
    assert audited.rows() == before


def test_nothing_of_what_came_in_or_was_said_is_in_its_files(audited: Audited, tmp_path: Path) -> None:
    answer = compared(audited, tmp_path)
    assert [verdict.matter for verdict in answer.verdicts] == ["weight of quorlinda", "allergies"]
    assert PLANTED in json.dumps(answer.to_json())
    audited.trail.close()
    audited.vault.close()

    files = [file for folder in ("audit", "keys") for file in (tmp_path / folder).iterdir()]
    kept = b"".join(file.read_bytes() for file in [*files, tmp_path / "checkpoints.jsonl"])
    assert b"verdict" in kept
    assert [word for word in WORDS if word.encode() in kept] == []
    assert not [signal for signal in answer.signals if signal.sha256.encode() in kept]


def test_a_signal_that_is_perceived_ahead_is_written_once(audited: Audited, tmp_path: Path) -> None:
    signal = form(tmp_path)
    audited.assistant.perceive(signal, lambda event: None)
    assert [row.kind for row in audited.rows()] == ["signal"]

    audited.assistant.check([signal, note()], lambda event: None)
    audited.assistant.check([signal, note(b"Allergies: pollen\n")], lambda event: None)
    assert [fact["signal"] for fact in audited.facts("signal")] == ["text:1", "text:2", "text:2"]


def test_what_ends_without_an_answer_says_why(audited: Audited, tmp_path: Path) -> None:
    with pytest.raises(InputError):
        audited.assistant.ask("Which?", [note(b"\xff\xfe\xff")], lambda event: None)

    def stopping(event: Event) -> None:
        raise Stopped("stopped", "ask again")

    with pytest.raises(Stopped):
        compared(audited, tmp_path, stopping)
    with pytest.raises(ZeroDivisionError):
        compared(audited, tmp_path, lambda event: 1 // 0)
    assert [fact["code"] for fact in audited.facts("ended")] == ["input.unsupported", "stopped", "fault"]
    assert audited.facts("answer") == []


def test_without_room_nothing_is_said(tmp_path: Path, store: Path, home: Path) -> None:
    with smalldisk.mounted(tmp_path / "disk", lazy=True) as folder:
        audited = Audited(folder, Portfolio(store, home / "catalog"))
        seen: list[Event] = []
        compared(audited, tmp_path, seen.append)
        smalldisk.fill(folder)
        with pytest.raises(StorageFull, match="the audit trail cannot be written: the disk is full"):
            [compared(audited, tmp_path, seen.append) for _ in range(100)]
        kinds = [row.kind for row in audited.rows()]
        for event, kind in ((Said, "said"), (Answered, "answer")):
            assert sum(isinstance(one, event) for one in seen) <= kinds.count(kind)
        assert kinds.count("stopped") == 1
        audited.trail.close()


def test_without_room_for_a_key_nothing_is_asked(tmp_path: Path, store: Path, home: Path) -> None:
    with smalldisk.mounted(tmp_path / "disk", lazy=True) as folder:
        Audited(folder, Portfolio(store, home / "catalog")).trail.append("said", {})
        smalldisk.fill(folder)
        audited = Audited(folder, Portfolio(store, home / "catalog"))
        seen: list[Event] = []
        with pytest.raises(StorageFull):
            compared(audited, tmp_path, seen.append)
        assert seen == []
        assert [row.kind for row in audited.rows()] == ["said", "stopped"]


def test_every_front_end_has_its_questions_written_down(pytestconfig: pytest.Config) -> None:
    """But for what a resident warms its models with, which nobody asked."""
    root = pytestconfig.rootpath
    files = [*(root / "edge_assistant" / "cli").glob("*.py"), *(root / "tui" / "edge_assistant_tui").rglob("*.py")]
    calls = [
        call
        for file in files
        if file.name != "_warm.py"
        for call in ast.walk(ast.parse(file.read_text("utf-8")))
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "Assistant"
    ]
    assert len(calls) == 2
    assert all("auditor" in [option.arg for option in call.keywords] for call in calls)
