"""`ask` as a person and as a program see it, with the real command."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path

import pytest
from helpers.commands import COMMAND, Command, Here

HOTTEST = "What was the highest temperature?"
CSV = "time,temperature [degC]\n2025-01-01T00:00:00,20.5\n2025-01-01T00:01:00,31.5\n2025-01-01T00:02:00,30\n"
ESCAPE = "\x1b"


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "line.csv"
    path.write_text(CSV)
    return path


def test_an_answer_with_its_sources_and_verdicts(here: Here, table: Path) -> None:
    ran = here("ask", HOTTEST, "--readings", table)
    assert ran.status == 0
    first, *rest = ran.out.splitlines()
    cited = re.findall(r"\[(E\d+)\]", first)
    assert first == f"31.5 degC [C1][{cited[0]}], by the readings."
    assert f"  [{cited[0]}] readings:1 line.csv, row 2: max(temperature) = 31.5 degC" in rest
    assert f"  [C1] max(temperature) = 31.5 degC, from [{cited[0]}]" in rest
    assert f"  one source  highest temperature: 31.5 degC [{cited[0]}]" in rest
    assert rest[-1].startswith("readings: one signal (readings:1)")
    *perceived, thinks = ran.err.splitlines()
    assert all(line.startswith("readings:1: ") for line in perceived)
    assert thinks == "thinking ..."
    assert ESCAPE not in ran.out + ran.err


def test_json_is_one_object_and_nothing_else(here: Here, table: Path) -> None:
    ran = here("ask", HOTTEST, "--readings", table, "--json")
    answer = ran.object
    assert (ran.status, answer["status"]) == (0, "supported")
    assert 0 < answer["timings"]["first_token_s"] <= answer["timings"]["total_s"]
    assert answer["timings"]["tokens_per_s"] > 0
    assert "smollm2-135m-instruct-q4_1" in [model["name"] for model in answer["models"]]
    assert set(answer["citations"]) <= {item["id"] for item in answer["evidence"]}


def test_signals_keep_the_order_in_which_they_were_given(here: Here, table: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.txt"
    broken.write_bytes(b"\xff\0")
    other = tmp_path / "other.csv"
    other.write_bytes(table.read_bytes() + b"\n")  # a copy would count once
    given = ["--readings", table, "--text", broken, "--readings", other, "--image", tmp_path / "no.png"]
    answer = here("ask", HOTTEST, *given, "--json").object
    assert [signal["id"] for signal in answer["signals"]] == ["readings:1", "text:1", "readings:2"]
    assert [failure["signal"] for failure in answer["failed"]] == ["image:1", "text:1"]
    assert answer["verdicts"][0]["status"] == "agree"
    assert "the first readings and the second readings agree" in answer["answer"]


@pytest.mark.usefixtures("command")
def test_standard_input_is_a_text() -> None:
    done = subprocess.run(
        [*COMMAND, "ask", "Who built the pump?", "--text", "-", "--json"],
        input="The pump is by Ada and weighs 12 kg.\n\nWrn: it\u2019s old.".encode(),
        capture_output=True,
        env=dict(os.environ),
        check=True,
    )
    answer = json.loads(done.stdout)
    assert [(s["id"], s["origin"], s["name"]) for s in answer["signals"]] == [("text:1", "user", "standard input")]
    assert [item["text"] for item in answer["evidence"]] == [
        "The pump is by Ada and weighs 12 kg.",
        "Wrn: it\u2019s old.",
    ]
    assert "smollm2-135m-instruct-q4_1" in answer["route"]["models"]


def test_what_files_say_is_printed_without_what_a_terminal_obeys(here: Here, tmp_path: Path) -> None:
    path = tmp_path / "evil.csv"
    path.write_text("time,\x9b31mred\u202e [degC]\n2025-01-01T00:00:00,1\n2025-01-01T00:01:00,2\n")
    shown = here("ask", HOTTEST, "--readings", path).out
    assert not {ESCAPE, "\x9b", "\u202e"} & set(shown)
    assert "max(red) = 2 degC, from" in shown


@pytest.mark.parametrize("model", ["few_command", pytest.param("small_command", marks=pytest.mark.bench)])
def test_from_end_to_end_over_a_picture_and_a_recording(model: str, request: pytest.FixtureRequest) -> None:
    """With few layers of the language model, which is read as the whole one is; `make bench` takes the whole one."""
    command: Command = request.getfixturevalue(model)
    clinic = Path(request.config.rootpath) / "examples" / "clinic"
    given = ["--image", clinic / "form.jpg", "--audio", clinic / "note.wav", "--readings", clinic / "vitals.csv"]
    ran = command("ask", "What is the patient allergic to?", *given, "--json", "--seed", "1")
    answer = ran.object
    assert ran.status == 0
    assert answer["failed"] == []
    assert answer["route"]["path"] == "cross-signal"
    assert answer["status"] in {"supported", "conflict", "not_in_evidence"}
    known = {item["id"]: item for item in answer["evidence"]}
    assert {item["signal"] for item in known.values()} == {"image:1", "audio:1", "readings:1"}
    assert set(answer["citations"]) <= known.keys()
    assert set(re.findall(r"\[(E\d+)\]", answer["answer"])) <= set(answer["citations"])
    assert any("box" in item["locator"] for item in known.values() if item["signal"] == "image:1")
    assert all("seconds" in item["locator"] for item in known.values() if item["signal"] == "audio:1")
    assert all("rows" in item["locator"] for item in known.values() if item["signal"] == "readings:1")
    assert answer["timings"]["first_token_s"] > 0
    assert ran.peak_mib < 1300
    assert {model["name"] for model in answer["models"]} == set(answer["route"]["models"])
