"""`ask --redact` and `check --redact`, with the real command."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from helpers.commands import Here

from edge_assistant.governance.redaction.answers import REDACTED

ASKED = "What is the date of birth of Anna?"
SECRETS = ("Fischer", "Anna", "1980", "07700", "900123", "900124", "00-123-456")


@pytest.fixture
def texts(tmp_path: Path) -> list[str]:
    """Two texts that differ on a number and a date, one of them in a file that tells a name."""
    form = tmp_path / "Anna_Fischer_1980.txt"
    form.write_text("Patient: Anna Fischer\nDate of birth: 12/03/1980\nPhone: 07700 900123\nMRN: 00-123-456\n")
    note = tmp_path / "note.txt"
    note.write_text("My name is Anna Fischer.\nDate of birth: 13 March 1980\nPhone: 07700 900124\n")
    return ["--text", str(form), "--text", str(note)]


def test_a_redacted_answer(here: Here, texts: list[str]) -> None:
    ran = here("ask", ASKED, *texts, "--profile", "test", "--redact", "--trace")
    assert ran.status == 0
    assert not [secret for secret in SECRETS if secret in ran.out + ran.err]
    first = ran.out.splitlines()[0]
    assert "[BIRTH-1]" in first
    assert "[BIRTH-2]" in first
    assert "  conflict    date birth [PERSON-1]: [BIRTH-1] [E2] / [BIRTH-2] [E6]" in ran.out.splitlines()
    assert "text:1 [FILE-1].txt" in ran.out
    assert ran.err.splitlines()[-1] == f"note: {REDACTED}"


def test_a_redacted_object(here: Here, texts: list[str]) -> None:
    arguments = (ASKED, *texts, "--profile", "test", "--json")
    plain, ran = here("ask", *arguments), here("ask", *arguments, "--redact")
    shown = re.sub(r"[0-9a-f]{64}", "", ran.out + ran.err)  # keyed digests, in which any four digits come up by chance
    assert not [secret for secret in SECRETS if secret in shown]
    given, found = json.loads(plain.out), ran.object
    assert found.keys() == given.keys()
    assert (found["status"], found["citations"]) == (given["status"], given["citations"])
    assert found["question"] == "What is the date of birth of [PERSON-1]?"
    assert [told["value"] for told in found["verdicts"][0]["values"]] == ["[BIRTH-1]", "[BIRTH-2]"]
    assert "1980" in plain.out
    assert ran.err.splitlines()[-1] == f"note: {REDACTED}"
    assert REDACTED not in plain.err


def test_a_redacted_comparison(here: Here, texts: list[str]) -> None:
    ran = here("check", *texts, "--profile", "test", "--redact")
    assert ran.status == 1
    assert not [secret for secret in SECRETS if secret in ran.out + ran.err]
    assert "conflict    date of birth" in ran.out.splitlines()
    assert "says [BIRTH-1] [E2]; the second text says [BIRTH-2] [E6]." in ran.out
    assert ran.err.splitlines()[-1] == f"note: {REDACTED}"


def test_a_file_that_is_missing_is_not_named(here: Here, tmp_path: Path) -> None:
    ran = here("ask", "Who?", "--text", tmp_path / "Anna_Fischer.txt", "--redact", "--json")
    assert ran.status == 3
    assert ran.err == "error: [FILE-1].txt does not exist - check the path\n"
    assert ran.object["error"]["message"] == "[FILE-1].txt does not exist"
