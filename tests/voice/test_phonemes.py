"""espeak-ng as a process of its own: what it is given, and what is done when it fails."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from edge_assistant.core.errors import VoiceUnavailable
from edge_assistant.voice import phonemes as module
from edge_assistant.voice.phonemes import phonemes

needs_espeak = pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="the program espeak-ng is not installed")


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where a test puts what stands for espeak-ng."""
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    return tmp_path / "espeak-ng"


def write(program: Path, script: str) -> None:
    program.write_text(f"#!/bin/sh\n{script}\n", "utf-8")
    program.chmod(0o755)


@needs_espeak
def test_each_clause_has_its_phonemes() -> None:
    lines = phonemes(["The pressure is 12.5 bar", "yes", "isn't it"], "en-us")
    assert len(lines) == 3
    assert lines[0].startswith("ðə pɹˈɛʃɚ")
    assert lines[1] == "jˈɛs"


@needs_espeak
def test_a_word_of_another_language_is_not_announced() -> None:
    assert not {"(", ")"} & set("".join(phonemes(["the chevalier said guten Tag", "café"], "en-us")))


def test_without_the_program_it_is_said_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(VoiceUnavailable, match=r"need the program espeak-ng - install it"):
        phonemes(["hello"], "en-us")


def test_a_text_is_never_an_option(program: Path) -> None:
    arguments, given = program.with_name("arguments"), program.with_name("given")
    write(program, f'echo "$@" > "{arguments}"; cat > "{given}"; echo x')
    assert phonemes(["-f /etc/passwd", "--version"], "en-us") == ["x"]
    assert arguments.read_text() == "-q --ipa -b 1 -v en-us\n"
    assert given.read_text() == "-f /etc/passwd\n--version\n"


def test_lines_within_a_clause_are_words_of_it(program: Path) -> None:
    write(program, "cat")
    assert phonemes(["a\nb\r\n c", "d"], "en-us") == ["a b c", "d"]


@pytest.mark.parametrize("voice", ["-f", "en us", "../x", "", "EN", "en-us; id"])
def test_a_voice_that_is_none_is_not_passed_on(program: Path, voice: str) -> None:
    write(program, "echo x")
    with pytest.raises(VoiceUnavailable):
        phonemes(["hello"], voice)


def test_a_process_that_is_killed_is_started_again(program: Path) -> None:
    mark = program.with_name("mark")
    write(program, f'if [ ! -e "{mark}" ]; then touch "{mark}"; echo half; kill -9 $$; fi\ncat')
    assert phonemes(["hello", "there"], "en-us") == ["hello", "there"]


def test_one_that_hangs_is_killed(program: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mark = program.with_name("mark")
    monkeypatch.setattr(module, "_TIMEOUT_S", 0.5)
    write(program, f'if [ ! -e "{mark}" ]; then touch "{mark}"; exec sleep 60; fi\ncat')
    assert phonemes(["hello"], "en-us") == ["hello"]


@pytest.mark.parametrize("script", ["kill -9 $$", "cat; exit 3", None])
def test_one_that_fails_again_and_again_is_told(program: Path, script: str | None) -> None:
    write(program, script or "")
    if script is None:
        program.write_bytes(b"\x7fELF broken")
    assert phonemes([], "en-us") == [], "nothing to say starts no process"
    with pytest.raises(VoiceUnavailable, match=r"^the program espeak-ng fails - "):
        phonemes(["hello"], "en-us")


def test_what_is_no_text_is_borne(program: Path) -> None:
    write(program, r"cat > /dev/null; printf '\377h\0i\n\n  \n'")
    (line,) = phonemes(["hello"], "en-us")
    assert line.endswith("i")
