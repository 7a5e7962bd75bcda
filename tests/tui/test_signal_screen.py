"""A signal as a whole: what was perceived in it, or why it failed; a piece of it is opened from there."""

from __future__ import annotations

import pytest
from helpers import says
from helpers.evidence import DARK, Made, Viewing, colours, look, share
from textual.widgets import OptionList

from edge_assistant_tui import messages
from edge_assistant_tui.screens import signal as screens
from edge_assistant_tui.screens.evidence import EvidenceScreen
from edge_assistant_tui.screens.signal import SignalScreen
from edge_assistant_tui.widgets.signals import Entry, SignalList


async def test_a_signal_as_a_whole_lists_what_was_perceived_and_opens_it(viewing: Viewing, things: Made) -> None:
    answer = things.answer()
    entry = Entry(
        things.note, "ready", "3 pieces", evidence={"speech": answer.evidence[1:4]}, notes=("its end was not heard",)
    )
    talk = viewing.screen
    talk.query_one(SignalList).post_message(SignalList.Wanted(entry))
    await viewing.pilot.pause()
    assert isinstance(viewing.screen, SignalScreen)
    text = viewing.text()
    for words in (
        "note.wav",
        "ready: 3 pieces",
        "note: its end was not heard",
        "from 00:04.0 to 00:06.0, confidence 50%",
    ):
        assert words in text
    await viewing.press("down", "enter")
    assert isinstance(viewing.screen, EvidenceScreen)
    assert "▶ 00:04.0-00:06.0  I'm allergic to penicillin." in viewing.text()
    await viewing.press("n")
    assert "▶ 00:06.5-00:07.5  Thank you." in viewing.text()
    await viewing.press("escape")
    assert viewing.screen.query_one(OptionList).highlighted == 1
    await viewing.press("escape")
    assert viewing.screen is talk


async def test_enter_in_the_side_list_opens_the_signal(viewing: Viewing, things: Made) -> None:
    talk = viewing.screen
    talk.post_message(messages.Taken(things.form))
    talk.post_message(says.sensed("image:1", "writing", things.answer().evidence[:1], 0.5))
    await viewing.pilot.pause()
    await viewing.press("ctrl+l", "enter")
    assert isinstance(viewing.screen, SignalScreen)
    assert "Allergies: none" in viewing.text()
    await viewing.press("enter")
    assert share(colours(viewing), DARK) > 0.1


async def test_of_very_much_evidence_the_beginning_is_listed_and_of_none_it_is_said(
    things: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(screens, "MOST", 3)
    much = Entry(things.remark, "ready", "5 pieces", evidence={"text": things.answer().evidence[5:] * 5})
    async with look() as viewing:
        await viewing.show(SignalScreen(much))
        assert "the first 3 of 5 pieces are listed" in viewing.text()
        assert viewing.screen.query_one(OptionList).option_count == 3
        await viewing.show(SignalScreen(Entry(things.remark, "ready", "0 pieces")))
        assert "nothing was found in it" in viewing.text()
