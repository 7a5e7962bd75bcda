"""Who comes next in a kiosk: nothing of who was there before is left, whatever they did and however they left."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path

import pytest
from helpers.app import FORM, HASH, KIOSK, PENICILLIN, TAKEN, Stage, conflict, play

from edge_assistant.governance.policy.policy import Policy
from edge_assistant.history.store import History, Saved, SavedTurn
from edge_assistant_tui import messages
from edge_assistant_tui.keeping import Keeping
from edge_assistant_tui.roles import Roles
from edge_assistant_tui.screens.confirm import Confirm
from edge_assistant_tui.screens.place import Place
from edge_assistant_tui.widgets.restore import Restore
from edge_assistant_tui.widgets.turn import Turn


@pytest.mark.usefixtures("kiosk")
async def test_who_comes_next_finds_nothing(stage: Stage) -> None:
    await stage.unlock()
    stage.prompt.put("What is written here?")
    await stage.press("enter")
    await stage.press("f10")
    stage.work.busy = True
    await stage.app.roles._gone()
    assert stage.role == "operator"  # an answer is being made
    stage.work.busy = False
    await stage.app.roles._gone()
    await stage.settle()
    assert (stage.role, stage.screen) == ("visitor", stage.talk)
    assert not stage.talk.query(Turn)
    assert stage.work.calls("begin") == [()]


@pytest.mark.usefixtures("kiosk")
async def test_the_time_is_counted_from_the_last_key(monkeypatch: pytest.MonkeyPatch) -> None:
    happened: list[str] = []

    async def gone(roles: Roles) -> None:
        happened.append("gone")

    monkeypatch.setattr(Policy, "idle_s", 1.0)
    monkeypatch.setattr(Roles, "_gone", gone)
    async with play() as stage:
        stage.app.set_timer(1.5, lambda: happened.append("half as long again"))
        happened.clear()
        await stage.pilot.press("x")
        await stage.until(lambda: bool(happened), "who pressed it is gone")
        assert happened == ["gone"]


@pytest.mark.usefixtures("kiosk")
async def test_who_comes_next_finds_nothing_that_was_not_asked_about_either(stage: Stage) -> None:
    await stage.app.roles._gone()
    assert stage.work.calls("begin") == []  # nobody was there
    for number, told in enumerate(([], [messages.Taken(FORM)], [messages.Taken(FORM), messages.Removed(FORM)]), 1):
        if not told:
            stage.prompt.put("What about my")
        await stage.tell(*told)
        await stage.app.roles._gone()
        await stage.settle()
        assert stage.work.calls("begin") == [()] * number
        assert not stage.entries
        assert stage.prompt.text == ""
        await stage.press("ctrl+z")
        assert stage.work.calls("restore") == []


@pytest.mark.usefixtures("kiosk")
async def test_who_leaves_without_confirming_is_not_waited_for(stage: Stage) -> None:
    doubted = messages.Doubted((PENICILLIN,), Future())
    stage.prompt.put("Which allergies?")
    await stage.press("enter")
    stage.work.busy, stage.work.confirming = True, doubted.agreed
    await stage.tell(doubted)
    assert isinstance(stage.screen, Confirm)
    await stage.app.roles._gone()
    await stage.settle()
    assert stage.screen is stage.talk
    assert not stage.talk.query(Turn)
    assert not doubted.agreed.result(0)


async def test_a_visitor_who_may_look_at_the_history_may_do_no_more_there(hold: Callable[[str], Path]) -> None:
    hold(f'[roles]\npin = "{HASH}"\nvisitor = ["ask", "history"]\n')
    history = History()
    id = history.begin()
    history.add_turn(id, conflict())
    history.close(id)
    async with play() as stage:
        await stage.press("f8", "down")
        for key, action in (("ctrl+s", "export"), ("ctrl+d", "forget")):
            stage.app.clear_notifications()
            await stage.press(key)
            assert f"a visitor may not: {action}" in stage.toasts[0]
            assert isinstance(stage.screen, Place)
        assert history.ids() == [id]
    history.quit()


@pytest.mark.usefixtures("kiosk")
async def test_what_the_operator_was_offered_is_no_visitors(stage: Stage) -> None:
    turn = SavedTurn(TAKEN, conflict().to_json())
    saved = Saved("a" * 16, "Allergies?", TAKEN, (), (turn,))
    await stage.unlock()
    await stage.tell(messages.Unfinished(saved))
    banner = stage.talk.query_one(Restore)
    await stage.press("ctrl+t")
    assert not stage.talk.query(Restore)
    banner.action_restore()
    assert stage.work.calls("resume") == []


def test_a_visitor_is_offered_no_conversation_of_another_one(hold: Callable[[str], Path]) -> None:
    def offered() -> list[str]:
        posted: list[object] = []
        keeping = Keeping(posted.append)
        keeping.offer()
        keeping.quit()
        return [type(message).__name__ for message in posted]

    history = History()
    id = history.begin()
    history.add_turn(id, conflict())
    history.quit()
    assert offered() == ["Unfinished"]
    hold(KIOSK)
    assert offered() == []
