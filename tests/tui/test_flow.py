"""The whole demo by keys alone, with the real senses: attach three signals, ask, open a citation, export."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from helpers.app import EXAMPLES, Whole, whole

from edge_assistant_tui.screens.evidence import EvidenceScreen
from edge_assistant_tui.screens.export import ExportScreen
from edge_assistant_tui.widgets.prompt import Prompt
from edge_assistant_tui.widgets.sources import Sources
from edge_assistant_tui.widgets.turn import Turn

FILES = tuple(EXAMPLES / "clinic" / name for name in ("form.jpg", "note.wav", "vitals.csv"))
QUESTION = "What is the patient allergic to?"


async def type(stage: Whole, text: str) -> None:
    """Key by key."""
    names = {" ": "space", "?": "question_mark", "/": "slash", ".": "full_stop", "-": "minus", "_": "underscore"}
    await stage.pilot.press(*(names.get(character, character) for character in text))


@pytest.mark.parametrize("size", [(80, 24), pytest.param((160, 48), marks=pytest.mark.bench)], ids=["80x24", "160x48"])
async def test_the_demo_by_keys_alone(size, store, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("EDGE_ASSISTANT_MODELS", str(store))
    monkeypatch.chdir(tmp_path)
    for file in FILES:
        (tmp_path / file.name).symlink_to(file)
    async with whole(size) as stage:
        for file in FILES:
            await type(stage, file.name)
            await stage.pilot.press("enter")
        await stage.rest()
        assert [(entry.signal.id, entry.state) for entry in stage.entries] == [
            ("image:1", "ready"),
            ("audio:1", "ready"),
            ("readings:1", "ready"),
        ]
        await type(stage, QUESTION)
        await stage.pilot.press("enter")
        await stage.until(lambda: stage.turns and stage.turns[0].over, "the answer")
        await stage.rest()
        (turn,) = stage.turns
        assert turn.answer is not None
        assert turn.answer.status == "conflict"
        assert {item.signal for item in turn.answer.evidence if item.id in turn.answer.citations} == {
            "image:1",
            "audio:1",
        }
        await opened(stage, turn)
        await exported(stage, tmp_path)


async def opened(stage: Whole, turn: Turn) -> None:
    """Each citation, from the list of sources, and back."""
    assert turn.answer is not None
    for number, id in enumerate(turn.answer.citations):
        await stage.pilot.press("ctrl+g", *["home"], *["down"] * number)
        assert isinstance(stage.app.focused, Sources)
        await stage.pilot.press("enter")
        await stage.until(lambda: isinstance(stage.app.screen, EvidenceScreen), f"the evidence {id}")
        await stage.pilot.press("escape")
        await stage.until(lambda: stage.app.screen is stage.app.conversation, "the way back")
    await stage.pilot.press("escape")
    assert stage.app.conversation.query_one(Prompt).has_focus


async def exported(stage: Whole, folder: Path) -> None:
    """As Markdown and as JSON, under the names that are suggested."""
    for ending in (".md", ".json"):
        await stage.pilot.press("ctrl+s")
        await stage.until(lambda: isinstance(stage.app.screen, ExportScreen), "the export")
        if ending == ".json":
            await stage.pilot.press("ctrl+t")
        await stage.pilot.press("enter")
        await stage.until(lambda wanted=f"*{ending}": list(folder.glob(wanted)), ending)
        await stage.until(lambda: stage.app.screen is stage.app.conversation, "the way back")
    (text,), (data,) = (list(folder.glob(f"*{ending}")) for ending in (".md", ".json"))
    assert QUESTION in text.read_text("utf-8")
    assert "penicillin" in text.read_text("utf-8").lower()
    assert json.loads(data.read_text("utf-8"))
