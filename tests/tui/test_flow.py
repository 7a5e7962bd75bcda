"""The whole demo by keys alone, with the real senses: attach three signals, ask, open a citation, export."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from whole import EXAMPLES, Whole, play

from edge_assistant_tui.screens.evidence import EvidenceScreen
from edge_assistant_tui.screens.export import Export
from edge_assistant_tui.widgets.prompt import Prompt
from edge_assistant_tui.widgets.sources import Sources
from edge_assistant_tui.widgets.turn import Turn

FILES = tuple(EXAMPLES / "clinic" / name for name in ("form.jpg", "note.wav", "vitals.csv"))
QUESTION = "What is the patient allergic to?"


async def type(whole: Whole, text: str) -> None:
    """Key by key."""
    names = {" ": "space", "?": "question_mark", "/": "slash", ".": "full_stop", "-": "minus", "_": "underscore"}
    await whole.pilot.press(*(names.get(character, character) for character in text))


@pytest.mark.parametrize("size", [(80, 24), pytest.param((160, 48), marks=pytest.mark.bench)], ids=["80x24", "160x48"])
def test_the_demo_by_keys_alone(
    size: tuple[int, int], store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EDGE_ASSISTANT_MODELS", str(store))
    monkeypatch.chdir(tmp_path)
    for file in FILES:
        (tmp_path / file.name).symlink_to(file)

    async def story(whole: Whole) -> None:
        for file in FILES:
            await type(whole, file.name)
            await whole.pilot.press("enter")
        await whole.rest()
        assert [(entry.signal.id, entry.state) for entry in whole.entries] == [
            ("image:1", "ready"),
            ("audio:1", "ready"),
            ("readings:1", "ready"),
        ]
        await type(whole, QUESTION)
        await whole.pilot.press("enter")
        await whole.until(lambda: whole.turns and whole.turns[0].over, "the answer")
        await whole.rest()
        (turn,) = whole.turns
        assert turn.answer is not None
        assert turn.answer.status == "conflict"
        assert {item.signal for item in turn.answer.evidence if item.id in turn.answer.citations} == {
            "image:1",
            "audio:1",
        }
        await opened(whole, turn)
        await exported(whole, tmp_path)

    play(story, size)


async def opened(whole: Whole, turn: Turn) -> None:
    """Each citation, from the list of sources, and back."""
    assert turn.answer is not None
    for number, id in enumerate(turn.answer.citations):
        await whole.pilot.press("ctrl+g", *["home"], *["down"] * number)
        assert isinstance(whole.app.focused, Sources)
        await whole.pilot.press("enter")
        await whole.until(lambda: isinstance(whole.app.screen, EvidenceScreen), f"the evidence {id}")
        await whole.pilot.press("escape")
        await whole.until(lambda: whole.app.screen is whole.app.conversation, "the way back")
    await whole.pilot.press("escape")
    assert whole.app.conversation.query_one(Prompt).has_focus


async def exported(whole: Whole, folder: Path) -> None:
    """As Markdown and as JSON, under the names that are suggested."""
    for ending in (".md", ".json"):
        await whole.pilot.press("ctrl+s")
        await whole.until(lambda: isinstance(whole.app.screen, Export), "the export")
        if ending == ".json":
            await whole.pilot.press("ctrl+t")
        await whole.pilot.press("enter")
        await whole.until(lambda wanted=f"*{ending}": list(folder.glob(wanted)), ending)  # type: ignore[misc]
        await whole.until(lambda: whole.app.screen is whole.app.conversation, "the way back")
    (text,), (data,) = (list(folder.glob(f"*{ending}")) for ending in (".md", ".json"))
    assert QUESTION in text.read_text("utf-8")
    assert "penicillin" in text.read_text("utf-8").lower()
    assert json.loads(data.read_text("utf-8"))
