"""Sources by their keys and by their ids, and what is said where there are none."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from exhibited import Made, Viewing, look, made
from textual.widgets._footer import FooterKey

from edge_assistant_tui import messages
from edge_assistant_tui.screens.conversation import Conversation
from edge_assistant_tui.screens.evidence import EvidenceScreen
from edge_assistant_tui.widgets.prompt import Prompt
from edge_assistant_tui.widgets.sources import Sources
from edge_assistant_tui.widgets.turn import Turn


@pytest.fixture
def things(tmp_path: Path) -> Made:
    return made(tmp_path)


def keys(viewing: Viewing) -> list[str]:
    """What the foot of the screen says that its keys do."""
    return [key.description for key in viewing.app.screen.query(FooterKey)]


@pytest.mark.parametrize(("typed", "shown"), [("[E3]", "E3"), ("e3", "E3"), ("C1", "C1"), ("[E2]", "E2")])
def test_an_id_that_is_typed_opens_the_evidence_and_asks_nothing(things: Made, typed: str, shown: str) -> None:
    async def story(viewing: Viewing) -> None:
        talk = viewing.app.screen
        assert isinstance(talk, Conversation)
        await talk.ask("What is the patient allergic to?")
        talk.post_message(messages.TurnEnded(1, things.answer()))
        await viewing.pilot.pause()
        talk.query_one(Prompt).put(typed)
        await viewing.press("enter")
        assert isinstance(viewing.app.screen, EvidenceScreen)
        assert viewing.app.screen.exhibit.id == shown
        assert len(talk.query(Turn)) == 1

    look(story)


def test_where_there_is_no_such_source_it_is_said(things: Made) -> None:
    async def story(viewing: Viewing) -> None:
        talk = viewing.app.screen
        assert isinstance(talk, Conversation)
        await viewing.press("ctrl+g")
        talk.query_one(Prompt).put("[E13]")
        await viewing.press("enter")
        await talk.ask("Anything?")
        await viewing.press("ctrl+g")
        talk.post_message(messages.TurnEnded(1, replace(things.answer(), citations=(), computed=())))
        await viewing.pilot.pause()
        await viewing.press("ctrl+g")
        talk.query_one(Prompt).put("E99")
        await viewing.press("enter")
        talk.post_message(messages.TurnEnded(1, things.answer()))
        said = [f"{note.title}: {note.message}" for note in viewing.app._notifications]
        assert said == [
            ": Nothing was asked yet.",
            "There is no source E13: Nothing was asked yet.",
            ": The answer is still being made.",
            ": The last answer has no sources.",
            "There is no source E99: The last answer has no sources.",
        ]
        assert len(talk.query(Turn)) == 1

    look(story)


def test_the_keys_of_the_sources_stand_at_the_foot(things: Made) -> None:
    async def story(viewing: Viewing) -> None:
        talk = viewing.app.screen
        assert isinstance(talk, Conversation)
        await talk.ask("What is the patient allergic to?")
        await viewing.pilot.pause()
        assert "Stop" in keys(viewing)
        talk.post_message(messages.TurnEnded(1, things.answer()))
        await viewing.pilot.pause()
        await viewing.press("ctrl+g")
        assert talk.query_one(Sources).has_focus
        assert "Show evidence" in keys(viewing)
        assert "Stop" not in keys(viewing)

    look(story)
