"""Signals: what is refused and how, ids, names, sums."""

from __future__ import annotations

import hashlib
import os
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from real_command import unprivileged

from edge_assistant import signals
from edge_assistant.errors import InputEmpty, InputError, InputMissing, InputTooLarge, InputUnreadable, InputUnsupported
from edge_assistant.signals import Kind, Origin, printable, take_bytes, take_file


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


def test_bytes_are_taken_without_a_file() -> None:
    taken = take_bytes(b"hello", Kind.TEXT, 1, origin=Origin.USER, name="standard input")
    assert (taken.id, taken.path, taken.read()) == ("text:1", None, b"hello")
    assert "hello" not in repr(taken)


@pytest.mark.parametrize("kind", Kind)
def test_the_id_is_kind_and_number(note: Path, kind: Kind) -> None:
    assert take_file(note, kind, 7).id == f"{kind.value}:7"


def test_a_large_file_is_summed_in_chunks(tmp_path: Path) -> None:
    path = tmp_path / "large.wav"
    data = os.urandom(1 << 20) * 3 + b"tail"
    path.write_bytes(data)
    assert take_file(path, Kind.AUDIO, 1).sha256 == hashlib.sha256(data).hexdigest()


def test_nothing_there(tmp_path: Path) -> None:
    with pytest.raises(InputMissing, match=r"absent\.png does not exist"):
        take_file(tmp_path / "absent.png", Kind.IMAGE, 1)


def test_a_file_taken_for_a_folder(note: Path) -> None:
    with pytest.raises(InputMissing):
        take_file(note / "below.png", Kind.IMAGE, 1)


def test_a_directory(tmp_path: Path) -> None:
    with pytest.raises(InputUnsupported, match="is a directory"):
        take_file(tmp_path, Kind.IMAGE, 1)


@pytest.mark.parametrize("text", ["", ".", "..", "/"])
def test_a_directory_without_a_name_is_still_called_something(text: str) -> None:
    with pytest.raises(InputUnsupported, match=r"^\S+ is a directory"):
        take_file(Path(text), Kind.IMAGE, 1)


def test_an_empty_file(tmp_path: Path) -> None:
    (tmp_path / "empty.csv").touch()
    with pytest.raises(InputEmpty, match=r"empty\.csv is empty"):
        take_file(tmp_path / "empty.csv", Kind.READINGS, 1)


def test_no_bytes() -> None:
    with pytest.raises(InputEmpty, match="standard input is empty"):
        take_bytes(b"", Kind.TEXT, 1, origin=Origin.USER, name="standard input")


def test_a_text_over_the_limit(monkeypatch: pytest.MonkeyPatch, note: Path) -> None:
    monkeypatch.setattr(signals, "MAX_TEXT_BYTES", 16)
    with pytest.raises(InputTooLarge, match="17 bytes, over the limit of 16"):
        take_file(note, Kind.TEXT, 1)
    with pytest.raises(InputTooLarge):
        take_bytes(b"x" * 17, Kind.TEXT, 1, origin=Origin.USER, name="standard input")
    assert take_file(note, Kind.READINGS, 1)


def test_a_file_over_the_limit_is_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "sparse.wav"
    with path.open("wb") as file:
        file.truncate(signals.MAX_BYTES + 1)
    with pytest.raises(InputTooLarge, match="over the limit of 4,294,967,296"):
        take_file(path, Kind.AUDIO, 1)


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


@pytest.mark.parametrize("device", ["/dev/zero", "/dev/null"])
def test_a_device_is_refused(device: str) -> None:
    with pytest.raises(InputUnsupported, match="is not a regular file"):
        take_file(Path(device), Kind.IMAGE, 1)


def test_a_socket_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("door")
        with pytest.raises(InputUnsupported):
            take_file(tmp_path / "door", Kind.TEXT, 1)


def test_no_permission(note: Path) -> None:
    note.chmod(0)
    code = f"from edge_assistant import signals; signals.take_file(signals.Path({str(note)!r}), signals.Kind.TEXT, 1)"
    ran = subprocess.run([*unprivileged(), sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "InputUnreadable: note.txt may not be read" in ran.stderr


def test_no_permission_as_the_system_says_it(note: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied", str(note))

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(InputUnreadable) as caught:
        take_file(note, Kind.TEXT, 1)
    assert str(note.parent) not in str(caught.value)


def test_links_in_a_circle(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to(tmp_path / "b")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    with pytest.raises(InputMissing) as caught:
        take_file(tmp_path / "a", Kind.TEXT, 1)
    assert str(tmp_path) not in str(caught.value)


@pytest.mark.parametrize("name", ["x" * 300, "nul\0byte"])
def test_a_name_that_no_file_can_have(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputMissing) as caught:
        take_file(tmp_path / name, Kind.TEXT, 1)
    assert str(tmp_path) not in str(caught.value)
    assert str(caught.value).isprintable()


def test_a_signal_whose_file_is_gone(note: Path) -> None:
    taken = take_file(note, Kind.TEXT, 1)
    note.unlink()
    with pytest.raises(InputMissing):
        taken.open()


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
