"""The app in bad moments: models that go, a full disk, a fault of ours, another size, a kill, an end in the middle."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import struct
import sys
import termios
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from helpers import smalldisk
from helpers.app import EXAMPLES, FORM, play, whole
from helpers.commands import Terminal
from textual.events import Key

from edge_assistant.history.store import History, Saved
from edge_assistant.session.conversation import Conversation
from edge_assistant_tui import messages
from edge_assistant_tui.options import VARIABLE
from edge_assistant_tui.widgets.prompt import Prompt
from edge_assistant_tui.widgets.restore import Restore

MOTOR, REMARK, NOTE = EXAMPLES / "line/motor.csv", EXAMPLES / "line/remark.txt", EXAMPLES / "clinic/note.wav"
HIGHEST = "What was the highest temperature?"
STORY = "Write me a story of three hundred words about a lighthouse."  # free talk, for which the model is needed
LANGUAGE, SPEECH = "smollm2-135m-instruct-q4_1", "whisper-tiny.en"


@pytest.fixture(autouse=True)
def linked(store: Path, home: Path) -> Path:
    """A store of the real models as links, which a test may take away; their sums are remembered."""
    folder = home / "models"
    folder.mkdir()
    for model in store.iterdir():
        if model.is_dir() and not model.name.startswith("."):
            (folder / model.name).symlink_to(model)
    stamps = json.loads((store / ".stamps.json").read_text())
    moved = {
        str(folder / Path(path).relative_to(store)): sums
        for path, sums in stamps.items()
        if Path(path).is_relative_to(store)
    }
    (folder / ".stamps.json").write_text(json.dumps(moved))
    return folder


# models


async def test_a_model_that_is_deleted_is_named_with_what_to_do_and_comes_back(linked: Path, store: Path) -> None:
    async with whole(free_talk=True) as stage:
        for name in (LANGUAGE, SPEECH):
            (linked / name).unlink()
        failure = stage.part(await stage.answer(STORY), ".failed")
        assert failure.startswith(f"error: the model {LANGUAGE} is not in the store - press F9 for the models")
        await stage.attach(MOTOR, NOTE)
        assert [entry.state for entry in stage.entries] == ["ready", "failed"]
        assert stage.entries[1].detail == f"the model {SPEECH} is not in the store"
        assert stage.entries[1].hint.startswith("press F9")
        for name in (LANGUAGE, SPEECH):
            (linked / name).symlink_to(store / name)
        stage.app.work.look()
        turn = await stage.answer(HIGHEST)
        assert turn.answer is not None
        assert turn.answer.status == "supported"
        assert not turn.answer.failed, "the recording is heard now"
        assert (await stage.answer(STORY)).answer is not None
        (linked / LANGUAGE).unlink()  # while it is open
        assert f"{LANGUAGE} is not in the store - press F9" in stage.part(await stage.answer(STORY), ".failed")
        stage.app.work.look()
        await stage.rest()
        assert LANGUAGE in stage.app.missing


# the disk


@pytest.fixture
def small_disk(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The home on a file system of its own of 1 MiB that is full."""
    with smalldisk.mounted(home / "disk", lazy=True) as folder:
        monkeypatch.setenv("EDGE_ASSISTANT_HOME", str(folder))
        monkeypatch.setenv("EDGE_ASSISTANT_MODELS", str(home / "models"))
        yield folder


async def test_a_full_disk_ends_no_conversation_and_with_room_it_is_kept_again(small_disk: Path) -> None:
    async with whole() as stage:
        filler = smalldisk.fill(small_disk)
        await stage.attach(MOTOR)
        failure = stage.part(await stage.answer(HIGHEST), ".failed")  # what cannot be audited is not answered
        assert "cannot be written: the disk is full - free some space" in failure
        told = "the file of keys cannot be written: the disk is full The history is not written: free some space"
        assert any(toast.startswith(told) for toast in stage.toasts)
        filler.unlink()
        turn = await stage.answer("What was the lowest temperature?")
        assert turn.answer is not None
        kept = stage.app.work.current
        assert kept is not None
        assert [turn.answer["question"] for turn in stage.app.work.history.open(kept).turns] == [
            "What was the lowest temperature?"
        ]


# a fault of ours


async def test_a_fault_in_the_worker_leaves_the_app_alive(monkeypatch: pytest.MonkeyPatch) -> None:
    async with whole() as stage:

        def broken(*_: object, **__: object) -> None:
            raise ZeroDivisionError("a fault")

        with monkeypatch.context() as patched:
            patched.setattr(Conversation, "ask", broken)
            patched.setattr(Conversation, "perceive", broken)
            await stage.attach(MOTOR)
            assert (stage.entries[0].state, stage.entries[0].detail) == ("failed", "a fault of ours")
            turn = await stage.answer(HIGHEST)
            assert "a fault of ours" in stage.part(turn, ".failed")
        assert any("A fault of ours (ZeroDivisionError: a fault)" in toast for toast in stage.toasts)
        turn = await stage.answer(HIGHEST)
        assert turn.answer is not None
        assert turn.answer.text.startswith("8")


# the offer to restore


async def test_an_offer_takes_no_keys_once_somebody_types_or_has_asked() -> None:
    saved = Saved("0" * 16, "What is red?", FORM.taken, (), ())
    async with play() as stage:
        screen = stage.talk
        for key in "re":  # on their way to the prompt while the offer comes
            stage.pilot.app.post_message(Key(key, key))
        screen.post_message(messages.Unfinished(saved))
        await stage.type("d")
        assert screen.query_one(Prompt).text == "red"
        await stage.press("enter")
        assert [call[1] for call in stage.work.calls("ask")] == ["red"]
        assert screen.query(Restore)
        assert not stage.work.calls("resume")
    async with play() as stage:
        screen = stage.talk
        await screen.ask("What is red?", b"RIFF")
        screen.post_message(messages.Unfinished(saved))
        await stage.settle()
        assert screen.query(Restore)
        assert screen.query_one(Prompt).has_focus


# the whole app on a terminal


def resize(terminal: Terminal, columns: int, rows: int) -> None:
    """Give a terminal another size, as its window does."""
    fcntl.ioctl(terminal.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


@contextmanager
def started(**options: object) -> Iterator[Terminal]:
    """The real app on a terminal of its own; it is drawn."""
    given = {VARIABLE: json.dumps({"profile": "test", "language": "en", **options}), "COLORTERM": "truecolor"}
    with closing(Terminal(sys.executable, "-m", "edge_assistant_tui", environment=given)) as terminal:
        resize(terminal, 100, 30)
        terminal.read_until(r"\x1b\[\?1049h.*Edge Assistant")
        yield terminal


def test_a_killed_app_offers_its_conversation_and_gives_it_back(linked: Path) -> None:
    with started(attach=[str(MOTOR), str(REMARK)]) as terminal:
        terminal.read_until("remark.txt.*ready")
        terminal.press(f"{HIGHEST}\r")
        terminal.read_until("degC.*first word after")
        os.kill(os.tcgetpgrp(terminal.master), signal.SIGKILL)
        terminal.ended()
    with started() as terminal:
        terminal.read_until("The last conversation was not closed")
        terminal.read_until(r"1 answer, 2 signals")
        terminal.press("\r")
        terminal.read_until("degC.*first word after")
        terminal.read_until("motor.csv.*remark.txt.*ready")
        terminal.press("What was the lowest temperature?\r")
        terminal.read_until("62 degC.*first word after")
        resize(terminal, 80, 24)
        terminal.press("\x11")
        assert terminal.ended() == 0, terminal.seen[-3000:]
    history = History()
    assert history.unfinished() is None
    (summary,) = history.conversations()
    saved = history.open(summary.id)
    assert [turn.answer["question"] for turn in saved.turns] == [HIGHEST, "What was the lowest temperature?"]
    assert [(kept.signal.id, kept.signal.name) for kept in saved.signals] == [
        ("readings:1", "motor.csv"),
        ("text:1", "remark.txt"),
    ]
    history.quit()


@pytest.mark.parametrize("end", ["\x11", "term"], ids=["Ctrl+Q", "SIGTERM"])
def test_an_app_that_is_ended_while_it_computes_is_gone_soon(end, linked, real, monkeypatch) -> None:
    monkeypatch.setenv("EDGE_ASSISTANT_FREE_TALK", "true")
    with started() as terminal:
        terminal.press(f"{STORY}\r")
        terminal.read_until("answering")
        app = os.tcgetpgrp(terminal.master)
        if end == "term":
            os.kill(app, signal.SIGTERM)
        else:
            terminal.press(end)
        terminal.wait_until_gone(app)
        assert terminal.ended() == (0 if end == "\x11" else 128 + signal.SIGTERM)
        assert "\x1b[?1049l" in terminal.seen or end == "term"
    assert not _left(linked.parent)


def _left(home: Path) -> list[str]:
    """Processes that a test's home stands in the environment of, but this one."""
    wanted = f"EDGE_ASSISTANT_HOME={home}".encode()
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if int(process.name) != os.getpid() and wanted in (process / "environ").read_bytes().split(b"\0"):
                found.append((process / "cmdline").read_text())
        except OSError:
            continue
    return found
