"""Scenarios from their files: what is well-formed is read, what is not is one clear line."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from edge_assistant.core.errors import InputCorrupt, InputEmpty, InputError, InputMissing
from edge_assistant.core.signals import Kind
from edge_assistant_quantize.datasets.scenarios import jobs, load

TOML = """
id = "shop-001"
domain = "receipts"
[[signals]]
kind = "text"
file = "claim.txt"
[[signals]]
kind = "text"
file = "slip.txt"
[[questions]]
ask = "What was paid?"
type = "spontaneous"
status = "conflict"
answer = ["34.80", "38.40"]
cites = ["text:1", "text:2"]
[[questions]]
ask = "Who paid?"
type = "absent"
status = "not_in_evidence"
answer = []
cites = []
"""


def write(root: Path, toml: str = TOML, name: str = "shop-001") -> Path:
    folder = root / name
    folder.mkdir(parents=True)
    (folder / "scenario.toml").write_text(toml, encoding="utf-8")
    (folder / "claim.txt").write_text("I paid 34.80.\n", encoding="utf-8")
    (folder / "slip.txt").write_text("Total 38.40\n", encoding="utf-8")
    return folder


def test_a_scenario_is_read(tmp_path: Path) -> None:
    write(tmp_path)
    (scenario,) = load(tmp_path)
    assert (scenario.id, scenario.domain) == ("shop-001", "receipts")
    assert [(kind, path.name) for kind, path in scenario.given] == [(Kind.TEXT, "claim.txt"), (Kind.TEXT, "slip.txt")]
    assert [signal.id for signal in scenario.take()] == ["text:1", "text:2"]
    assert scenario.questions[0].answer == ("34.80", "38.40")
    assert scenario.questions[1].status == "not_in_evidence"
    assert scenario.gold() == {}


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ('id = "shop-001"', 'id = "shop-002"', "the folder is named otherwise"),
        ('domain = "receipts"', "", "missing required field `domain`"),
        ('kind = "text"', 'kind = "smell"', "signals[0].kind: invalid enum value 'smell'"),
        ('"spontaneous"', '"sudden"', "questions[0].type: invalid enum value 'sudden'"),
        ('file = "claim.txt"', 'file = "../claim.txt"', "a signal is outside the folder"),
        ('["34.80", "38.40"]', '["34.80", 38.40]', "questions[0].answer[1]: expected `str`, got `float`"),
        ('["34.80", "38.40"]', '["34.80|", "38.40"]', "questions[0]: an empty entry in 'answer'"),
        ('["34.80", "38.40"]', "[]", "questions[0]: an 'answer' is needed"),
        ('["text:1", "text:2"]', '["text:1", "image:1"]', "'image:1' in 'cites' is no signal (text:1, text:2)"),
        ("[[signals]]", "[[signal]]", "missing required field `signals`"),
        ("[[questions]]", "[questions]", "malformed"),
        ('"claim.txt"', '"claim.txt', "malformed"),
    ],
)
def test_a_malformed_scenario_is_one_line(tmp_path: Path, old: str, new: str, what: str) -> None:
    write(tmp_path, TOML.replace(old, new) if old.startswith("[[") else TOML.replace(old, new, 1))
    with pytest.raises(InputCorrupt) as caught:
        load(tmp_path)
    assert caught.value.message.startswith("shop-001/scenario.toml is malformed: ")
    assert what in caught.value.message
    assert "\n" not in caught.value.message


def test_scenarios_that_are_not_there_or_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(InputEmpty, match="holds no scenarios"):
        load(tmp_path)
    with pytest.raises(InputMissing, match="is no folder"):
        load(tmp_path / "elsewhere")
    folder = write(tmp_path)
    with pytest.raises(InputEmpty, match="no scenario like clinic"):
        load(tmp_path, "clinic-*")
    (folder / "slip.txt").unlink()
    with pytest.raises(InputMissing, match=r"shop-001/slip\.txt does not exist"):
        load(tmp_path)
    (folder / "scenario.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputCorrupt):
        load(tmp_path)
    (folder / "scenario.toml").write_bytes(b"#" * (5 << 20))
    with pytest.raises(InputCorrupt, match="it is over 4,194,304 bytes"):
        load(tmp_path)
    (folder / "scenario.toml").unlink()
    os.mkfifo(folder / "scenario.toml")
    with pytest.raises(InputCorrupt, match=r"it cannot be read \(Not a regular file\)"):
        load(tmp_path)


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        '{"image:1": []}',
        '{"text:1": {}}',
        '{"text:1": [{"text": "x"}]}',
        "[" * 100_000,
        "{}" + " " * (5 << 20),
    ],
)
def test_malformed_gold_evidence(tmp_path: Path, text: str) -> None:
    (write(tmp_path) / "evidence.json").write_text(text, encoding="utf-8")
    (scenario,) = load(tmp_path)
    with pytest.raises(InputError) as caught:
        scenario.gold()
    assert "evidence.json is malformed" in caught.value.message


def test_gold_evidence_by_signal(tmp_path: Path) -> None:
    item = {"text": "Total 38.40", "confidence": 1, "locator": {"chars": [0, 11]}, "detail": {"kind": "passage"}}
    (write(tmp_path) / "evidence.json").write_text(json.dumps({"text:2": [item]}), encoding="utf-8")
    (scenario,) = load(tmp_path)
    ((signal, (found,)),) = scenario.gold().items()
    assert (signal, found.signal, found.text) == ("text:2", "text:2", "Total 38.40")


def test_questions_come_in_order(tmp_path: Path) -> None:
    for number in range(2):
        write(tmp_path, TOML.replace("shop-001", f"shop-{number:03}"), f"shop-{number:03}")
    every = jobs(load(tmp_path))
    asked = ("What was paid?", "Who paid?")
    assert [job.key for job in every] == [(f"shop-00{number}", ask) for number in (0, 1) for ask in asked]
    assert jobs(load(tmp_path), limit=3) == every[:3]


def test_scenarios_are_equal_by_what_a_model_reads_of_them(tmp_path: Path) -> None:
    folders = [write(tmp_path, TOML.replace("shop-001", name), name) for name in ("shop-001", "shop-002", "shop-003")]
    (folders[1] / "claim.txt").write_text("i  paid 34.80.", encoding="utf-8")
    (folders[2] / "claim.txt").write_text("I paid 34.90.\n", encoding="utf-8")
    one, same, other = load(tmp_path)
    assert one.content == same.content != other.content
    detail = {"kind": "passage"}
    gold = {f"text:{number}": [{"text": f"paid {number}", "detail": detail}] for number in (1, 2)}
    for folder in folders:
        (folder / "evidence.json").write_text(json.dumps(gold), encoding="utf-8")
    assert one.content != other.content
    assert replace(one, reads_gold=True).content == replace(other, reads_gold=True).content != one.content
