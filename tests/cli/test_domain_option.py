"""`--domain` and the setting of that name, with the real command."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from real_command import Command

ASKED = "What is the potassium?"


@pytest.fixture
def signals(tmp_path: Path) -> tuple[str, ...]:
    (tmp_path / "slip.txt").write_text("Potassium: 5.9 mmol/L\n")
    (tmp_path / "note.txt").write_text("Her potassium is four point nine millimoles per litre.\n")
    return "--text", str(tmp_path / "slip.txt"), "--text", str(tmp_path / "note.txt")


def test_a_domain_is_understood(command: Command, signals: tuple[str, ...]) -> None:
    ran = command("ask", ASKED, *signals, "--domain", "clinic", "--json")
    answer = json.loads(ran.out)
    assert (ran.status, answer["status"]) == (0, "conflict")
    assert [model["name"] for model in answer["models"]] == ["minilm-l6-int8"]  # no language model
    (verdict,) = answer["verdicts"]
    assert (verdict["attribute"], verdict["status"]) == ("potassium", "conflict")
    assert [told["value"] for told in verdict["values"]] == ["5.9 mmol/L", "four point nine millimoles per litre"]


def test_a_domain_is_a_setting_and_check_heeds_it(
    command: Command, signals: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert command("check", *signals).status == 0
    monkeypatch.setenv("EDGE_ASSISTANT_DOMAIN", "clinic")
    ran = command("check", *signals)
    assert ran.status == 1
    assert "conflict    potassium" in ran.out


def test_a_file_that_is_wrong_is_one_line_and_status_2(
    command: Command, signals: tuple[str, ...], tmp_path: Path
) -> None:
    ward = tmp_path / "ward.toml"
    ward.write_text('[attributes.potassium]\nvalue = "quantity"\nnames = ["potassium"]\nunits = ["mmoll"]\n')
    ran = command("ask", ASKED, *signals, "--domain", ward)
    assert (ran.status, ran.out) == (2, "")
    assert ran.err == (
        "error: ward.toml: [attributes.potassium] units: 'mmoll' is not the name of a unit"
        " - did you mean 'mmol/l'? or define it under [unit.\"mmoll\"]\n"
    )


def test_help_says_it(command: Command) -> None:
    for verb in ("ask", "check"):
        ran = command(verb, "--help")
        assert ran.status == 0
        assert "--domain F" in ran.out
        assert "docs/domains.md" in " ".join(ran.out.split())
