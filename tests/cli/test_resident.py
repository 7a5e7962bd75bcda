"""The resident mode: what it answers is what the command answers, and nothing is left of it when it is gone."""

from __future__ import annotations

import argparse
import io
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from helpers.badfiles import long_recording
from helpers.commands import (
    COMMAND,
    HANGS,
    TIMES,
    Command,
    Here,
    Ran,
    Terminal,
    at_terminal,
    ended,
    holds,
    now,
    told,
)
from helpers.scripted_resident import serving, until

from edge_assistant.cli import question
from edge_assistant.cli import resident as verb
from edge_assistant.core.errors import PolicyRefused, UsageError
from edge_assistant.governance.policy import pin, policy
from edge_assistant.resident import client, server
from edge_assistant.resident.protocol import ServiceMessage, ServiceTask
from edge_assistant.resident.work import ResidentWork
from edge_assistant.session import health
from edge_assistant.storage.settings import Settings

ALLERGIES = "Which allergies are known?"
SECRET = "Quxxolamine"
KIOSK = f'[roles]\npin = "{pin.hashed("147258", cost=1024)}"\nvisitor = ["ask", "attach"]\n'
HEAVY = {"numpy", "onnxruntime", "llama_cpp", "cv2", "tokenizers", "sqlite3", "cryptography", "rich"}
SPINS = "(?:thinking|text:1: the language model reads)"
TURNED = re.compile("\r\x1b\\[2K(?:\x1b\\[32m)?[\u2800-\u28ff](?:\x1b\\[0m)? [^\r\n]+")
LOADED = """
import atexit, sys
atexit.register(lambda: print(*{name.partition(".")[0] for name in sys.modules}, file=sys.stderr))
from edge_assistant.cli.main import main
sys.exit(main())
"""


@pytest.fixture(scope="module")
def residence(homes: Iterator[Path]) -> Iterator[Path]:
    """A home whose resident several tests ask: it takes seconds to start."""
    folder = next(homes)
    folder.mkdir(mode=0o700)
    yield folder
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EDGE_ASSISTANT_HOME", str(folder))
        client.end("stop")


@pytest.fixture
def resident(residence: Path, home: Path, command: Command, monkeypatch: pytest.MonkeyPatch) -> int:
    """A resident that runs; its process."""
    if not (residence / "cache").exists():
        (home / "cache").rename(residence / "cache")
    for name, folder in (("EDGE_ASSISTANT_HOME", residence), ("HF_HOME", residence / "huggingface")):
        monkeypatch.setenv(name, str(folder))
    if client.status() is None:
        ran = command("resident", "start")
        assert ran.status == 0
        assert ran.err in ("", "the resident is getting ready; it waits while another edge-assistant computes\n")
    until(lambda: now().get("ready"))
    pid = told()["pid"]
    assert isinstance(pid, int)
    return pid


@pytest.fixture
def asked(tmp_path: Path) -> list[str | Path]:
    (tmp_path / "a.txt").write_text("Allergies: latex. Allergies: none.")
    return ["ask", ALLERGIES, "--text", tmp_path / "a.txt"]


def without_times(ran: Ran) -> tuple[int, str, str]:
    """What is the same each time; which of several signals is perceived first is not."""
    err = "".join(sorted(TIMES.sub("TIME", ran.err).splitlines(keepends=True)))
    return ran.status, TIMES.sub("TIME", ran.out), err


def test_what_is_typed_comes_from_the_command(resident: int) -> None:
    before = told()["answered"]
    line = [*COMMAND, "ask", ALLERGIES, "--text", "-"]
    ran = subprocess.run(line, input="Allergies: latex.", env=dict(os.environ), capture_output=True, text=True)
    assert "latex" in ran.stdout
    assert told()["answered"] == before + 1


def shown(*arguments: str | Path, **environment: str) -> tuple[int, str]:
    """What a command draws on a terminal, but for times, turns of the spinner and what stands beside it; its status."""
    screen = Terminal(*COMMAND, *arguments, environment=environment)
    try:
        return screen.ended(), re.sub(SPINS, "WORKS", TURNED.sub("", TIMES.sub("TIME", screen.seen)))
    finally:
        screen.close()


def test_a_terminal_shows_the_same_and_nothing_heavy_is_loaded_for_it(
    command: Command, resident: int, asked: list[str | Path]
) -> None:
    looks: list[dict[str, str]] = [{}, {"NO_COLOR": "1", "COLUMNS": "40"}, {"TERM": "dumb"}]
    through = [shown(*asked, **look) for look in looks]
    line = [sys.executable, "-c", LOADED, *asked, "--trace"]
    ran = subprocess.run(line, env=dict(os.environ), capture_output=True, text=True, check=True)
    assert "latex" in ran.stdout
    assert "not used" not in ran.stderr
    assert not HEAVY & set(ran.stderr.splitlines()[-1].split())
    command("resident", "stop")
    assert [shown(*asked, **look) for look in looks] == through
    assert len({drawn for _, drawn in through}) == len(looks), "colours, width and redrawn lines are seen"
    assert "\x1b[" in through[0][1]
    assert "\x1b[3" not in through[1][1]


def test_ctrl_c_and_a_kill_end_the_answer_and_not_the_resident_and_others_wait(
    command: Command, resident: int, asked: list[str | Path], tmp_path: Path
) -> None:
    hears = ["ask", "What is said?", "--audio", long_recording(tmp_path / "long.wav", 3600)]
    long = command.start(*hears)
    until(lambda: told()["answering"])
    short = command.start(*asked)
    assert short.stderr is not None
    assert short.stderr.readline() == "waiting: the resident is busy\n"
    long.send_signal(signal.SIGINT)
    _, err = long.communicate(timeout=HANGS)
    assert (long.returncode, err.splitlines()[-1]) == (130, "error: interrupted - run the command again")
    assert "latex" in short.communicate(timeout=HANGS)[0]
    before = told()["renewals"]
    killed = command.start(*hears)
    until(lambda: now().get("answering"))
    killed.kill()
    killed.communicate()
    until(lambda: not now().get("answering"))
    assert "latex" in command(*asked).out
    assert (told()["pid"], told()["renewals"]) == (resident, before), "the models stay loaded"


def test_the_second_ctrl_c_ends_the_command_at_once(resident: int, tmp_path: Path) -> None:
    screen = Terminal(*COMMAND, "ask", "What is said?", "--audio", long_recording(tmp_path / "long.wav", 3600))
    try:
        screen.read_until("speech")
        screen.press("\x03")
        screen.press("\x03")
        assert screen.ended() == 130
        assert "Traceback" not in screen.seen
        assert screen.modes() == screen.before
    finally:
        screen.close()


def test_its_answers_are_those_of_the_command(
    command: Command,
    here: Here,
    resident: int,
    allergies: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "claim.txt").write_text("The patient has no allergies.\n\nDose: 5 mg")
    (tmp_path / "remark.txt").write_text("The patient is allergic to penicillin.\n\nDose: 50 mg")
    (tmp_path / "broken.jpg").write_bytes(b"\xff\xd8\xff")
    both = ["--text", "claim.txt", "--text", "remark.txt"]
    lines = [
        ["ask", ALLERGIES, *both, "--json", "--trace"],
        ["ask", ALLERGIES, *both, "--redact"],
        ["ask", ALLERGIES, "--image", allergies, "--text", "claim.txt", "--json"],
        ["ask", "Say hello.", "--seed", "3"],
        ["ask", "Which allergies?", "--text", "claim.txt", "--image", "broken.jpg", "--plain"],
        ["ask", "Which allergies?", "--text", "claim.txt", "--domain", "clinic"],
        ["check", *both, "--trace"],
        ["ask", "Which allergies?", "--text", "claim.txt", "--image", "broken.jpg", "--strict", "--json"],
        ["ask", "Which allergies?", "--text", "claim.txt", "--domain", "none-such"],
        ["ask", "Which allergies?", "--text", "missing.txt"],
        ["ask", ""],
    ]
    before = told()["answered"]
    through = [without_times(command(*line)) for line in lines]
    assert told()["answered"] == before + len(lines) - 1, "all but the one whose file is missing"
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO()))
    # What loads libraries in this process changes its environment: who asks this resident afterwards is refused.
    alone = [without_times(here(*line)) for line in lines]
    for line, one, other in zip(lines, through, alone, strict=True):
        assert one == other, line
    assert {status for status, _, _ in alone} >= {0, 1, 2, 3}


def test_it_starts_once_says_how_it_does_and_ends_and_a_killed_one_is_no_obstacle(
    command: Command, resident: int, asked: list[str | Path]
) -> None:
    os.kill(resident, signal.SIGKILL)
    assert "latex" in command(*asked).out
    assert command("resident", "start").out.startswith("the resident is ready")
    pid = told()["pid"]
    again = command("resident", "start")
    assert (again.status, again.out) == (0, f"a resident runs already, as process {pid}\n")
    assert command("resident", "run").lines == ["error: a resident runs already - see 'edge-assistant resident status'"]
    found = json.loads(command("resident", "status", "--json").out)
    assert (found["runs"], found["pid"], found["ready"], found["answered"]) == (True, pid, True, 0)
    assert command("resident", "stop").lines == ["the resident has ended"]
    assert not Path(f"/proc/{pid}").exists() or "State:\tZ" in Path(f"/proc/{pid}/status").read_text()
    assert command("resident", "stop").lines == ["no resident runs"]
    assert command("resident", "status").status == 1
    assert command("resident", "status", "--json").out == '{"runs": false}\n'


def test_with_weights_it_leaves_the_same_rows_and_forgets(few_command: Command, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text(f"Allergies: {SECRET}.")
    line = ["ask", ALLERGIES, "--text", tmp_path / "a.txt", "--json"]
    alone = few_command(*line)
    with ended(few_command):
        resident = int(few_command("resident", "start").out.split()[-1])
        assert without_times(few_command(*line)) == without_times(alone)
        assert told()["answered"] == 1
        assert SECRET in alone.out
        assert "few" in alone.object["route"]["models"]
        rows = json.loads(few_command("audit", "show", "--json").out)["rows"]
        asked = list(dict.fromkeys(row["conversation"] for row in rows if row["kind"] == "question"))
        kinds = {id: [row["kind"] for row in rows if row["conversation"] == id] for id in asked}
        assert list(kinds.values()) == [["question", "signal", "route", "evidence", "verdict", "said", "answer"]] * 2
        assert holds(resident, SECRET)
        assert few_command("forget", "--all", "--yes").status == 0
        assert not holds(resident, SECRET)
        until(lambda: now().get("renewals") == 1)
        assert told()["pid"] == resident
        os.kill(resident, signal.SIGKILL)  # it would load the models before it ends


def test_of_what_a_visitor_asked_nothing_is_kept_for_the_next_one(command: Command, home: Path, tmp_path: Path) -> None:
    (home / "config").mkdir()
    (home / "config" / "policy.toml").write_text(KIOSK)
    assert command("resident", "start").status == 5, "a visitor starts none"
    (tmp_path / "a.txt").write_text(f"Allergies: {SECRET}.")
    assert at_terminal(["resident", "start"], [("PIN of the operator: ", "147258")])[0] == 0
    pid = told()["pid"]
    assert isinstance(pid, int)
    try:
        assert SECRET in command("ask", ALLERGIES, "--text", tmp_path / "a.txt", "--json").out
        until(lambda: now().get("renewals") == 1)
        assert told()["pid"] == pid
        assert not holds(pid, SECRET)
        assert command("resident", "stop").status == 5, "nor ends it"
    finally:
        os.kill(pid, signal.SIGKILL)


def test_the_pin_of_who_starts_it_counts_for_no_client_of_the_gateway(
    hold: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    hold(KIOSK)
    kept: list[ResidentWork] = []

    def serve(held: server.Held, work: ResidentWork, minutes: float) -> None:
        kept.append(work)
        held.close()

    monkeypatch.setattr(server, "serve", serve)
    verb.run(argparse.Namespace(resident_verb="run", settings=Settings(), held=None, minutes=0))
    assert policy.current().unlock("147258")
    with pytest.raises(PolicyRefused, match="a visitor may not: voice"):
        kept[0].serve(ServiceMessage(ServiceTask.SPEAK, ("hello",)), lambda event: None, lambda part: None)


def test_what_a_policy_and_settings_say_counts_and_that_they_cannot_be_read(home: Path) -> None:
    seen = [question.rules()]
    (home / "config").mkdir()
    for name, text in (("policy.toml", KIOSK), ("policy.toml", KIOSK + "\n"), ("config.toml", "plain = true\n")):
        (home / "config" / name).write_text(text)
        seen.append(question.rules())
    (home / "config" / "config.toml").unlink()
    (home / "config" / "config.toml").mkdir()
    seen.append(question.rules())
    assert len(set(seen)) == len(seen)


@pytest.mark.parametrize(("text", "alone"), [("", False), (KIOSK, True), ("[roles", True)])
def test_where_visitors_ask_each_is_alone(home: Path, text: str, alone: bool) -> None:
    (home / "config").mkdir()
    (home / "config" / "policy.toml").write_text(text)
    policy.reread()
    assert verb._alone() is alone


def test_what_it_tells_of_itself(tmp_path: Path) -> None:
    found = {"pid": 7, "ready": True, "answering": False, "answered": 3, "memory_mib": 900, "minutes": 15}
    assert verb.said(found) == (
        "process 7 is ready, 3 answered, 900 MiB of its own; it ends after 15 minutes without a question"
    )
    assert "process 7 answers" in verb.said(found | {"answering": True})
    assert verb.said(found | {"ready": False, "minutes": 0}).endswith("; it stays")
    assert (health.resident().ok, health.resident().found) == (None, "none runs")
    with serving(tmp_path / "resident") as process:
        assert health.resident().found.startswith(f"process {process.pid}, ")


@pytest.mark.parametrize(
    ("order", "way"), [("start", "'edge-assistant resident stop' ends it"), ("stop", "end its process")]
)
def test_of_one_that_cannot_be_spoken_to_it_is_said_what_ends_it(
    order: str, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lost(*order: str) -> None:
        raise client.Unavailable("it does not take orders")

    monkeypatch.setattr(client, "status", lost)
    monkeypatch.setattr(client, "end", lost)
    with pytest.raises(UsageError) as raised:
        verb.run(argparse.Namespace(resident_verb=order))
    assert raised.value.hint.endswith(f", {way}")


def test_that_it_takes_long_to_get_ready_is_said_once(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    told = iter([None, *[{"ready": False}] * 3, {"ready": True}])
    monkeypatch.setattr(client, "status", lambda: next(told))
    monkeypatch.setattr(server, "opened", lambda: server.Held(*os.pipe()))
    monkeypatch.setattr(verb, "_command", lambda args: (sys.executable, "-c", "import time; time.sleep(60)"))
    monkeypatch.setattr(verb, "_LONG_S", 0.0)
    assert verb.run(argparse.Namespace(resident_verb="start", minutes=0)) == 0
    said = capsys.readouterr()
    os.kill(int(said.out.split()[-1]), signal.SIGKILL)
    assert said.err == "the resident is getting ready; it waits while another edge-assistant computes\n"
