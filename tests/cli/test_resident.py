"""The resident mode: what it answers is what the command answers, and nothing is left of it when it is gone."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers.badfiles import long_recording
from helpers.commands import COMMAND, HANGS, TIMES, Command, Here, Ran, ended, holds, now, told, until

EXAMPLES = Path(__file__).parents[2] / "examples"
FORM = ("--image", str(EXAMPLES / "clinic" / "form.jpg"))


@pytest.fixture
def resident(command: Command) -> Iterator[int]:
    """A resident that runs; its process."""
    with ended(command):
        ran = command("resident", "start")
        assert ran.status == 0
        assert ran.err in ("", "the resident is getting ready; it waits while another edge-assistant computes\n")
        yield int(ran.out.split()[-1])


def without_times(ran: Ran) -> tuple[int, str, str]:
    """What is the same each time; which of several signals is perceived first is not."""
    err = "".join(sorted(TIMES.sub("TIME", ran.err).splitlines(keepends=True)))
    return ran.status, TIMES.sub("TIME", ran.out), err


def test_it_starts_once_says_how_it_does_and_ends(command: Command, resident: int) -> None:
    again = command("resident", "start")
    assert (again.status, again.out) == (0, f"a resident runs already, as process {resident}\n")
    assert command("resident", "run").lines == ["error: a resident runs already - see 'edge-assistant resident status'"]
    found = json.loads(command("resident", "status", "--json").out)
    assert (found["runs"], found["pid"], found["ready"], found["answered"]) == (True, resident, True, 0)
    assert command("resident", "stop").lines == ["the resident has ended"]
    assert not Path(f"/proc/{resident}").exists() or _is_zombie(resident)
    assert command("resident", "stop").lines == ["no resident runs"]
    assert command("resident", "status").status == 1
    assert command("resident", "status", "--json").out == '{"runs": false}\n'


def _is_zombie(pid: int) -> bool:
    return "State:\tZ" in Path(f"/proc/{pid}/status").read_text()


def test_its_answers_are_those_of_the_command(
    command: Command, here: Here, resident: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "claim.txt").write_text("The patient has no allergies.\n\nDose: 5 mg")
    (tmp_path / "remark.txt").write_text("The patient is allergic to penicillin.\n\nDose: 50 mg")
    (tmp_path / "broken.jpg").write_bytes(b"\xff\xd8\xff")
    lines = [
        ["ask", "Which allergies are known?", "--text", "claim.txt", "--text", "remark.txt"],
        ["ask", "Which allergies are known?", "--text", "claim.txt", "--text", "remark.txt", "--json", "--trace"],
        ["ask", "Which allergies are known?", "--text", "claim.txt", "--text", "remark.txt", "--redact"],
        ["ask", "Which allergies are known?", *FORM, "--text", "claim.txt", "--json"],
        ["ask", "Say hello.", "--seed", "3"],
        ["ask", "Which allergies?", "--text", "claim.txt", "--image", "broken.jpg", "--plain"],
        ["ask", "Which allergies?", "--text", "claim.txt", "--image", "broken.jpg", "--strict", "--json"],
        ["ask", "Which allergies?", "--text", "claim.txt", "--domain", "clinic"],
        ["ask", "Which allergies?", "--text", "claim.txt", "--domain", "none-such"],
        ["ask", "Which allergies?", "--text", "claim.txt", "--profile", "none-such", "--json"],
        ["ask", "Which allergies?", "--text", "missing.txt"],
        ["ask", "Which allergies?", "--text", "-"],
        ["ask", "Which allergies?", "--text", "-", "--text", "-"],
        ["ask", ""],
        ["ask", "q", "--colour"],
        ["ask", "--json"],
        ["ask", "--help"],
        ["check", "--text", "claim.txt", "--text", "remark.txt"],
        ["check", "--text", "claim.txt", "--text", "remark.txt", "--trace"],
        ["check", "--text", "claim.txt", "--json"],
    ]
    through = [without_times(command(*line)) for line in lines]
    assert told()["answered"] == len(lines) - 6, "all but those that fail before they are a question"
    command("resident", "stop")
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO()))
    alone = [without_times(here(*line)) for line in lines]
    for line, one, other in zip(lines, through, alone, strict=True):
        assert one == other, line
    assert {status for status, _, _ in alone} >= {0, 1, 2, 3}


def test_it_keeps_a_language_model_of_weights(small_command: Command, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("Allergies: latex.")
    line = ["ask", "Which allergies are known?", "--text", tmp_path / "a.txt"]
    alone = small_command(*line)
    with ended(small_command):
        small_command("resident", "start")
        assert [without_times(small_command(*line)) for _ in range(2)] == [without_times(alone)] * 2
        assert told()["answered"] == 2
    assert alone.status == 0


def test_what_is_typed_comes_from_the_command(command: Command, resident: int) -> None:
    def asked() -> str:
        line = [*COMMAND, "ask", "Which allergies are known?", "--text", "-"]
        given = "Allergies: latex."
        return subprocess.run(
            line, input=given, env=dict(os.environ), capture_output=True, text=True, check=True
        ).stdout

    answer = asked()
    assert "latex" in answer
    assert told()["answered"] == 1


def test_the_audit_trail_has_the_same_rows(command: Command, resident: int, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("Allergies: latex.")
    line = ["ask", "Which allergies are known?", "--text", tmp_path / "a.txt"]
    through = command(*line)
    assert told()["answered"] == 1, f"it turned away, and what it had begun stands in the trail, too: {through}"
    command("resident", "stop")
    alone = command(*line)
    assert without_times(through) == without_times(alone)
    assert alone.status == 0, alone
    rows = json.loads(command("audit", "show", "--json").out)["rows"]
    asked = [row["conversation"] for row in rows if row["kind"] == "question"]
    kinds = {id: [(row["kind"], row["body"].get("code")) for row in rows if row["conversation"] == id] for id in asked}
    once = ["question", "signal", "route", "evidence", "verdict", "said", "answer"]
    assert list(kinds.values()) == [[(kind, None) for kind in once]] * 2
    assert [row["kind"] for row in rows if row["conversation"] not in asked] == ["checkpoint"] * 2


def test_a_killed_one_is_no_obstacle(command: Command, resident: int, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("Allergies: latex.")
    os.kill(resident, signal.SIGKILL)
    assert "latex" in command("ask", "Which allergies are known?", "--text", tmp_path / "a.txt").out
    assert command("resident", "start").out.startswith("the resident is ready")
    assert "latex" in command("ask", "Which allergies are known?", "--text", tmp_path / "a.txt").out
    assert told()["answered"] == 1


def test_a_killed_command_is_no_obstacle(command: Command, resident: int, tmp_path: Path) -> None:
    process = command.start("ask", "What is said?", "--audio", long_recording(tmp_path / "long.wav", 3600))
    until(lambda: told()["answering"])
    process.kill()
    process.communicate()
    until(lambda: now().get("renewals") == 1)
    assert told()["pid"] == resident


def test_ctrl_c_ends_the_answer_and_not_the_resident(command: Command, resident: int, tmp_path: Path) -> None:
    process = command.start("ask", "What is said?", "--audio", long_recording(tmp_path / "long.wav", 3600))
    assert process.stderr is not None
    assert "speech" in process.stderr.readline()
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=HANGS)
    assert process.returncode == 130
    assert err.splitlines()[-1] == "error: interrupted - run the command again"
    until(lambda: now().get("ready"))
    assert told()["pid"] == resident


def test_others_wait_their_turn(command: Command, resident: int, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("Allergies: latex.")
    long = command.start("ask", "What is said?", "--audio", long_recording(tmp_path / "long.wav", 3600))
    until(lambda: told()["answering"])
    short = command.start("ask", "Which allergies are known?", "--text", tmp_path / "a.txt")
    assert short.stderr is not None
    assert short.stderr.readline() == "waiting: the resident is busy\n"
    long.send_signal(signal.SIGINT)
    long.communicate(timeout=HANGS)
    out, _ = short.communicate(timeout=HANGS)
    assert "latex" in out


def test_what_is_forgotten_is_gone_from_its_memory(small_command: Command, tmp_path: Path) -> None:
    secret = "Quxxolamine"
    (tmp_path / "a.txt").write_text(f"Allergies: {secret}.")
    with ended(small_command):
        resident = int(small_command("resident", "start").out.split()[-1])
        asked = small_command("ask", "Which allergies are known?", "--text", tmp_path / "a.txt", "--json")
        assert secret in asked.out
        assert holds(resident, secret)
        assert small_command("forget", "--all", "--yes").status == 0
        assert not holds(resident, secret)
        until(lambda: now().get("ready"))
        assert (told()["pid"], told()["renewals"]) == (resident, 1)
