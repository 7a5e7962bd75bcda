"""The record of figures: one row a run, with its interval."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from edge_assistant.core.errors import StorageFull
from edge_assistant_quantize.datasets.scenarios import Question, Scenario, ScenarioJob
from evals import record
from evals.results import Reply, ScenarioResult


def result(status: str, said: str, answer: str) -> ScenarioResult:
    question = Question("What is it?", "lookup", status, ("7",) if status != "not_in_evidence" else (), ())
    job = ScenarioJob(Scenario("one", "shop", Path(), (), (question,)), question)
    return ScenarioResult.of(job, "everything", Reply({"answer": answer, "status": said}))


RESULTS = (
    result("supported", "supported", "7"), result("supported", "supported", "8"),
    result("supported", "not_in_evidence", "nothing"), result("conflict", "conflict", "7"),
    result("supported", "conflict", "7"), result("not_in_evidence", "not_in_evidence", "nothing"),
)  # fmt: skip


def test_a_run_is_one_row(tmp_path: Path) -> None:
    path, how = tmp_path / "measured.csv", {"commit": "abc", "reasoning": "rules", "profile": "test"}
    for gold in (True, False):
        record.add(path, RESULTS, tmp_path / "shops", **how, gold=gold, first=gold)
    first, second = csv.DictReader(path.read_text("utf-8").splitlines())
    assert (first["set"], first["commit"], first["questions"], first["right"]) == ("shops", "abc", "6", "3")
    assert [first[name] for name in ("contradictions there", "said", "said and right")] == ["1", "2", "1"]
    assert (first["untold right"], first["wrong without doubt"]) == ("1 of 1", "2")
    assert float(first["from"]) < float(first["share"]) < float(first["to"])
    assert [(row["perception"], row["first sight"]) for row in (first, second)] == [("gold", "yes"), ("real", "no")]


def test_a_record_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(StorageFull, match="--record"):
        record.add(tmp_path, RESULTS, tmp_path, commit="", reasoning="", profile="", gold=True, first=True)
