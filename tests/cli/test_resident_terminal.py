"""A command whose resident answers: on its terminal, by its policy, and by nothing that takes long to load."""

from __future__ import annotations

import argparse
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers.badfiles import long_recording
from helpers.commands import COMMAND, TIMES, Command, Terminal, ended, holds, now, told, until
from helpers.scripted_resident import serving

from edge_assistant.cli import question, resident
from edge_assistant.core.errors import UsageError
from edge_assistant.governance.policy import pin, policy
from edge_assistant.resident import client, server
from edge_assistant.session import health

KIOSK = f'[roles]\npin = "{pin.hashed("147258", cost=1024)}"\nvisitor = ["ask", "attach"]\n'
HEAVY = {"numpy", "onnxruntime", "llama_cpp", "cv2", "tokenizers", "sqlite3", "cryptography", "rich"}
SPINS = "(?:thinking|text:1: the language model reads)"
TURNED = re.compile(f"\r\x1b\\[2K(?:\x1b\\[32m)?[\u2800-\u28ff](?:\x1b\\[0m)? {SPINS}")
LOADED = """
import atexit, sys
atexit.register(lambda: print(*{name.partition(".")[0] for name in sys.modules}, file=sys.stderr))
from edge_assistant.cli.main import main
sys.exit(main())
"""


@pytest.fixture
def running(command: Command) -> Iterator[int]:
    """A resident that runs; its process."""
    with ended(command):
        yield int(command("resident", "start").out.split()[-1])


@pytest.fixture
def asked(tmp_path: Path) -> list[str | Path]:
    (tmp_path / "a.txt").write_text("Allergies: latex. Allergies: none.")
    return ["ask", "Which allergies are known?", "--text", tmp_path / "a.txt"]


def shown(*arguments: str | Path, **environment: str) -> tuple[int, str]:
    """What a command draws on a terminal, but for times, and for how often the spinner turned; and its status."""
    screen = Terminal(*COMMAND, *arguments, environment=environment)
    try:
        return screen.ended(), TURNED.sub("", TIMES.sub("TIME", screen.seen))
    finally:
        screen.close()


def test_a_terminal_shows_the_same_and_nothing_heavy_is_loaded_for_it(
    command: Command, running: int, asked: list[str | Path]
) -> None:
    looks: list[dict[str, str]] = [{}, {"NO_COLOR": "1", "COLUMNS": "40"}, {"TERM": "dumb"}]
    through = [shown(*asked, **look) for look in looks]
    assert told()["answered"] == len(looks)
    line = [sys.executable, "-c", LOADED, *asked, "--trace"]
    ran = subprocess.run(line, env=dict(os.environ), capture_output=True, text=True, check=True)
    assert "latex" in ran.stdout
    assert "not used" not in ran.stderr
    assert not HEAVY & set(ran.stderr.splitlines()[-1].split())
    assert told()["answered"] == len(looks) + 1
    command("resident", "stop")
    assert [shown(*asked, **look) for look in looks] == through
    assert len({drawn for _, drawn in through}) == len(looks), "colours, width and redrawn lines are seen"
    assert "\x1b[" in through[0][1]
    assert "\x1b[3" not in through[1][1]


def test_the_second_ctrl_c_ends_the_command_at_once(command: Command, running: int, tmp_path: Path) -> None:
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
    until(lambda: now().get("ready"))
    assert told()["pid"] == running


def test_of_what_a_visitor_asked_nothing_is_kept_for_the_next_one(command: Command, home: Path, tmp_path: Path) -> None:
    (home / "config").mkdir()
    (home / "config" / "policy.toml").write_text(KIOSK)
    assert command("resident", "start").status == 5, "a visitor starts none"
    secret = "Quxxolamine"
    (tmp_path / "a.txt").write_text(f"Allergies: {secret}.")
    screen = Terminal(*COMMAND, "resident", "start")
    try:
        screen.read_until("PIN of the operator: ")
        screen.press("147258\n")
        assert screen.ended() == 0
    finally:
        screen.close()
    try:
        pid = told()["pid"]
        assert isinstance(pid, int)
        assert secret in command("ask", "Which allergies are known?", "--text", tmp_path / "a.txt", "--json").out
        until(lambda: now().get("ready"))
        assert (told()["pid"], told()["renewals"]) == (pid, 1)
        assert not holds(pid, secret)
        assert command("resident", "stop").status == 5, "nor ends it"
    finally:
        client.end("stop")


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
    assert resident._alone() is alone


def test_what_it_tells_of_itself() -> None:
    found = {"pid": 7, "ready": True, "answering": False, "answered": 3, "memory_mib": 900, "minutes": 15}
    assert resident.said(found) == (
        "process 7 is ready, 3 answered, 900 MiB of its own; it ends after 15 minutes without a question"
    )
    assert "process 7 answers" in resident.said(found | {"answering": True})
    assert resident.said(found | {"ready": False, "minutes": 0}).endswith("; it stays")


@pytest.mark.parametrize(
    ("verb", "way"), [("start", "'edge-assistant resident stop' ends it"), ("stop", "end its process")]
)
def test_of_one_that_cannot_be_spoken_to_it_is_said_what_ends_it(
    verb: str, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lost(*order: str) -> None:
        raise client.Unavailable("it does not take orders")

    monkeypatch.setattr(client, "status", lost)
    monkeypatch.setattr(client, "end", lost)
    with pytest.raises(UsageError) as raised:
        resident.run(argparse.Namespace(resident_verb=verb))
    assert raised.value.hint.endswith(f", {way}")


def test_that_it_takes_long_to_get_ready_is_said_once(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    told = iter([None, *[{"ready": False}] * 3, {"ready": True}])
    monkeypatch.setattr(client, "status", lambda: next(told))
    monkeypatch.setattr(server, "opened", lambda: server.Held(*os.pipe()))
    monkeypatch.setattr(resident, "_command", lambda args: (sys.executable, "-c", "import time; time.sleep(60)"))
    monkeypatch.setattr(resident, "_LONG_S", 0.0)
    assert resident.run(argparse.Namespace(resident_verb="start")) == 0
    said = capsys.readouterr()
    os.kill(int(said.out.split()[-1]), signal.SIGKILL)
    assert said.err == "the resident is getting ready; it waits while another edge-assistant computes\n"


def test_the_doctor_tells_whether_one_runs(tmp_path: Path) -> None:
    assert (health.resident().ok, health.resident().found) == (None, "none runs")
    with serving(tmp_path / "resident") as process:
        assert health.resident().found.startswith(f"process {process.pid}, ")
