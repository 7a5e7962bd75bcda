"""What is looked at, and what is said of what is missing."""

from __future__ import annotations

import shutil
from collections import namedtuple
from pathlib import Path

import pytest

from edge_assistant.core.errors import DeviceMissing
from edge_assistant.devices import sound, video4linux
from edge_assistant.governance.audit.trail import Trail
from edge_assistant.session import health
from edge_assistant.voice import phonemes

Usage = namedtuple("Usage", "total used free")


def test_packages_are_there_and_folders_that_are_full_or_shut_are_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    assert {check.ok for check in health.packages()} == {True}
    with monkeypatch.context() as full:
        full.setattr(shutil, "disk_usage", lambda path: Usage(100, 99, 1))
        assert {(check.ok, check.hint) for check in health.folders()} == {(False, "free some space")}
    monkeypatch.setattr("os.access", lambda path, mode: False)
    assert all(check.ok is False and "EDGE_ASSISTANT_HOME" in check.hint for check in health.folders())


def test_devices_are_done_without(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> None:
        raise DeviceMissing("no sound here", "install it")

    monkeypatch.setattr(video4linux, "cameras", list)
    monkeypatch.setattr(sound, "library", refuse)
    looked = {check.name: check for check in health.devices()}
    assert looked.keys() == {"camera", "microphone", "speaker"}
    assert all(check.ok is None and check.hint for check in looked.values())
    assert looked["speaker"].found == "no sound here"
    assert health.ready(list(looked.values()))


def test_devices_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    there = [video4linux.Camera(name, Path()) for name in ("Front", "Back")]
    monkeypatch.setattr(video4linux, "cameras", lambda: there)
    monkeypatch.setattr(sound, "library", lambda: None)
    monkeypatch.setattr(sound, "renew", lambda: None)
    monkeypatch.setattr(sound, "devices", lambda direction: [])
    looked = list(health.devices())
    assert (looked[0].ok, looked[0].found) == (True, "Front, Back")
    assert (looked[1].ok, looked[1].found) == (None, "none is connected")


def test_without_the_program_of_the_voice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(phonemes.shutil, "which", lambda name: None)
    (check,) = health.voice()
    assert check.ok is None
    assert "espeak-ng" in check.hint


@pytest.mark.parametrize(
    ("environment", "drawn", "said"),
    [
        ({"TERM": "xterm-kitty"}, "", "protocol of Kitty"),
        ({"KITTY_WINDOW_ID": "1"}, "", "protocol of Kitty"),
        ({"TERM": "xterm-256color", "TERM_PROGRAM": "WezTerm"}, "", "protocol of Sixel"),
        ({"TERM": "xterm-256color"}, "Sixel", "protocol of Sixel"),
        ({"TERM": "xterm-256color"}, "", "half blocks"),
        ({}, "", "an unknown terminal"),
    ],
)
def test_how_pictures_are_drawn(environment: dict[str, str], drawn: str, said: str) -> None:
    check = health.graphics(environment, drawn)
    assert said in check.found
    assert (check.ok is None) == bool(check.hint) == ("half blocks" in check.found)


def test_the_audit_trail_that_questions_need(home: Path) -> None:
    assert health.audit_trail().found == "it begins with the first question"
    assert not (home / "audit").exists()
    trail = Trail()
    trail.append("said", {})
    trail.close()
    assert health.audit_trail().ok
    assert health.audit_trail().found.startswith("1 rows in ")
    (home / "audit" / "audit.db").write_bytes(b"no database " * 999)
    damaged = health.audit_trail()
    assert (damaged.ok, damaged.found) == (False, "the audit trail is damaged (audit.db)")
