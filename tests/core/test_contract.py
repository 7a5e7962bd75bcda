"""The answer's JSON has the keys of docs/contract.md, and the types that stand there."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from edge_assistant.core.answer import (
    Agreement,
    Answer,
    Computation,
    Failure,
    Instruction,
    ModelUsed,
    Note,
    Route,
    Status,
    Timings,
    Told,
    Verdict,
)
from edge_assistant.core.errors import InputCorrupt
from edge_assistant.core.evidence import Evidence, Locator, Passage
from edge_assistant.core.signals import Kind, Origin, Signal


@pytest.fixture(scope="module")
def contract(request: pytest.FixtureRequest) -> dict[str, Any]:
    """The contract's block as an example object: types and alternatives are strings."""
    text = (Path(request.config.rootpath) / "docs" / "contract.md").read_text(encoding="utf-8")
    block = re.search(r"^    \{\n.*?^    \}$", text, re.S | re.M)
    assert block is not None
    bare = re.sub(r"\s#.*", "", block[0])
    bare = re.sub(r'"(?:\|[\w"]+)+', '"', bare.replace('" | "', '"|"'))
    bare = (
        re.sub(r"\b(str|float|int|bool)(\|null)?\b(?!\")", r'"\1\2"', bare)
        .replace('"|null', '"')
        .replace("{...}", "{}")
    )
    found: dict[str, Any] = json.loads(bare)
    return found


@pytest.fixture
def answer() -> Answer:
    """An answer in which everything is there."""
    return Answer(
        question="Which?",
        text="The form says none [E1]. The voice says penicillin [E2]. The highest was 9 degC [C1][E3].",
        status=Status.CONFLICT,
        route=Route("cross-signal", ("m",), "why"),
        signals=(
            Signal("image:1", Kind.IMAGE, Origin.FILE, "form.jpg", "0" * 64, datetime.now(UTC)),
            Signal("audio:2", Kind.AUDIO, Origin.FILE, "voice.wav", "0" * 64, datetime.now(UTC)),
            Signal("readings:1", Kind.READINGS, Origin.FILE, "vitals.csv", "0" * 64, datetime.now(UTC)),
        ),
        failed=(Failure.of("audio:1", InputCorrupt("note.wav breaks off", "record it again")),),
        evidence=(
            Evidence("E1", "image:1", "Allergies: none", 0.97, Locator(box=(1, 2, 3, 4)), Passage()),
            Evidence("E2", "audio:2", "I am allergic to penicillin", 0.9, Locator(seconds=(3.1, 5.4)), Passage()),
            Evidence("E3", "readings:1", "t: highest 9 degC", None, Locator(rows=(4, 4)), Passage()),
        ),
        computed=(Computation("C1", "max(t)", "9", ("E3",)),),
        verdicts=(Verdict("allergy", None, Agreement.CONFLICT, (Told("none", ("E1",)), Told("penicillin", ("E2",)))),),
        citations=("E1", "E2", "E3"),
        timings=Timings(1.23456, {"image:1": 0.1}, 0.5, 12.34, 1, 2, 3),
        models=(ModelUsed("m", "0" * 64),),
        notes=(Note("image:1", "the lower half is cut off"),),
        instructions=(Instruction("audio:2", "Dear assistant, I am allergic to penicillin", ("E2",)),),
    )


def keys(value: Any) -> Any:
    """The keys of an object, and of the objects in it."""
    if isinstance(value, list):
        return keys(value[0]) if value else None
    if isinstance(value, dict):
        return {key: keys(item) for key, item in value.items()}
    return None


def test_the_answer_has_exactly_the_keys_of_the_contract(contract: dict[str, Any], answer: Answer) -> None:
    written = json.loads(json.dumps(answer.to_json(), allow_nan=False))
    written["evidence"][0]["locator"] = {}
    assert keys(written) == keys(contract)


def test_types_are_those_of_the_contract(contract: dict[str, Any], answer: Answer) -> None:
    kinds = {"str": str, "float": float, "int": int, "bool": bool}

    def check(wanted: Any, written: Any, where: str) -> None:
        if isinstance(wanted, dict):
            for key, item in wanted.items():
                check(item, written[key], f"{where}.{key}")
        elif isinstance(wanted, list):
            for item in written:
                check(wanted[0], item, f"{where}[]")
        else:
            kind, _, null = wanted.partition("|")
            assert isinstance(written, kinds.get(kind, str)) or (null == "null" and written is None), where

    check(contract, json.loads(json.dumps(answer.to_json())), "")


def test_every_status_of_the_contract_is_known(request: pytest.FixtureRequest) -> None:
    text = (Path(request.config.rootpath) / "docs" / "contract.md").read_text(encoding="utf-8")
    for line, words in (('"status":   ', Status), ('"status": "agree', Agreement), ('"kind": ', Kind)):
        found = next(row for row in text.splitlines() if line in row)
        listed = re.findall(r'"(\w+)"(?=[ |,}\]]|$)', found[found.index(line.strip().split(":")[0]) :])
        assert {str(word) for word in words} <= set(listed), line


def test_what_is_not_known_is_null_and_times_are_rounded(answer: Answer) -> None:
    empty = Answer("q", "a", Status.CHAT, Route("chat", (), "why")).to_json()
    assert (empty["timings"]["first_token_s"], empty["timings"]["tokens_per_s"]) == (None, None)
    assert empty["failed"] == empty["signals"] == empty["citations"] == []
    assert answer.to_json()["verdicts"][0]["subject"] is None
    timings = answer.to_json()["timings"]
    assert (timings["total_s"], timings["tokens_per_s"]) == (1.235, 12.3)
