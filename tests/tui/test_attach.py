"""The file browser: what it shows, how it is filtered, several at once, paths completed; names of files are text."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from helpers.app import Stage, play
from hypothesis import given
from hypothesis import strategies as st
from rich.style import Style
from textual import events
from textual.widgets import Input, Static

from edge_assistant_tui.screens.attach import about, completed
from edge_assistant_tui.widgets import files
from edge_assistant_tui.widgets.files import Files


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """form.jpg, note.wav, [red]x.png, a name with an escape, one hidden, one of no kind; line/motor.csv."""
    for name in ("form.jpg", "note.wav", "[red]x.png", "a\x1b[31m.csv", ".hidden.txt", "program.exe"):
        (tmp_path / name).write_bytes(b"x" * 2048)
    (tmp_path / "line").mkdir()
    (tmp_path / "line" / "motor.csv").write_text("a,b\n1,2\n")
    (tmp_path / "(no)").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def names(stage: Stage) -> list[str]:
    return [str(node.label) for node in stage.screen.query_one(Files).root.children]


async def test_it_shows_folders_and_what_the_product_takes(stage: Stage) -> None:
    await stage.press("f2")
    assert names(stage) == [
        "(no)",
        "line",
        "[red]x.png",
        "a\N{REPLACEMENT CHARACTER}[31m.csv",
        "form.jpg",
        "note.wav",
    ]
    await stage.press("ctrl+t")
    assert ".hidden.txt" in names(stage)
    await stage.press("ctrl+k")
    assert "program.exe" in names(stage)
    await stage.press("ctrl+t", "ctrl+k", "x", "y", "backspace")
    assert stage.screen.query_one(Files).wanted == "x"
    await stage.press("escape")
    assert stage.screen.query_one(Files).wanted == ""
    assert len(names(stage)) == 6
    await stage.press("escape")
    assert stage.screen is stage.talk


async def test_a_pasted_file_is_attached_and_another_text_stands_in_the_path(stage: Stage, folder: Path) -> None:
    await stage.press("f2")
    stage.app.post_message(events.Paste(str(folder / "line")))
    await stage.settle()
    path = stage.screen.query_one("#path", Input)
    assert (path.value, path.has_focus) == (str(folder / "line"), True)
    await stage.press("enter")
    assert names(stage) == ["motor.csv"]
    stage.app.post_message(events.Paste(f"'{folder / 'form.jpg'}'\n"))
    await stage.settle()
    assert stage.work.calls("attach") == [(folder / "form.jpg",)]
    assert stage.screen is stage.talk


async def test_a_filter_finds_files_in_closed_folders(stage, folder, monkeypatch) -> None:
    deep = folder / "line" / "2026" / "november"
    deep.mkdir(parents=True)
    (deep / "motor-11.csv").write_text("a,b\n1,2\n")
    (folder / ".cache").mkdir()
    (folder / ".cache" / "motor.csv").write_text("hidden")
    (folder / "loop").symlink_to(folder)
    await stage.press("f2")
    await stage.type("motor")
    tree = stage.screen.query_one(Files)
    assert names(stage) == ["(no)", "line", "loop", "motor.csv", "motor-11.csv"]
    shown = [tree.render_label(node, Style(), Style()).plain for node in tree.root.children[3:]]
    assert [label[2:] for label in shown] == ["line/motor.csv", "line/2026/november/motor-11.csv"]
    await stage.press("enter")
    assert stage.work.calls("attach") == [(folder / "line" / "motor.csv",)]


async def test_enter_right_behind_a_filter_attaches_what_it_finds(stage: Stage, folder: Path) -> None:
    for filtered in ("mot", "zzz"):
        await stage.press("f2")
        await stage.burst(*filtered, "enter")
        assert stage.work.calls("attach") == [(folder / "line" / "motor.csv",)]
    await stage.press("enter")
    assert stage.screen.query_one(Files).root.is_expanded
    await stage.press("backspace", "backspace", "backspace", "m", "o", "enter")
    assert stage.work.calls("attach") == [(folder / "line" / "motor.csv",)] * 2


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[threading.Event, list[Files]]]:
    """What lets searches in closed folders come to their ends, and a tree for each that waits for that."""
    go, fits, searching = threading.Event(), Files._fits, list[Files]()

    def waits(tree: Files, path: Path) -> bool:
        if path.name == "motor.csv":
            searching.append(tree)
            go.wait(10)
        return fits(tree, path)

    monkeypatch.setattr(Files, "_fits", waits)
    yield go, searching
    go.set()


async def test_escape_takes_back_an_enter_that_waits_for_the_filter(stage: Stage, slow) -> None:
    go, searching = slow
    await stage.press("f2")
    tree = stage.screen.query_one(Files)
    stage.post_keys(*"form", "enter")
    await stage.until(lambda: tree._entered and searching)
    stage.post_keys("escape")
    await stage.until(lambda: not tree.wanted)
    go.set()
    await stage.settle()
    assert stage.screen is not stage.talk
    assert stage.work.calls("attach") == []


async def test_what_an_earlier_filter_shows_late_does_not_take_the_enter(stage, slow, folder, monkeypatch) -> None:
    go, searching = slow
    await stage.press("f2")
    tree = stage.screen.query_one(Files)
    late: list[partial[None]] = []
    with monkeypatch.context() as patched:
        patched.setattr(tree, "call_after_refresh", lambda *call: late.append(partial(*call)))
        stage.post_keys("m")
        await stage.until(lambda: searching)
        go.set()
        await stage.until(lambda: late)
    go.clear()
    stage.post_keys("o")
    await stage.until(lambda: len(searching) == 2)
    late[0]()
    stage.post_keys("enter")
    await stage.until(lambda: tree._entered)
    go.set()
    await stage.settle()
    assert stage.work.calls("attach") == [(folder / "line" / "motor.csv",)]


async def test_a_file_is_found_once_however_fast_the_filter_changes(stage: Stage, slow) -> None:
    go, searching = slow
    await stage.press("f2")
    tree = stage.screen.query_one(Files)
    tree.wanted = "motor"
    await stage.until(lambda: len(searching) == 1)
    tree.hidden = True
    await stage.until(lambda: len(searching) == 2)
    go.set()
    await stage.settle()
    assert names(stage).count("motor.csv") == 1


@pytest.mark.parametrize("typed", [False, True])
async def test_a_folder_that_leads_back_to_itself_is_listed_once(folder, monkeypatch, typed) -> None:
    (folder / "line" / "back").symlink_to(folder)
    (folder / "loop").symlink_to(folder / "line")
    (folder / "here").symlink_to(folder)
    listed = 0
    listing = Files._directory_content

    def counted(tree: Files, *args: object) -> Iterator[Path]:
        nonlocal listed
        listed += 1
        return listing(tree, *args) if listed < 20 else iter(())

    monkeypatch.setattr(Files, "_directory_content", counted)
    async with play() as stage:
        await stage.press("f2")
        tree = stage.screen.query_one(Files)
        if typed:
            path = stage.screen.query_one("#path", Input)
            path.value = str(folder / "here")
            path.focus()
            await stage.press("enter")
        for name in ("here",) if typed else ("loop", "back", "loop", "here"):
            opened = [*tree.root.children]
            for node in opened:  # to the last one of that name
                opened += node.children
            tree.move_cursor([node for node in opened if str(node.label) == name][-1])
            await stage.press("enter")
            assert tree.cursor_node is not None
            assert tree.cursor_node.children
        await stage.type("mot")
        assert "motor.csv" in names(stage)
        assert listed < 20


async def test_a_huge_folder_is_cut_and_filtering_finds_the_rest(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    await stage.press("f2")
    await stage.type("not")
    assert "Not all folders" not in stage.said("#about")
    monkeypatch.setattr(files, "MAX_SEARCHED", 3)
    await stage.type("e")
    assert "Not all folders were searched" in stage.said("#about")
    monkeypatch.setattr(files, "MAX_ENTRIES", 3)
    await stage.press("escape")
    assert len(names(stage)) == 3
    assert "more files" in stage.said("#about")
    await stage.type("form")
    assert "form.jpg" in names(stage)


async def test_several_at_once(stage: Stage, folder: Path) -> None:
    await stage.press("f2", *["down"] * 3, "space", "down", "space", "up", "space", "space")
    assert "2 chosen: [red]x.png, note.wav" in stage.said("#about")
    await stage.press("enter")
    assert [call[0].name for call in stage.work.calls("attach")] == ["[red]x.png", "note.wav"]


async def test_into_a_folder_and_above(stage: Stage, folder: Path) -> None:
    await stage.press("f2", "down", "down", "right")
    tree = stage.screen.query_one(Files)
    assert [str(node.label) for node in tree.root.children[1].children] == ["motor.csv"]
    await stage.press("down", "left", "left", "left")
    assert tree.cursor_node is tree.root
    await stage.press("left")
    assert Path(tree.path) == folder.parent


async def test_a_path_is_completed_and_gone_to(stage: Stage, folder: Path) -> None:
    await stage.press("f2", "shift+tab")
    path = stage.screen.query_one(Input)
    assert path.has_focus
    await stage.type("li")
    await stage.press("right")
    assert path.value == "line/"
    await stage.press("enter")
    assert stage.screen.query_one(Files).has_focus
    assert names(stage) == ["motor.csv"]
    tree = stage.screen.query_one(Files)
    assert tree.cursor_node is tree.root.children[0]
    assert str(tree.border_title).endswith("line")
    await stage.press("shift+tab")
    for none in ("nowhere", "\0", "~nobody-here/x", "x" * 5000):
        stage.screen.query_one("#about", Static).update("")
        path.value = none
        await stage.press("enter")
        assert stage.said("#about") == "There is no such file or folder.", none
    path.value = str(folder / "form.jpg")
    await stage.press("enter")
    assert stage.work.calls("attach") == [(folder / "form.jpg",)]


def test_what_is_said_of_a_path(folder: Path) -> None:
    assert about(folder / "line").endswith("line/ is a folder")
    (folder / "plan.txt").symlink_to(folder / "note.wav")
    assert about(folder / "plan.txt") == f"plan.txt: text, 2 KiB, a link to {(folder / 'note.wav').resolve()}"
    assert about(folder / "gone.jpg") == "gone.jpg cannot be looked at"
    assert "first bytes" in about(folder / "program.exe")


@given(st.text())
def test_any_text_is_completed_or_not(text: str) -> None:
    found = completed(text)
    assert found is None or found.startswith(text)
