"""`bench cross-signal` from its options to its tables, over small scenarios with a scripted language model."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from helpers import plain_model
from helpers.engines import ScriptedEngine, scripted

from edge_assistant.compute.runtime import Runtime
from edge_assistant.core.errors import InputCorrupt, ModelMissing, StorageFull, UsageError
from edge_assistant.perception.senses.readings import Readings
from edge_assistant.storage.settings import Settings
from edge_assistant_quantize.datasets.scenarios import Question, Scenario, ScenarioJob, load
from evals import cross_signal, warm
from evals.cross_signal import draw

ROWS = "".join(f"2025-03-14T14:{minute:02d}:00,{60 + minute}\n" for minute in range(40))
HIGHEST = "What was the highest temperature?"
LOWEST = "What was the lowest temperature?"
SCENARIO = f"""
id = "NAME"
domain = "machines"
[[signals]]
kind = "readings"
file = "motor.csv"
[[questions]]
ask = "{HIGHEST}"
type = "compute"
status = "supported"
answer = ["~99"]
cites = ["readings:1"]
[[questions]]
ask = "{LOWEST}"
type = "lookup"
status = "conflict"
answer = ["60"]
cites = ["readings:1"]
"""
GOLD = {"text": "temperature: highest 72 degC", "detail": {"kind": "statistic", "column": "temperature", "unit": "degC",
        "name": "max", "value": 72}}  # fmt: skip


@dataclass(frozen=True)
class Ran:
    """What a run printed."""

    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        """Its one JSON object."""
        found: dict[str, Any] = json.loads(self.out)
        return found


Bench = Callable[..., Ran]


def write(root: Path, names: Sequence[str] = ("motor-001", "motor-002")) -> Path:
    for name in names:
        (root / name).mkdir(parents=True)
        (root / name / "scenario.toml").write_text(SCENARIO.replace("NAME", name), encoding="utf-8")
        (root / name / "motor.csv").write_text(f"time,temperature [degC]\n{ROWS}# {name}\n", encoding="utf-8")
    return root


def reply(content: str, options: Sequence[str]) -> str:
    """The plain model, which tells baselines 99, and that all is well."""
    if content.startswith("Evidence:") or content == "Good morning.":
        return '{"answer": "It was 99.", "status": "supported", "citations": ["E1"]}'
    return plain_model.reply(content, options)


@pytest.fixture
def engine() -> ScriptedEngine:
    return scripted(reply=reply)


@pytest.fixture
def bench(
    store: Path, monkeypatch: pytest.MonkeyPatch, engine: ScriptedEngine, capsys: pytest.CaptureFixture[str]
) -> Bench:
    """Runs the bench with the models of the tests, but a scripted language model."""
    monkeypatch.setenv("EDGE_ASSISTANT_MODELS", str(store))
    opened = partial(warm.WarmAssistant, runtime=Runtime(1), engine=lambda model, runtime: engine)
    monkeypatch.setattr(cross_signal, "WarmAssistant", opened)

    def run(*words: str | Path) -> Ran:
        parser = argparse.ArgumentParser()
        cross_signal.configure(parser)
        args = parser.parse_args([*map(str, words), "--profile", "test"])
        args.settings = Settings()
        capsys.readouterr()
        assert cross_signal.run(args) == 0
        return Ran(*capsys.readouterr())

    return run


def test_tables(bench: Bench, tmp_path: Path) -> None:
    printed = bench(write(tmp_path))
    lines = printed.out.splitlines()
    assert f"  motor-001: {LOWEST} (lookup; wrong status)" in lines
    assert "    wanted: conflict, 60, of readings:1" in lines
    assert any(line.startswith("    got:    supported, '60 ") and line.endswith("of readings:1") for line in lines)
    assert [line.split()[:2] for line in lines if line.endswith("100.0 %")][:1] == [["compute", "2"]]
    assert "conflict: precision - (0 of 0 said), recall 0.00 (0 of 2)" in lines
    assert any(line.startswith("total: 2 of 4 correct = 50.0 %; status 50.0 %, answer 100.0 %") for line in lines)
    assert "ungrounded 0" in printed.out
    assert "warm models, perception included in each" in lines[-1]
    progress = printed.err.splitlines()
    assert len(progress) == 4
    assert progress[0].startswith("[1/4] everything: 1 right, ")
    assert progress[3].endswith(f"wrong status: motor-002: {LOWEST}")


def test_one_json_object(bench: Bench, tmp_path: Path) -> None:
    found = bench(write(tmp_path), "--json", "--only", "*-001").json
    assert (found["scenarios"], found["questions"], found["profile"], found["gold"]) == (1, 2, "test", False)
    everything = found["everything"]
    assert (everything["n"], everything["correct"], everything["failed"], everything["ungrounded"]) == (2, 1, 0, 0)
    assert everything["conflict"] == {"found": 0, "said": 0, "there": 1, "precision": None, "recall": 0.0}
    assert set(everything["by_type"]) == {"compute", "lookup"}
    assert everything["seconds"]["p95"] >= everything["seconds"]["median"] > 0
    assert found["side_by_side"] is None
    assert [wrong["ask"] for wrong in found["wrong"]] == [LOWEST]


def test_baselines_get_the_same_questions(bench: Bench, tmp_path: Path) -> None:
    found = bench(write(tmp_path), "--json", "--baseline", "--baseline-questions", "3", "--seed", "5").json
    assert list(found["side_by_side"]) == ["everything", "ablation", "baseline-prompt"]
    assert {way["n"] for way in found["side_by_side"].values()} == {3}
    assert found["everything"]["n"] == 4
    lines = bench(write(tmp_path / "again"), "--baseline").out.splitlines()
    header = next(line for line in lines if line.startswith("same 4 questions (seed 0)"))
    assert header.split()[-3:] == ["everything", "ablation", "baseline-prompt"]


def test_the_seconds_of_a_question_hold_its_perception(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]
    monkeypatch.setattr(warm.time, "perf_counter", lambda: now[0])
    perceive = Readings.perceive

    def slow(self: Readings, signal: Any, request: Any) -> Any:
        now[0] += 40
        return perceive(self, signal, request)

    monkeypatch.setattr(Readings, "perceive", slow)
    found = bench(write(tmp_path), "--json").json
    assert found["everything"]["seconds"] == {"median": 40.0, "p95": 40.0}
    assert found["seconds_include_perception"] is True


def test_gold_evidence_takes_the_place_of_perception(bench: Bench, tmp_path: Path) -> None:
    root = write(tmp_path)
    with pytest.raises(UsageError, match="has gold evidence"):
        bench(root, "--gold")
    (root / "motor-001" / "evidence.json").write_text(json.dumps({"readings:1": [GOLD]}), encoding="utf-8")
    found = bench(root, "--gold", "--json", "--baseline", "--out", tmp_path / "results.jsonl").json
    assert (found["gold"], found["seconds_include_perception"]) == (True, False)
    results = [json.loads(line) for line in (tmp_path / "results.jsonl").read_text().splitlines()]
    answers = {(r["id"], r["ask"]): str(r["answer"]) for r in results if r["way"] == "everything"}
    assert "99" not in answers["motor-001", HIGHEST]  # the rows are not read
    assert "99" in answers["motor-002", HIGHEST]  # it has none


def test_gold_evidence_comes_once_from_several_senses(
    store: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, engine: ScriptedEngine
) -> None:
    monkeypatch.setenv("EDGE_ASSISTANT_MODELS", str(tmp_path / "no models of perception"))
    from edge_assistant_models.portfolio import Portfolio

    assistant = warm.WarmAssistant(Portfolio(store), "test", engine=lambda model, runtime: engine)
    assistant.start()
    from edge_assistant.core.signals import Kind, Origin, take_bytes
    from edge_assistant_quantize.datasets.gold import from_json

    item = {"text": "Total 38.40", "detail": {"kind": "line", "cells": ["Total", "38.40"]}}
    assistant.gold = {"image:1": from_json([item], "image:1")}
    picture = take_bytes(b"no picture at all", Kind.IMAGE, 1, origin=Origin.USER, name="p.jpg")
    assert [(e.id, e.text) for e in assistant.evidence([picture])] == [("E1", "Total 38.40")]


def test_a_second_run_goes_on(bench: Bench, tmp_path: Path) -> None:
    root, out = write(tmp_path / "set"), tmp_path / "results.jsonl"
    bench(root, "--limit", "3", "--out", out)
    out.write_text(out.read_text() + '{"way": "everything", "id": "motor-0', encoding="utf-8")  # it was killed here
    printed = bench(root, "--out", out, "--json")
    assert [line.partition(" ")[0] for line in printed.err.splitlines()] == ["[4/4]"]
    assert printed.json["everything"]["n"] == 4
    assert len([line for line in out.read_text().splitlines() if line.endswith("}")]) == 4
    assert bench(root, "--out", out, "--json").json["everything"] == printed.json["everything"]


def test_what_was_answered_before_is_judged_by_the_scenario_as_it_is(bench: Bench, tmp_path: Path) -> None:
    root, out = write(tmp_path / "set", ["motor-001"]), tmp_path / "results.jsonl"
    bench(root, "--out", out)
    toml = root / "motor-001" / "scenario.toml"
    toml.write_text(toml.read_text().replace('status = "conflict"', 'status = "supported"'), encoding="utf-8")
    assert bench(root, "--out", out, "--json").json["everything"]["correct"] == 2


def test_results_of_another_run_are_not_mixed_in(bench: Bench, tmp_path: Path) -> None:
    root, out = write(tmp_path / "set"), tmp_path / "results.jsonl"
    bench(root, "--limit", "1", "--out", out)
    out.write_text(out.read_text().replace('"profile": "test"', '"profile": "large"'), encoding="utf-8")
    with pytest.raises(UsageError, match=r"results of another run \(profile large\)"):
        bench(root, "--out", out)


def test_a_file_that_cannot_be_written(bench: Bench, tmp_path: Path) -> None:
    root = write(tmp_path / "set")
    with pytest.raises(StorageFull):
        bench(root, "--out", tmp_path / "nowhere" / "results.jsonl")
    with pytest.raises(UsageError):
        bench(root, "--out", tmp_path)


def test_an_interruption_keeps_what_is_there(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    root, out = write(tmp_path / "set"), tmp_path / "results.jsonl"
    answer = cross_signal.Product.answer

    def interrupted(self: Any, job: Any) -> Any:
        if job.key == ("motor-002", HIGHEST):
            raise KeyboardInterrupt
        return answer(self, job)

    monkeypatch.setattr(cross_signal.Product, "answer", interrupted)
    with pytest.raises(KeyboardInterrupt):
        bench(root, "--out", out)
    assert len(out.read_text().splitlines()) == 2
    assert "2 results are kept in results.jsonl" in capsys.readouterr().err


def test_a_question_that_fails_is_wrong_and_the_next_is_asked(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = write(tmp_path, ["motor-001"])
    (root / "motor-001" / "motor.csv").write_bytes(b"\xff\x00\xfe")
    found = bench(root, "--json").json
    assert (found["everything"]["failed"], found["everything"]["correct"]) == (2, 0)
    assert "motor.csv" in found["wrong"][0]["error"]
    assert found["everything"]["ungrounded"] is None

    def broken(*args: Any, **options: Any) -> Any:
        raise RuntimeError("oh")

    monkeypatch.setattr(warm.WarmAssistant, "ask", broken)
    assert "    failed: a fault of ours (RuntimeError: oh)" in bench(root).out


def test_what_ends_it(bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*args: Any, **options: Any) -> Any:
        raise ModelMissing("there is none", "pull it")

    monkeypatch.setattr(warm.WarmAssistant, "ask", missing)
    root = write(tmp_path)
    with pytest.raises(ModelMissing):
        bench(root)
    (root / "motor-002" / "scenario.toml").write_text("id = 1\n", encoding="utf-8")
    with pytest.raises(InputCorrupt):
        bench(root)
    with pytest.raises(UsageError, match="--gold cannot be handed to a command"):
        bench(tmp_path, "--gold", "--command", "true")
    for wrong in ("0", "-1", "two", "²"):
        with pytest.raises(SystemExit):
            bench(tmp_path, "--limit", wrong)


COMMAND = """
import json, sys, time
question, flag, kind, path = sys.argv[1:5]
assert (flag, kind) == ("--json", "--readings"), sys.argv
open(path).close()
if "lowest" in question:
    BEHAVE
print("a line before", json.dumps({"answer": "99", "status": "supported", "citations": ["E1"],
      "evidence": [{"id": "E1", "signal": "readings:1"}]}))
"""


@pytest.mark.parametrize(
    ("behave", "error"),
    [
        ("sys.exit('it is broken')", "exit status 1: it is broken"),
        ("print('no object'); sys.exit()", "no JSON object: "),
        ("print('[1]'); sys.exit()", "no JSON object: "),
        ("time.sleep(600)", "no answer after 2 s"),
    ],
)
def test_a_command_is_asked_cold(bench: Bench, tmp_path: Path, behave: str, error: str) -> None:
    script = tmp_path / "ask.py"
    script.write_text(COMMAND.replace("BEHAVE", behave), encoding="utf-8")
    root = write(tmp_path / "set", ["motor-001"])
    found = bench(root, "--json", "--command", f"{sys.executable} -SI {script}", "--timeout", "2").json
    assert (found["everything"]["correct"], found["everything"]["failed"]) == (1, 1)
    assert found["wrong"][0]["error"] == error
    assert found["profile"] is None


def test_a_command_that_is_not_there(bench: Bench, tmp_path: Path) -> None:
    printed = bench(write(tmp_path, ["motor-001"]), "--command", str(tmp_path / "nothing")).out
    assert "it cannot be started: No such file or directory" in printed
    assert "ungrounded not checked" in printed
    assert "cold, the whole command" in printed


def test_samples_are_drawn_by_a_seed_and_keep_their_order() -> None:
    question = Question("Who?", "absent", "not_in_evidence", (), ())
    every = [ScenarioJob(Scenario(f"s-{number}", "d", Path(), (), ()), question) for number in range(40)]
    sample = draw(every, 10, 7)
    assert sample == draw(every, 10, 7) != draw(every, 10, 8)
    assert sample == [job for job in every if job in sample]
    assert len(sample) == 10
    assert draw(every, 99, 0) == draw(every, None, 0) == every


def test_the_scenarios_of_the_tests_are_well_formed(tmp_path: Path) -> None:
    assert len(load(write(tmp_path))) == 2
