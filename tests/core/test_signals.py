"""Signals: what is refused and how, ids, names, sums."""

from __future__ import annotations

import hashlib
import os
import threading
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_assistant.core import signals
from edge_assistant.core.errors import (
    InputEmpty,
    InputError,
    InputMissing,
    InputUnreadable,
    InputUnsupported,
)
from edge_assistant.core.signals import Kind, Origin, guess, printable, suffixes, take_bytes, take_file
from edge_assistant_models import regular


@pytest.fixture
def note(tmp_path: Path) -> Path:
    path = tmp_path / "note.txt"
    path.write_bytes(b"the valve is open")
    return path


def test_a_file_is_taken_with_id_name_and_sum(note: Path) -> None:
    taken = take_file(note, Kind.TEXT, 2)
    assert (taken.id, taken.kind, taken.origin, taken.name) == ("text:2", Kind.TEXT, Origin.FILE, "note.txt")
    assert taken.sha256 == hashlib.sha256(b"the valve is open").hexdigest()
    assert taken.taken.tzinfo is not None
    assert taken.read() == b"the valve is open"
    held = take_bytes(b"hello", Kind.TEXT, 1, origin=Origin.USER, name="standard input")
    assert (held.id, held.path, held.read()) == ("text:1", None, b"hello")
    assert "hello" not in repr(held)


@pytest.mark.parametrize("most", [signals.HELD_BYTES, 4], ids=["held", "large"])
def test_what_is_opened_is_what_was_summed(note: Path, monkeypatch: pytest.MonkeyPatch, most: int) -> None:
    monkeypatch.setattr(signals, "HELD_BYTES", most)
    taken = take_file(note, Kind.TEXT, 1)
    assert taken.untouched
    note.chmod(0o600)
    assert not taken.untouched
    assert taken.read() == b"the valve is open", "it holds the same"
    note.rename(note.with_name("former.txt"))
    note.write_bytes(b"the valve is open")
    assert taken.read() == b"the valve is open", "so does a copy in its place"
    note.write_bytes(b"the valve is shut")
    os.utime(note, ns=(0, taken.stamp.written if taken.stamp else 0))
    with pytest.raises(InputUnreadable, match=r"note\.txt has changed since it was taken"):
        taken.open()
    with taken.open(check=False) as stream:
        assert stream.read() == b"the valve is shut"
    note.unlink()
    assert not taken.untouched
    with pytest.raises(InputMissing):
        taken.open()


@pytest.mark.parametrize("text", ["", ".", "..", "/", "folder"])
def test_a_directory_is_refused_and_called_something(
    tmp_path: Path, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "folder").mkdir()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputUnsupported, match=r"^\S+ is a directory"):
        take_file(Path(text), Kind.IMAGE, 1)


@pytest.mark.parametrize("name", ["absent.png", "note.txt/below.png", "a", "x" * 300, "nul\0byte"])
def test_what_is_not_there_is_said_without_its_folder(note: Path, name: str) -> None:
    (note.parent / "a").symlink_to(note.parent / "b")
    (note.parent / "b").symlink_to(note.parent / "a")
    with pytest.raises(InputMissing) as caught:
        take_file(note.parent / name, Kind.IMAGE, 1)
    assert str(note.parent) not in str(caught.value)
    assert str(caught.value).isprintable()


def test_what_is_empty_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty.csv").touch()
    with pytest.raises(InputEmpty, match=r"empty\.csv is empty"):
        take_file(tmp_path / "empty.csv", Kind.READINGS, 1)
    with pytest.raises(InputEmpty, match="standard input is empty"):
        take_bytes(b"", Kind.TEXT, 1, origin=Origin.USER, name="standard input")


def test_a_pipe_is_refused_and_does_not_block(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    errors: list[InputError] = []

    def take() -> None:
        try:
            take_file(tmp_path / "pipe", Kind.AUDIO, 1)
        except InputError as error:
            errors.append(error)

    thread = threading.Thread(target=take, daemon=True)
    thread.start()
    thread.join(30)
    assert not thread.is_alive()
    assert isinstance(errors[0], InputUnsupported)


def test_no_permission_as_the_system_says_it(note: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied", str(note))

    monkeypatch.setattr(regular, "opened", refuse)
    with pytest.raises(InputUnreadable) as caught:
        take_file(note, Kind.TEXT, 1)
    assert str(note.parent) not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("a\nb.txt", "a\N{REPLACEMENT CHARACTER}b.txt"),
        (os.fsdecode(b"caf\xe9.txt"), "caf\N{REPLACEMENT CHARACTER}.txt"),
        ("\x1b[31mred.txt", "\N{REPLACEMENT CHARACTER}[31mred.txt"),
        ("\u202etxt.exe", "\N{REPLACEMENT CHARACTER}txt.exe"),
        ("Müller 写真.txt", "Müller 写真.txt"),
        ("12\u00a0kg.txt", "12\u00a0kg.txt"),
    ],
)
def test_a_name_is_printed_without_what_a_terminal_obeys(tmp_path: Path, name: str, shown: str) -> None:
    path = tmp_path / name
    path.write_bytes(b"x")
    assert take_file(path, Kind.TEXT, 1).name == shown


@given(st.text(st.characters()))
def test_any_text_can_be_printed(text: str) -> None:
    shown = printable(text)
    assert len(shown) == len(text)
    shown.encode("utf-8")
    assert not any(ord(c) < 32 or 0x7F <= ord(c) < 0xA0 for c in shown)
    assert printable(shown) == shown


def test_a_kind_is_told_by_the_name_alone(tmp_path: Path) -> None:
    """Whether the file is there or not: who takes it says that."""
    for kind, suffix in ((one, suffix) for one in Kind for suffix in suffixes(one)):
        assert guess(tmp_path / f"a.b{suffix}") is guess(tmp_path / f"A{suffix.upper()}") is kind


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (b"\x89PNG\r\n\x1a\n\0\0", Kind.IMAGE),
        (b"\xff\xd8\xff\xe0\0\x10JFIF", Kind.IMAGE),
        (b"%PDF-1.7\n%\xe2\xe3", Kind.IMAGE),
        (b"RIFF\x24\0\0\0WEBPVP8 ", Kind.IMAGE),
        (b"RIFF\x24\0\0\0WAVEfmt ", Kind.AUDIO),
        (b"\0\0\0\x20ftypM4A \0", Kind.AUDIO),
        (b"\0\0\0\x20ftypisom\0", Kind.VIDEO),
        (b"RIFF\x24\0\0\0AVI LIST", Kind.VIDEO),
        (b"time,temperature [degC]\n2025-03-14T14:00:00,60\n", Kind.READINGS),
        (b"Zeit;Druck\r\n2025-03-14 14:00;1,5\r\n2025-03-14 14:01;1,6\r\n", Kind.READINGS),
        (b"\xef\xbb\xbftime\ta\n2025-03-14T14:00:00Z\t1\n", Kind.READINGS),
        (b"2025-03-14T14:00:00 the pump, which leaked, was stopped\n", Kind.TEXT),
        (b"Dear Ann, Bob, and all,\nthe pump was stopped.\n", Kind.TEXT),
        ("Müller".encode("utf-16"), Kind.TEXT),
        (b"x" + "é".encode() * 4_096, Kind.TEXT),  # cut within a character
    ],
)
def test_a_kind_is_told_by_the_first_bytes(tmp_path: Path, head: bytes, kind: Kind) -> None:
    path = tmp_path / "signal"
    path.write_bytes(head)
    assert guess(path) is kind


@pytest.mark.parametrize("head", [b"", b"\0\1\2", b"\xfd\xfc\x80" * 9, b"RIFF\0\0\0\0ACON", b"\x7fELF\2\1\1\0"])
def test_what_a_file_is_cannot_be_told(tmp_path: Path, head: bytes) -> None:
    path = tmp_path / "signal"
    path.write_bytes(head)
    with pytest.raises(InputUnsupported, match="the kind of signal is unknown"):
        guess(path)


@given(st.binary(max_size=300))
def test_any_bytes_have_a_kind_or_none(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "any"
    path.write_bytes(data)
    with suppress(InputUnsupported):
        assert guess(path) in Kind
