"""`--domain` and the setting of that name, with the real command."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers.commands import Here

ASKED = "What is the potassium?"


@pytest.fixture
def slip(tmp_path: Path) -> str:
    (tmp_path / "slip.txt").write_text("Na+: 141 mmol/L\n\nK+: 5.9 mmol/L\n")
    return str(tmp_path / "slip.txt")


def test_the_names_of_a_domain_are_understood(here: Here, slip: str) -> None:
    told = [here("ask", ASKED, "--text", slip, *option, "--json") for option in ([], ["--domain", "clinic"])]
    assert [ran.status for ran in told] == [0, 0]
    without, within = (ran.object for ran in told)
    assert (without["status"], within["status"]) == ("not_in_evidence", "supported")
    assert [value["value"] for value in within["verdicts"][0]["values"]] == ["5.9 mmol/L"]


def test_a_domain_is_a_setting_and_check_heeds_its_units(
    here: Here, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "slip.txt").write_text("Troponin: 12000 ng/l\n")
    (tmp_path / "note.txt").write_text("Troponin: 0.012 mg/l\n")
    signals = "--text", tmp_path / "slip.txt", "--text", tmp_path / "note.txt"
    assert "agree" not in here("check", *signals).out
    monkeypatch.setenv("EDGE_ASSISTANT_DOMAIN", "clinic")
    ran = here("check", *signals)
    assert ran.status == 0
    assert "agree       troponin" in ran.out
