"""The app in bad moments: models that go, a full disk, a fault of ours, another size, a kill, an end in the middle."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
import smalldisk
from app_fakes import FORM, conflict
from placed import Stage
from placed import play as scripted
from textual.widgets import Markdown
from whole import EXAMPLES, Whole, play, process_of, resize, started

from edge_assistant.history.store import History, Saved
from edge_assistant.session.conversation import Conversation
from edge_assistant_tui import messages
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


def test_a_model_that_is_deleted_under_the_app_is_named_with_what_to_do(linked: Path, store: Path) -> None:
    async def story(whole: Whole) -> None:
        for name in (LANGUAGE, SPEECH):
            (linked / name).unlink()
        failure = whole.shown(await whole.ask(STORY), ".failed")
        assert failure.startswith(f"error: the model {LANGUAGE} is not in the store - press F9 for the models")
        await whole.attach(MOTOR, NOTE)
        assert [entry.state for entry in whole.entries] == ["ready", "failed"]
        assert whole.entries[1].detail == f"the model {SPEECH} is not in the store"
        assert whole.entries[1].hint.startswith("press F9")
        for name in (LANGUAGE, SPEECH):
            (linked / name).symlink_to(store / name)
        whole.app.work.look()
        turn = await whole.ask(HIGHEST)
        assert turn.answer is not None
        assert turn.answer.status == "supported"
        assert not turn.answer.failed, "the recording is heard now"

    play(story, free_talk=True)


def test_a_model_that_is_deleted_while_it_is_open_is_said_and_comes_back(linked: Path, store: Path) -> None:
    async def story(whole: Whole) -> None:
        assert (await whole.ask(STORY)).answer is not None
        (linked / LANGUAGE).unlink()
        assert f"{LANGUAGE} is not in the store - press F9" in whole.shown(await whole.ask(STORY), ".failed")
        whole.app.work.look()
        await whole.rest()
        assert LANGUAGE in whole.app.missing
        (linked / LANGUAGE).symlink_to(store / LANGUAGE)
        assert (await whole.ask(STORY)).answer is not None

    play(story, free_talk=True)


# the disk


@pytest.fixture
def small_disk(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The home on a file system of its own of 1 MiB that is full."""
    with smalldisk.mounted(home / "disk", lazy=True) as folder:
        monkeypatch.setenv("EDGE_ASSISTANT_HOME", str(folder))
        monkeypatch.setenv("EDGE_ASSISTANT_MODELS", str(home / "models"))
        yield folder


def test_a_full_disk_ends_no_conversation_and_with_room_it_is_kept_again(small_disk: Path) -> None:
    async def story(whole: Whole) -> None:
        filler = smalldisk.fill(small_disk)
        await whole.attach(MOTOR)
        failure = whole.shown(await whole.ask(HIGHEST), ".failed")  # what cannot be audited is not answered
        assert "cannot be written: the disk is full - free some space" in failure
        told = "the file of keys cannot be written: the disk is full The history is not written: free some space"
        assert any(toast.startswith(told) for toast in whole.toasts())
        filler.unlink()
        turn = await whole.ask("What was the lowest temperature?")
        assert turn.answer is not None
        kept = whole.app.work.current
        assert kept is not None
        assert [turn.answer["question"] for turn in whole.app.work.history.open(kept).turns] == [
            "What was the lowest temperature?"
        ]

    play(story)


# a fault of ours


def test_a_fault_in_the_worker_leaves_the_app_alive(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("a fault")

    async def story(whole: Whole) -> None:
        with monkeypatch.context() as patched:
            patched.setattr(Conversation, "ask", broken)
            patched.setattr(Conversation, "perceive", broken)
            await whole.attach(MOTOR)
            assert (whole.entries[0].state, whole.entries[0].detail) == ("failed", "a fault of ours")
            turn = await whole.ask(HIGHEST)
            assert "a fault of ours" in whole.shown(turn, ".failed")
        assert any("A fault of ours (ZeroDivisionError: a fault)" in toast for toast in whole.toasts())
        turn = await whole.ask(HIGHEST)
        assert turn.answer is not None
        assert turn.answer.text.startswith("8")

    play(story)


# another size


def test_the_terminal_is_resized_while_an_answer_streams() -> None:
    async def story(stage: Stage) -> None:
        screen = stage.app.conversation
        screen.query_one(Prompt).put("What is the patient allergic to?")
        await stage.press("enter")
        sizes = [(80, 24), (160, 48), (20, 5), (300, 90), (99, 30), (100, 30), (1, 1), (80, 24)]
        for number, size in enumerate(sizes):
            screen.post_message(messages.Taken(FORM))
            screen.post_message(messages.TurnCompared(1, conflict().verdicts[0]))
            screen.post_message(messages.TurnSaid(1, f"Sentence {number} says none [E1]."))
            await stage.pilot.resize_terminal(*size)
            await stage.pilot.pause()
            assert screen.has_class("narrow") == (size[0] < 100)
        screen.post_message(messages.TurnEnded(1, conflict()))
        await stage.settle()
        source = stage.app.screen.query_one("#turn-1 Markdown", Markdown).source
        assert all(f"Sentence {number} " in source for number in range(len(sizes)))
        assert screen.query_one(Prompt).region.bottom <= 24

    scripted(story)


# the offer to restore


def test_an_offer_takes_no_keys_once_somebody_types_or_has_asked(home: Path) -> None:
    saved = Saved("0" * 16, "What is red?", FORM.taken, (), ())

    async def story(stage: Stage) -> None:
        screen = stage.app.conversation
        for key in "re":  # on their way to the prompt while the offer comes
            stage.pilot.app.post_message(_key(key))
        screen.post_message(messages.Unfinished(saved))
        await stage.type("d")
        assert screen.query_one(Prompt).text == "red"
        await stage.press("enter")
        assert [call[1] for call in stage.work.calls("ask")] == ["red"]
        assert screen.query(Restore)
        assert not stage.work.calls("resume")

    async def spoken(stage: Stage) -> None:
        screen = stage.app.conversation
        await screen.ask("What is red?", b"RIFF")
        screen.post_message(messages.Unfinished(saved))
        await stage.settle()
        assert screen.query(Restore)
        assert screen.query_one(Prompt).has_focus

    scripted(story)
    scripted(spoken)


def _key(key: str) -> object:
    from textual.events import Key

    return Key(key, key)


# the whole app on a terminal


def test_a_killed_app_offers_its_conversation_and_gives_it_back(linked: Path) -> None:
    terminal = started(attach=[str(MOTOR), str(REMARK)])
    try:
        terminal.read_until("remark.txt.*ready")
        terminal.press(f"{HIGHEST}\r")
        terminal.read_until("degC.*first word after")
        os.kill(process_of(terminal), signal.SIGKILL)
        terminal.ended()
    finally:
        terminal.close()
    terminal = started()
    try:
        terminal.read_until("The last conversation was not closed")
        terminal.read_until(r"1 answer, 2 signals")
        terminal.press("\r")
        terminal.read_until("degC.*first word after")
        terminal.read_until("motor.csv.*remark.txt.*ready")
        terminal.press("What was the lowest temperature?\r")
        terminal.read_until("62 degC")
        resize(terminal, 80, 24)
        terminal.press("\x11")
        assert terminal.ended() == 0, terminal.seen[-3000:]
    finally:
        terminal.close()
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
def test_an_app_that_is_ended_while_it_computes_is_gone_soon(
    end: str, linked: Path, real: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EDGE_ASSISTANT_FREE_TALK", "true")
    terminal = started()
    try:
        terminal.press(f"{STORY}\r")
        terminal.read_until("answering")
        app = process_of(terminal)
        if end == "term":
            os.kill(app, signal.SIGTERM)
        else:
            terminal.press(end)
        terminal.wait_until_gone(app)
        assert terminal.ended() == (0 if end == "\x11" else 128 + signal.SIGTERM)
        assert "\x1b[?1049l" in terminal.seen or end == "term"
    finally:
        terminal.close()
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
