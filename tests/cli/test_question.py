"""Which questions go to the resident, and what of the command line goes with them."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import pytest

from edge_assistant.cli import question, terminal
from edge_assistant.cli.main import parser
from edge_assistant.cli.show import Console
from edge_assistant.core.answer import Answer, Route, Status
from edge_assistant.core.errors import InputMissing
from edge_assistant.governance.offline import lock
from edge_assistant.governance.policy import pin, policy
from edge_assistant.resident import client
from edge_assistant.storage.settings import Settings

CONFIRMED = "[approval]\nconfirm_below = 0.9\n"
KIOSK = f'[roles]\npin = "{pin.hashed("147258", cost=1024)}"\nvisitor = ["ask"]\n'
ANSWER = Answer("q", "done", Status.CHAT, Route("talk", (), "scripted"))


def args(*words: str, alone: bool = True, **settings: Any) -> argparse.Namespace:
    found = parser("ask").parse_args(["ask", "q", *words])
    found.settings, found.began, found.alone = Settings(**settings), 0.0, alone
    return found


def went(given: argparse.Namespace, monkeypatch: pytest.MonkeyPatch, error: client.Unavailable | None = None) -> str:
    """Where a question is answered."""

    def ask(*given: object) -> tuple[Answer, str]:
        if error is not None:
            raise error
        return ANSWER, "by the resident"

    monkeypatch.setattr(client, "ask", ask)
    monkeypatch.setattr(question, "answered", lambda *given: question.AnswerReply(ANSWER, "here", lambda: None))
    return question.answer(given, question.put(given, "q"), Console(plain=True, quiet=True)).note


@pytest.mark.parametrize(
    ("rules", "person", "where"),
    [
        ("", True, "by the resident"),
        (CONFIRMED, False, "by the resident"),
        (CONFIRMED, True, "here"),
        (KIOSK, True, "by the resident"),
    ],
)
def test_where_a_person_is_asked_the_command_does_it(
    home: Path, monkeypatch: pytest.MonkeyPatch, rules: str, person: bool, where: str
) -> None:
    (home / "config").mkdir()
    (home / "config" / "policy.toml").write_text(rules)
    policy.reread()
    monkeypatch.setattr(lock, "state", lambda: lock.OfflineLock(True))
    monkeypatch.setattr(terminal, "asks", lambda: person)
    assert went(args(), monkeypatch) == where
    if rules == KIOSK:
        assert policy.current().unlock("147258")
        assert went(args(), monkeypatch) == "here"


def test_without_the_lock_or_a_process_of_its_own_the_command_does_it(monkeypatch: pytest.MonkeyPatch) -> None:
    assert went(args(), monkeypatch) == "here"
    monkeypatch.setattr(lock, "state", lambda: lock.OfflineLock(True))
    assert went(args(alone=False), monkeypatch) == "here"


@pytest.mark.parametrize(
    ("why", "words", "said"),
    [("it is busy", ["--trace"], "resident: not used, as it is busy\n"), ("it is busy", [], ""), ("", ["--trace"], "")],
)
def test_why_it_is_not_used_is_traced(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], why: str, words: list[str], said: str
) -> None:
    monkeypatch.setattr(lock, "state", lambda: lock.OfflineLock(True))
    assert went(args(*words), monkeypatch, client.Unavailable(why)) == "here"
    assert capsys.readouterr().err == said


def test_options_come_before_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.txt").write_text("Allergies: latex.")
    words = ("--text", "a.txt", "--profile", "tiny", "--domain", "mine.toml", "--seed", "3")
    found = question.put(args(*words, profile="large", language="de", domain="clinic"), "q")
    assert (found.profile, found.language, found.domain, found.folder) == ("tiny", "de", "mine.toml", str(tmp_path))
    assert (found.seed, found.names, found.signals[0].name) == (3, ("a.txt",), "a.txt")


def test_the_error_of_a_signal_is_redacted() -> None:
    with pytest.raises(InputMissing) as raised:
        question.put(args("--text", "John Smith.txt", "--redact"), "q")
    assert "Smith" not in raised.value.message


def test_settings_that_change_what_is_loaded_are_compared() -> None:
    found, other = question.facts(Settings()), question.facts(Settings(gpu="off", log_level="debug"))
    assert {name for name in found if found[name] != other[name]} == {"GPU", "log"}
