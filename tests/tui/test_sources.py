"""Sources by their keys and ids, and an answer that goes to the clipboard, redacted where nothing else may leave."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from helpers import says
from helpers.app import Stage, conflict, play
from helpers.evidence import Made, Viewing

from edge_assistant.core.evidence import Evidence, Locator, Passage
from edge_assistant_tui import clipboard_text
from edge_assistant_tui.screens.evidence import EvidenceScreen
from edge_assistant_tui.widgets.sources import Sources


async def test_an_id_that_is_typed_opens_the_evidence_and_asks_nothing(viewing: Viewing, things: Made) -> None:
    await viewing.talk.ask("What is the patient allergic to?")
    await viewing.tell(says.ended(1, things.answer()))
    for typed, shown in (("[E3]", "E3"), ("e3", "E3"), ("C1", "C1"), ("[E2]", "E2")):
        await viewing.ask(typed)
        assert isinstance(viewing.screen, EvidenceScreen)
        assert viewing.screen.exhibit.id == shown
        await viewing.press("escape")
    assert len(viewing.turns) == 1


async def test_an_id_opens_the_evidence_of_the_answer_that_cites_it(viewing: Viewing, things: Made) -> None:
    cites = things.answer()
    has = replace(cites, text="It is fine.", citations=(), computed=(), verdicts=())
    for number, answer in enumerate((cites, has), 1):
        await viewing.talk.ask("What is the patient allergic to?")
        await viewing.tell(says.ended(number, answer))
    id = cites.verdicts[0].values[0].evidence[0]
    await viewing.ask(id)
    assert isinstance(viewing.screen, EvidenceScreen)
    assert (viewing.screen.exhibit.id, viewing.screen.exhibit.verdicts) == (id, cites.verdicts[:1])


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


SOURCE = "[E2] note.wav, 00:04.1-00:06.3, confidence 80%: I am allergic to penicillin."


async def answered(stage: Stage) -> None:
    """One turn is answered."""
    await stage.talk.ask(conflict().question)
    await stage.tell(says.ended(1, conflict()))


async def test_the_last_answer_is_copied_with_its_sources_and_a_source_by_its_key(stage: Stage) -> None:
    await stage.press("ctrl+y")
    assert "There is no answer to copy yet." in stage.toasts[-1]
    await answered(stage)
    await stage.press("ctrl+y")
    lines = stage.app.clipboard.splitlines()
    assert lines[:2] == [conflict().question, conflict().text]
    assert lines[-1] == SOURCE
    assert "clipboard" in stage.toasts[-1]
    await stage.press("ctrl+g", "down", "y")
    assert stage.talk.query_one(Sources).has_focus
    assert stage.app.clipboard == SOURCE
    assert "Source E2" in stage.toasts[-1]


async def test_ctrl_y_redoes_where_something_is_typed(stage: Stage) -> None:
    await answered(stage)
    prompt = stage.prompt
    prompt.insert("one ")
    prompt.history.checkpoint()
    prompt.insert("two")
    await stage.press("ctrl+z")
    assert prompt.text == "one "
    await stage.press("ctrl+y")
    assert (prompt.text, stage.app.clipboard) == ("one two", "")


async def test_a_policy_lets_out_what_is_redacted_only(hold: Callable[[str], Path]) -> None:
    hold("export.unredacted = false")
    async with play() as stage:
        item = Evidence("E1", "image:1", "Phone: 07700 900123", 0.9, Locator(box=(1, 2, 3, 4)), Passage())
        answer = replace(conflict(), text="It is 07700 900123 [E1].", evidence=(item,), citations=("E1",), verdicts=())
        await stage.talk.ask("What is the phone number?")
        await stage.tell(says.ended(1, answer))
        await stage.press("ctrl+y")
        assert "900123" not in stage.app.clipboard
        assert "[PHONE-1]" in stage.app.clipboard
        assert "redacted; check it" in stage.toasts[-1]


@pytest.mark.usefixtures("kiosk")
async def test_a_visitor_who_may_not_export_copies_nothing(stage: Stage) -> None:
    await answered(stage)
    await stage.press("ctrl+y")
    assert stage.app.clipboard == ""
    assert "visitor" in stage.toasts[-1]


def test_what_a_terminal_would_obey_is_not_copied() -> None:
    item = replace(conflict().evidence[0], text="Allergies\x1b[201~ none\r\nrm -rf", id="E1")
    copied = clipboard_text.plain(
        clipboard_text.text(replace(conflict(), evidence=(item, conflict().evidence[1])), "E1")
    )
    assert "\x1b" not in copied
    assert "\n" not in copied
