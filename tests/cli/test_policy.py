"""A policy on the command line: what it refuses, `policy` itself, roles by PIN and the confirmation of values."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from helpers.commands import Command, Here, at_terminal, unprivileged

from edge_assistant.cli.main import main
from edge_assistant.compute import sd_notify
from edge_assistant.compute.runtime import Runtime
from edge_assistant.governance.policy import pin, policy

Hold = Callable[[str], Path]
PIN = "147 258"
HASH = pin.hashed(PIN, cost=1024)
HOTTEST = "What was the highest temperature?"
CSV = "time,temperature [degC]\n2025-01-01T00:00:00,20.5\n2025-01-01T00:01:00,31.5\n"


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "line.csv"
    path.write_text(CSV)
    return path


# What is refused


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ('signals.kinds = ["text"]', "signals.kinds"),
        ('signals.origins = ["camera"]', "signals.origins"),
        ('profiles.allowed = ["starter"]', "profiles.allowed"),
        (f'[roles]\npin = "{HASH}"', "roles.visitor"),
        (f'[roles]\npin = "{HASH}"\nvisitor = ["attach"]', "roles.visitor"),
    ],
)
def test_a_refusal_is_status_5_and_names_the_rule(hold: Hold, here: Here, table: Path, text: str, rule: str) -> None:
    hold(text)
    ran = here("ask", HOTTEST, "--readings", table, "--json")
    error = ran.object["error"]
    assert (ran.status, error["code"]) == (5, "policy")
    assert f"({rule})" in error["message"]
    assert ran.err.splitlines()[-1] == f"error: {error['message']} - {error['hint']}"


def test_a_model_is_refused_when_it_would_be_opened(hold: Hold, here: Here, tmp_path: Path) -> None:
    hold('models.allowed = ["smollm2-*"]')
    note = tmp_path / "note.wav"
    note.write_bytes((Path(__file__).parents[1] / "fixtures" / "speech" / "bottles.wav").read_bytes())
    ran = here("ask", "How many bottles?", "--audio", note)
    assert ran.status == 5
    assert re.search(r"not the model \S+ \(models\.allowed\)", ran.err)


def test_a_lower_limit_holds(hold: Hold, here: Here, table: Path) -> None:
    hold("limits.file_bytes = 10\nlimits.question_characters = 33")
    for words, status, most in (((HOTTEST, "--readings", table), 3, 10), ((HOTTEST + "?",), 2, 33)):
        ran = here("ask", *words)
        assert (ran.status, f"over the limit of {most} " in ran.err) == (status, True), ran


@pytest.mark.parametrize(("text", "gpu"), [("models.gpu = false", "off"), ("", "auto")])
def test_whether_a_graphics_card_may_compute(
    hold: Hold, here: Here, table: Path, monkeypatch: pytest.MonkeyPatch, text: str, gpu: str
) -> None:
    hold(text)
    detect, asked = Runtime.detect, list[str]()
    monkeypatch.setattr(Runtime, "detect", lambda gpu="off": asked.append(gpu) or detect())
    assert here("ask", HOTTEST, "--readings", table).status == 0
    assert asked == [gpu]


def test_answers_are_redacted_where_that_is_not_left_to_the_person(hold: Hold, here: Here, tmp_path: Path) -> None:
    note = tmp_path / "note.txt"
    note.write_text("Call the ward on 020 7946 0958. The total was 12.50.")
    asked = ("check", "--text", note, "--text", note, "--json")
    assert "7946" in here(*asked).out
    hold("redaction.answers = true")
    ran = here(*asked)
    assert "7946" not in ran.out
    assert "[PHONE-1]" in ran.out


@pytest.mark.parametrize("verb", [["ask", HOTTEST], ["doctor"], ["models", "list"], ["check"]])
def test_a_wrong_policy_answers_nothing(hold: Hold, here: Here, verb: list[str]) -> None:
    hold("[signals]\nkind = 1\n[x]\n")
    ran = here(*verb)
    assert (ran.status, ran.out) == (5, "")
    assert "is wrong: unknown key signals.kind, did you mean kinds, and 1 more - correct it; " in ran.err
    assert here("policy", "show").status == 5


def test_a_policy_that_may_not_be_read_answers_nothing(hold: Hold, command: Command) -> None:
    hold("").chmod(0)
    ran = command("ask", HOTTEST, prefix=unprivileged())
    assert (ran.status, "cannot be read (Permission denied)" in ran.err) == (5, True)


# `policy`


def test_everything_that_is_wrong_is_listed(here: Here, tmp_path: Path) -> None:
    file = tmp_path / "policy.toml"
    file.write_text('[signals]\nkinds = ["sound"]\n[limits]\npages = 1000\n')
    ran = here("policy", "check", file)
    assert ran.status == 1
    assert ran.out.splitlines() == [
        "signals.kinds[0]: 'sound' is none of image, audio, video, readings, text",
        "limits.pages: expected `int` <= 50",
        f"{file}: wrong",
    ]
    found = json.loads(here("policy", "check", file, "--json").out)
    assert (found["good"], len(found["problems"])) == (False, 2)
    assert here("policy", "check", tmp_path / "none.toml").status == 3


def test_the_one_that_holds_is_checked(hold: Hold, here: Here) -> None:
    none = here("policy", "check").out
    file = hold("signals.kinds = []")
    assert none == f"there is no policy in {file}: everything is allowed but 'serve'\n"
    assert here("policy", "check").out == f"{file}: good\n"
    file.write_text("x = 1")
    assert here("policy", "check").status == 1


def test_what_holds_is_shown_and_no_hash(hold: Hold, here: Here) -> None:
    file = hold(f'limits.pages = 3\nroles.pin = "{HASH}"')
    ran = here("policy", "show")
    assert ran.out.splitlines()[0] == f"policy: {file}"
    assert {"pages = 3", 'pin = "set, not shown"', 'verify = "cached"'} <= set(ran.out.splitlines())
    found = json.loads(here("policy", "show", "--json").out)
    assert (found["file"], found["rules"]["limits"]) == (str(file), {"pages": 3})
    assert "scrypt" not in ran.out + json.dumps(found)


def test_without_a_policy_there_are_no_rules_to_show(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["policy", "show", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"file": None, "rules": {}}
    assert main(["policy", "show"]) == 0
    assert re.fullmatch(
        "there is no policy in .*/policy.toml: everything is allowed but 'serve'\n", capsys.readouterr().out
    )


def test_the_administrators_file_wins(
    hold: Hold, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    hold("signals.kinds = []")
    policy.SYSTEM.parent.mkdir()
    policy.SYSTEM.write_text('profiles.allowed = ["tiny"]')
    assert main(["policy", "show", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["file"] == str(policy.SYSTEM)
    assert main(["ask", HOTTEST, "--profile", "starter"]) == 5
    assert f"the administrator can change {policy.SYSTEM}" in capsys.readouterr().err


def test_a_pin_is_made_on_a_terminal(command: Command) -> None:
    assert command("policy", "pin").status == 2
    status, shown = at_terminal(["policy", "pin"], [("PIN of the operator: ", PIN), ("again: ", PIN)])
    assert status == 0
    assert PIN not in shown
    kept = re.search(r'^pin = "(scrypt:.*)"$', shown, re.M)
    assert kept is not None
    assert pin.fits(PIN, kept[1])
    status, shown = at_terminal(["policy", "pin"], [("PIN of the operator: ", PIN), ("again: ", PIN + "0")])
    assert (status, "the two are not the same" in shown) == (2, True)


# Roles


def test_the_operator_gives_the_pin_on_a_terminal(hold: Hold, command: Command) -> None:
    hold(f'[roles]\npin = "{HASH}"')
    assert command("models", "list").status == 5
    answers = [("a visitor may not: models - PIN of the operator: ", "0" * 6), ("that is not the PIN", PIN)]
    status, shown = at_terminal(["models", "list"], answers)
    assert status == 0
    assert "smollm2" in shown
    assert PIN not in shown


def test_a_service_of_the_kiosk_needs_no_pin_for_what_it_does(
    hold: Hold, here: Here, monkeypatch: pytest.MonkeyPatch
) -> None:
    hold(f'[roles]\npin = "{HASH}"')
    assert here("forget", "--expired").status == 5
    monkeypatch.setattr(sd_notify, "service", lambda: "edge-assistant-retention.service")
    assert here("forget", "--expired").out == "nothing expires\n"
    assert here("models", "list").status == 5
    monkeypatch.setattr(sd_notify, "service", lambda: "cron.service")
    assert here("forget", "--expired").status == 5


def test_a_file_is_one_whatever_its_name(hold: Hold, here: Here, table: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hold(f'[roles]\npin = "{HASH}"\nvisitor = ["ask"]')
    monkeypatch.chdir(table.parent)
    table.rename("-")
    ran = here("ask", HOTTEST, "--readings", "-")
    assert (ran.status, "a visitor may not: attach" in ran.err) == (5, True)


def test_the_app_takes_no_files_from_a_visitor(hold: Hold, command: Command, table: Path) -> None:
    hold(f'[roles]\npin = "{HASH}"')
    wrong = [("a visitor may not: attach - PIN", "0" * 6), *[("that is not the PIN", "0" * 6)] * 2]
    status, shown = at_terminal(["--attach", table], wrong)
    assert (status, "(roles.visitor)" in shown) == (5, True)


# Values that a human confirms

CONFIRM = "approval.confirm_below = 0.999\n"
BOTTLES = Path(__file__).parents[1] / "fixtures" / "speech" / "bottles.wav"
ASKED = ("ask", "How many bottles?", "--audio", BOTTLES)


def test_without_a_terminal_an_unsure_answer_is_withheld(hold: Hold, here: Here) -> None:
    hold(CONFIRM)
    ran = here(*ASKED, "--json")
    error = ran.object["error"]
    assert (ran.status, error["code"]) == (5, "policy")
    assert "must be confirmed by a human, and there is no terminal (approval.confirm_below)" in error["message"]


@pytest.mark.parametrize(("said", "status"), [("y", 0), ("", 5)])
def test_a_value_is_read_back_before_the_answer(hold: Hold, command: Command, said: str, status: int) -> None:
    hold(CONFIRM)
    ended, shown = at_terminal([*ASKED, "--plain"], [("is that right? [y/N] ", said)])
    assert ended == status
    before, _, after = shown.partition("is that right? [y/N]")
    assert re.search(r"audio:1 says .*, confidence \d\d%: $", before)
    assert "[E" not in before
    assert ("[E1]" in after) == (status == 0)
    assert ("the answer is withheld: a value was not confirmed" in after) == (status == 5)


def test_only_the_operator_confirms(hold: Hold, command: Command) -> None:
    hold(f'{CONFIRM}approval.by = "operator"\n[roles]\npin = "{HASH}"\nvisitor = ["ask", "attach"]')
    asked = ("is that right? [y/N] ", "y")
    status, shown = at_terminal([*ASKED, "--plain"], [asked, ("PIN of the operator: ", PIN)])
    assert (status, "[E1]" in shown) == (0, True)


def test_where_the_lock_is_required_nothing_runs_without_it(hold: Hold, command: Command, table: Path) -> None:
    hold('offline.lock = "required"')
    ran = command("--no-lock", "ask", HOTTEST, "--readings", table)
    assert (ran.status, ran.out, "(offline.lock)" in ran.err) == (5, "", True)
    assert command("ask", HOTTEST, "--readings", table).status == 0
