"""Patterns from the cache folder are those that `re` compiles; what is wrong with the file costs time alone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from fakes import source
from hypothesis import given
from hypothesis import strategies as st

from edge_assistant import patterns
from edge_assistant.reasoning import prepared
from edge_assistant.reasoning.reason import Outcome, Reasoner
from edge_assistant.reasoning.rules import vocabulary
from edge_assistant.signals import Kind

PLAIN = (r"(?P<a>\d+)|(?P<b>[a-zäé-]+)(?:x|y)?(?<!q)", re.I)


@pytest.fixture(autouse=True)
def folder(home: Path) -> Iterator[Path]:
    """A cache of this test alone."""
    (home / "cache" / "patterns").unlink()
    patterns.forget()
    yield home / "cache" / "patterns"
    patterns.forget()


def kept(folder: Path) -> Path:
    """The file, with one pattern in it."""
    patterns.compile(*PLAIN)
    assert patterns.keep() == 1
    patterns.forget()
    (file,) = folder.iterdir()
    return file


def fails(*arguments: object) -> None:
    pytest.fail("it was compiled anew")


def test_all_of_the_product_equal_what_re_compiles(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: set[tuple[str, int]] = set()
    compile_ = patterns.compile

    def noted(pattern: str, flags: int = 0) -> re.Pattern[str]:
        asked.add((pattern, int(flags)))
        return compile_(pattern, flags)

    another = vocabulary.build(vocabulary.shipped_tables())  # so that all is built again
    with monkeypatch.context() as patched, vocabulary.within(another):
        patched.setattr(patterns, "compile", noted)
        added = prepared.compile_patterns()
    assert added == len(asked) > 400
    patterns.forget()
    monkeypatch.setattr(patterns, "_compiled", fails)
    assert [text for text, flags in asked if patterns.compile(text, flags) != re.compile(text, flags)] == []


@given(st.text(max_size=8), st.sampled_from([0, re.I, re.I | re.M, re.A, re.X]))
def test_any_pattern_equals_what_re_compiles(text: str, flags: int) -> None:
    for pattern in (re.escape(text), text):
        try:
            wanted = re.compile(pattern, flags)
        except re.error:
            with pytest.raises(re.error):
                patterns.compile(pattern, flags)
        else:
            made = patterns.compile(pattern, flags)
            assert (made, made.pattern, made.flags, made.groupindex) == (
                wanted, wanted.pattern, wanted.flags, wanted.groupindex
            )  # fmt: skip


def test_groups_have_their_names(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept(folder)
    monkeypatch.setattr(patterns, "_compiled", fails)
    match = patterns.compile(*PLAIN).fullmatch("ÄBX")
    assert match is not None
    assert (match.groupdict(), match.lastgroup) == ({"a": None, "b": "ÄBX"}, "b")


def test_a_file_damaged_anywhere_is_not_used(folder: Path) -> None:
    file = kept(folder)
    whole = file.read_bytes()
    for damaged in (
        *(whole[:at] for at in range(0, len(whole), 7)),
        *(whole[:at] + bytes([whole[at] ^ 4]) + whole[at + 1 :] for at in range(0, len(whole), 5)),
    ):
        file.write_bytes(damaged)
        assert patterns._read(file) == {}
        patterns.forget()
        assert patterns.compile(*PLAIN) == re.compile(*PLAIN)
    assert patterns.keep() == 1
    assert len(patterns._read(file)) == 1


def test_code_that_is_not_sound_is_compiled_anew(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = kept(folder)
    ((key, sound),) = patterns._read(file).items()
    for code in (b"", b"\xff" * 16, bytes(sound.code)[:-4], bytes(sound.code)[3:]):
        assert patterns._write(file, {key: patterns._Compiled(sound.flags, sound.groups, sound.names, code)})
        patterns.forget()
        assert patterns.compile(*PLAIN) == re.compile(*PLAIN)


def test_a_file_that_others_could_have_written_is_not_used(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = kept(folder)
    assert patterns._read(file)
    file.chmod(0o620)
    assert patterns._read(file) == {}
    file.chmod(0o600)
    monkeypatch.setattr("os.geteuid", lambda: file.stat().st_uid + 1)
    assert patterns._read(file) == {}


def test_it_is_of_this_user_alone(folder: Path) -> None:
    assert kept(folder).stat().st_mode & 0o777 == 0o600
    assert folder.stat().st_mode & 0o777 == 0o700


def test_without_room_nothing_is_kept_and_all_is_compiled(
    folder: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.write_text("a file where the folder should be")
    assert patterns.compile(*PLAIN) == re.compile(*PLAIN)
    assert patterns.keep() == 0
    monkeypatch.delenv("EDGE_ASSISTANT_HOME")
    monkeypatch.setattr("platformdirs.user_cache_path", lambda *a, **k: Path("~nobody-at-all").expanduser())
    patterns.forget()
    assert patterns.compile(*PLAIN) == re.compile(*PLAIN)
    assert patterns.keep() == 0


def test_where_there_are_too_many_those_that_are_used_stay(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Patterns of former versions pile up; a process that finds the file full must not compile anew for ever."""
    monkeypatch.setattr(patterns, "MAX_PATTERNS", 4)

    def process(*texts: str) -> tuple[int, set[str]]:
        patterns.forget()
        for text in texts:
            assert patterns.compile(text) == re.compile(text)
        added = patterns.keep()
        return added, {text for text in "abcdef" if patterns._key(text, 0) in patterns._read(patterns._file())}

    assert process("a", "b", "c", "d") == (4, {"a", "b", "c", "d"})
    assert process("d", "e") == (1, {"d", "e"})
    assert process("d", "e") == (0, {"d", "e"})
    patterns.compile("f")
    assert patterns.keep() == 1, "what was kept before is still known to be used"
    assert set(patterns._read(patterns._file())) == {patterns._key(text, 0) for text in "def"}
    for text in "ab":
        patterns.compile(text)
    assert patterns.keep() == 0, "a process that alone uses too many keeps none of them"


def test_a_file_that_is_too_large_is_not_read(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = kept(folder)
    assert patterns._read(file)
    monkeypatch.setattr(patterns, "MAX_BYTES", 10)
    assert patterns._read(file) == {}


def test_two_processes_add_to_each_other(folder: Path) -> None:
    kept(folder)
    patterns.compile("mine")
    file = patterns._file()
    assert file is not None
    other = {"other": patterns._compiled("of another process", 0), **patterns._read(file)}
    assert patterns._write(file, other)
    assert patterns.keep() == 1
    assert set(patterns._read(file)) > set(other)


def test_another_re_than_is_known_is_worked_with(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr("re._compiler._code")
    monkeypatch.setattr(re, "compile", lambda pattern, flags: ("compiled", pattern))
    assert patterns.compile("surely new here") == ("compiled", "surely new here")


def test_what_is_said_is_not_kept(folder: Path) -> None:
    for name, drug, city in (("Martin Hale", "penicillin", "Leeds"), ("Zelda Quimby", "zolpidem", "Aachen")):
        notes = [
            source([f"This is {name} from {city}. I am allergic to {drug}, not to latex."], Kind.TEXT, 1),
            source([f"Name: {name}", f"Allergies: {drug}", f"City: {city}"], Kind.TEXT, 2),
        ]
        reasoner = Reasoner(lambda: pytest.fail("the language model was opened"), lambda: None, lambda event: None)
        assert list(reasoner.check(notes, Outcome()))
        added = patterns.keep()
    assert added == 0  # the second time, in which only what is said differs
