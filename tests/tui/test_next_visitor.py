"""Who comes next in a kiosk: nothing of who was there before is left, whatever they did and however they left."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from app_fakes import FORM, TAKEN, conflict
from captured import until
from kiosks import HASH, KIOSK, PENICILLIN, role, unlock
from placed import Stage, play, toasts

from edge_assistant.governance.policy.policy import Policy
from edge_assistant.history.store import History, Saved
from edge_assistant.history.store import Turn as SavedTurn
from edge_assistant_tui import messages
from edge_assistant_tui.confirming import Confirmation
from edge_assistant_tui.keeping import Keeping
from edge_assistant_tui.roles import Roles
from edge_assistant_tui.screens.confirm import Confirm
from edge_assistant_tui.screens.place import Place
from edge_assistant_tui.widgets.prompt import Prompt
from edge_assistant_tui.widgets.restore import Restore
from edge_assistant_tui.widgets.signals import SignalList
from edge_assistant_tui.widgets.turn import Turn


@pytest.mark.usefixtures("kiosk")
def test_who_comes_next_finds_nothing() -> None:
    async def story(stage: Stage) -> None:
        await unlock(stage)
        stage.app.conversation.query_one(Prompt).put("What is written here?")
        await stage.press("enter")
        await stage.press("f10")
        stage.work.busy = True
        await stage.app.roles._gone()
        assert role(stage) == "operator"  # an answer is being made
        stage.work.busy = False
        await stage.app.roles._gone()
        await stage.settle()
        assert (role(stage), stage.app.screen) == ("visitor", stage.app.conversation)
        assert not stage.app.conversation.query(Turn)
        assert stage.work.calls("begin") == [()]

    play(story)


@pytest.mark.usefixtures("kiosk")
def test_the_time_is_counted_from_the_last_key(monkeypatch: pytest.MonkeyPatch) -> None:
    happened: list[str] = []

    async def gone(roles: Roles) -> None:
        happened.append("gone")

    async def story(stage: Stage) -> None:
        stage.app.set_timer(1.5, lambda: happened.append("half as long again"))
        happened.clear()
        await stage.pilot.press("x")
        await until(stage, lambda: bool(happened), "who pressed it is gone")
        assert happened == ["gone"]

    monkeypatch.setattr(Policy, "idle_s", 1.0)
    monkeypatch.setattr(Roles, "_gone", gone)
    play(story)


@pytest.mark.usefixtures("kiosk")
@pytest.mark.parametrize("left", ["signal", "removed", "typed"])
def test_who_comes_next_finds_nothing_that_was_not_asked_about_either(left: str) -> None:
    async def story(stage: Stage) -> None:
        await stage.app.roles._gone()
        assert stage.work.calls("begin") == []  # nobody was there
        conversation = stage.app.conversation
        if left == "typed":
            conversation.query_one(Prompt).put("What about my")
        else:
            conversation.post_message(messages.Taken(FORM))
            await stage.settle()
        if left == "removed":
            conversation.post_message(messages.Removed(FORM))
            await stage.settle()
        await stage.app.roles._gone()
        await stage.settle()
        assert stage.work.calls("begin") == [()]
        assert not conversation.query_one(SignalList).entries
        assert conversation.query_one(Prompt).text == ""
        await stage.press("ctrl+z")
        assert stage.work.calls("restore") == []

    play(story)


@pytest.mark.usefixtures("kiosk")
def test_who_leaves_without_confirming_is_not_waited_for() -> None:
    confirmation = Confirmation((PENICILLIN,))

    async def story(stage: Stage) -> None:
        stage.app.conversation.query_one(Prompt).put("Which allergies?")
        await stage.press("enter")
        stage.work.busy, stage.work.confirming = True, confirmation
        stage.app.conversation.post_message(messages.Doubted(confirmation))
        await stage.settle()
        assert isinstance(stage.app.screen, Confirm)
        await stage.app.roles._gone()
        await stage.settle()
        assert stage.app.screen is stage.app.conversation
        assert not stage.app.conversation.query(Turn)
        assert not confirmation.wait()

    play(story)


def test_a_visitor_who_may_look_at_the_history_may_do_no_more_there(hold: Callable[[str], None], home: Path) -> None:
    hold(f'[roles]\npin = "{HASH}"\nvisitor = ["ask", "history"]\n')
    history = History()
    id = history.begin()
    history.add_turn(id, conflict())
    history.close(id)

    async def story(stage: Stage) -> None:
        await stage.press("f8", "down")
        for key, action in (("ctrl+s", "export"), ("ctrl+d", "forget")):
            stage.app.clear_notifications()
            await stage.press(key)
            assert f"a visitor may not: {action}" in toasts(stage)[0]
            assert isinstance(stage.app.screen, Place)
        assert history.ids() == [id]

    play(story)
    history.quit()


@pytest.mark.usefixtures("kiosk")
def test_what_the_operator_was_offered_is_no_visitors() -> None:
    turn = SavedTurn(TAKEN, conflict().to_json())
    saved = Saved("a" * 16, "Allergies?", TAKEN, (), (turn,))

    async def story(stage: Stage) -> None:
        await unlock(stage)
        stage.app.conversation.post_message(messages.Unfinished(saved))
        await stage.settle()
        banner = stage.app.conversation.query_one(Restore)
        await stage.press("ctrl+t")
        assert not stage.app.conversation.query(Restore)
        banner.action_restore()
        assert stage.work.calls("resume") == []

    play(story)


def test_a_visitor_is_offered_no_conversation_of_another_one(hold: Callable[[str], None], home: Path) -> None:
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
