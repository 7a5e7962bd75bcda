"""Sources by their keys and by their ids, and what is said where there are none."""

from __future__ import annotations

from dataclasses import replace

from helpers import says
from helpers.evidence import Made, Viewing
from textual.widgets._footer import FooterKey

from edge_assistant_tui.screens.evidence import EvidenceScreen


def keys(viewing: Viewing) -> list[str]:
    """What the foot of the screen says that its keys do."""
    return [key.description for key in viewing.screen.query(FooterKey)]


async def test_an_id_that_is_typed_opens_the_evidence_and_asks_nothing(viewing: Viewing, things: Made) -> None:
    await viewing.talk.ask("What is the patient allergic to?")
    await viewing.tell(says.ended(1, things.answer()))
    for typed, shown in (("[E3]", "E3"), ("e3", "E3"), ("C1", "C1"), ("[E2]", "E2")):
        await viewing.ask(typed)
        assert isinstance(viewing.screen, EvidenceScreen)
        assert viewing.screen.exhibit.id == shown
        await viewing.press("escape")
    assert len(viewing.turns) == 1


async def test_where_there_is_no_such_source_it_is_said(viewing: Viewing, things: Made) -> None:
    await viewing.press("ctrl+g")
    await viewing.ask("[E13]")
    await viewing.talk.ask("Anything?")
    await viewing.press("ctrl+g")
    await viewing.tell(says.ended(1, replace(things.answer(), citations=(), computed=())))
    await viewing.press("ctrl+g")
    await viewing.ask("E99")
    await viewing.tell(says.ended(1, things.answer()))
    assert [f"{note.title}: {note.message}" for note in viewing.app._notifications] == [
        ": Nothing was asked yet.",
        "There is no source E13: Nothing was asked yet.",
        ": The answer is still being made.",
        ": The last answer has no sources.",
        "There is no source E99: The last answer has no sources.",
    ]
    assert len(viewing.turns) == 1
