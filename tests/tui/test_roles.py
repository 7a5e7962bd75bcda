"""A policy in the app: what a visitor is refused, the operator's PIN, values that are confirmed, who comes next."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from pathlib import Path

import pytest
from helpers import says
from helpers.app import FORM, HASH, KIOSK, PATIENCE, PENICILLIN, PIN, TAKEN, IdleClock, Stage, app, conflict, play
from helpers.screens import Golden
from textual import events
from textual.widgets import Checkbox, Input

from edge_assistant.history.store import History, Saved, SavedSignal, SavedState, SavedTurn
from edge_assistant.storage.settings import Settings
from edge_assistant_tui import messages, pull
from edge_assistant_tui.history_writer import Keeping
from edge_assistant_tui.screens.confirm import Confirm
from edge_assistant_tui.screens.export import ExportScreen
from edge_assistant_tui.screens.operator import Operator
from edge_assistant_tui.screens.place import PlaceScreen
from edge_assistant_tui.screens.visitor import Attract
from edge_assistant_tui.widgets.restore import Restore
from edge_assistant_tui.widgets.status import StatusBar
from edge_assistant_tui.widgets.turn import Turn
from edge_assistant_tui.widgets.welcome import Welcome

ACTIONS = [
    "attach", "microphone", "microphone", "camera", "examples", "check", "history", "models", "settings", "doctor",
    "voice",
]  # fmt: skip
KEYS = {**{f"f{number}": action for number, action in enumerate(ACTIONS, 2)}, "ctrl+s": "export", "ctrl+q": "quit"}


@pytest.mark.usefixtures("kiosk")
async def test_a_visitor_is_refused_by_the_rule(stage: Stage) -> None:
    for key, action in KEYS.items():
        stage.app.clear_notifications()
        await stage.press(key)
        assert stage.screen is stage.talk, key
        assert stage.app.is_running
        assert stage.toasts == [
            f"the policy refuses: a visitor may not: {action} (roles.visitor) "
            "Ctrl+T: the operator unlocks it with the PIN"
        ]
    assert {method for method, _ in stage.work.asked} <= {"start", "close"}


@pytest.mark.usefixtures("kiosk")
async def test_a_path_is_refused_whether_there_is_a_file_or_not(stage: Stage, tmp_path: Path) -> None:
    file = tmp_path / "a.txt"
    for make in (lambda: None, lambda: file.write_text("x")):
        make()
        await stage.ask(str(file))
        assert stage.work.calls("attach") == []
        assert ["a visitor may not: attach" in said for said in stage.toasts] == [True]
        assert stage.prompt.text == ""
        stage.app.clear_notifications()
    stage.app.post_message(events.Paste("\n".join("abcdefgh")))
    await stage.settle()
    assert not stage.work.calls("add")
    assert ["a visitor may not: attach" in said for said in stage.toasts] == [True]
    stage.app.clear_notifications()
    await stage.press("ctrl+c")
    assert ["a visitor may not: quit" in said for said in stage.toasts] == [True], "no key that ends the app is told"


@pytest.mark.usefixtures("kiosk")
async def test_what_is_said_and_offered_is_what_a_visitor_may_do(stage: Stage) -> None:
    assert stage.role == "visitor"
    welcome = stage.talk.query_one(Welcome)
    offered = {command.title for command in stage.app.get_system_commands(stage.screen)}
    assert "Operator" in offered
    assert not offered & {"Screenshot", "Theme", "Quit", "Longer pause", "Choose the camera", "Attach", "Models"}
    assert [word for word in ("Attach", "Ask ", "Try", "Show", "F1") if word in str(welcome.render())] == [
        "Ask ",
        "F1",
    ]
    prompt = stage.prompt
    assert "path" not in str(prompt.placeholder)
    await stage.unlock()
    assert "Attach" in str(welcome.render())
    assert "path" in str(prompt.placeholder)
    offered = {command.title for command in stage.app.get_system_commands(stage.screen)}
    assert {"Screenshot", "Longer pause", "Attach"} <= offered
    await stage.press("f1")
    assert "Ctrl+T" in stage.said("#text")
    await stage.press("escape", "ctrl+t", "f1")
    assert isinstance(stage.screen, PlaceScreen), "a visitor reads the help, too"


@pytest.mark.usefixtures("kiosk")
async def test_the_operator_unlocks_and_locks_and_a_wrong_pin_unlocks_nothing(stage: Stage) -> None:
    await stage.unlock()
    assert (stage.role, stage.screen) == ("operator", stage.talk)
    await stage.press("f10")
    assert isinstance(stage.screen, PlaceScreen)
    await stage.press("ctrl+t")
    assert (stage.role, stage.screen) == ("visitor", stage.talk)
    assert not stage.app.policy.unlocked
    await stage.press("f10")
    assert stage.screen is stage.talk
    stage.app.policy._wait = lambda seconds: None
    await stage.unlock("000000")
    assert isinstance(stage.screen, Operator)
    assert stage.said("#about") == "That is not the PIN."
    assert stage.screen.query_one("#pin", Input).value == ""
    assert not stage.app.policy.unlocked
    await stage.press("escape")
    assert stage.role == "visitor"


@pytest.mark.usefixtures("kiosk")
@pytest.mark.usefixtures("kiosk")
async def test_wrong_pins_that_were_given_up_keep_no_operator_waiting(stage: Stage) -> None:
    waits: list[float] = []
    may_end = threading.Event()

    def wait(seconds: float) -> None:
        waits.append(seconds)
        may_end.wait(PATIENCE)

    stage.app.policy._wait = wait
    for _ in range(9):
        await stage.burst("ctrl+t", *"1111", "enter", "escape")
    await stage.until(lambda: waits, "the first try")
    assert stage.screen is stage.talk
    may_end.set()
    await stage.unlock()
    assert stage.app.policy.unlocked
    assert waits == [1.0]


@pytest.mark.usefixtures("kiosk")
async def test_who_goes_back_before_the_pin_is_known_unlocks_nothing(stage: Stage) -> None:
    begun, left, tried = threading.Event(), threading.Event(), threading.Event()
    policy, unlocks = stage.app.policy, stage.app.policy.unlock

    def slowly(pin: str) -> bool:
        begun.set()
        left.wait(60)
        right = unlocks(pin)
        tried.set()
        return right

    policy.unlock = slowly
    await stage.press("ctrl+t")
    await stage.type(PIN)
    await stage.press("enter")
    await stage.until(begun.is_set, "that it is tried")
    await stage.press("escape")
    assert stage.screen is stage.talk
    left.set()
    await stage.until(tried.is_set, "tried")
    await stage.until(lambda: not policy.unlocked, "locked again")
    assert stage.role == "visitor"


@pytest.mark.parametrize("rule", ["formats = []", "unredacted = false"])
async def test_where_nothing_may_leave_as_it_is_there_is_no_screenshot(hold: Callable[[str], Path], rule: str) -> None:
    hold(f"[export]\n{rule}")
    async with play() as stage:
        offered = {command.title for command in stage.app.get_system_commands(stage.screen)}
        assert "Screenshot" not in offered
        assert "Theme" in offered
        assert stage.role == ""  # without roles nobody is shown, and nothing is refused
        await stage.press("ctrl+t")
        assert stage.screen is stage.talk
        await stage.press("f10")
        assert isinstance(stage.screen, PlaceScreen)


@pytest.mark.parametrize(("key", "device", "rule"), [("f5", "camera", "camera"), ("f3", "mic", "microphone")])
async def test_a_device_that_is_refused_is_off_again(hold, tmp_path, key, device, rule) -> None:
    hold(f"devices.{rule} = []")
    async with play(**{rule: f"file:{tmp_path / 'a.wav'}"}) as stage:
        await stage.press(key)
        await stage.settle()
        assert f"(devices.{rule})" in stage.toasts[0]
        assert dict(stage.talk.query_one(StatusBar).devices)[device] == "off"
        assert not stage.talk.capture.has_class("hearing")


@pytest.mark.parametrize(
    ("text", "status", "said"),
    [
        ("", 2, "there is no model 'nothing'"),
        (KIOSK, 2, "there is no model 'nothing'"),
        ("offline.pull = false", 5, "no pull of models (offline.pull)"),
    ],
    ids=["no roles", "roles", "no pulls"],
)
def test_the_launcher_pulls_for_whoever_was_let_in(hold, text, status, said) -> None:
    hold(text)
    ran = subprocess.run([sys.executable, "-m", pull.__name__, "nothing"], capture_output=True, text=True, check=False)
    assert ran.returncode == status
    assert said in ran.stderr


# Values that are confirmed


async def test_a_value_is_read_back(stage: Stage) -> None:
    for key, given in (("y", True), ("n", False), ("escape", False), ("enter", False)):
        doubted = messages.Doubted((PENICILLIN,), Future())
        await stage.tell(doubted)
        assert isinstance(stage.screen, Confirm)
        await stage.press(key)
        assert doubted.agreed.result(0) is given, key
        assert stage.screen is stage.talk
    doubted = messages.Doubted((PENICILLIN,), Future())
    await stage.tell(doubted)
    doubted.agreed.cancel()  # nobody wants the answer any more
    await stage.press("y")
    assert stage.screen is stage.talk
    assert stage.app.is_running


async def test_the_operator_confirms_by_pin(hold: Callable[[str], Path]) -> None:
    hold(f'[approval]\nconfirm_below = 0.9\nby = "operator"\n{KIOSK}')
    doubted = messages.Doubted((PENICILLIN,), Future())
    async with play() as stage:
        await stage.tell(doubted)
        await stage.press("y")
        assert isinstance(stage.screen, Operator)
        await stage.type(PIN)
        await stage.press("enter")
        await stage.until(doubted.agreed.done, "unlocked")
        assert stage.screen is stage.talk
        assert doubted.agreed.result()
        assert stage.app.policy.unlocked


async def test_an_export_is_refused_by_the_rule(hold: Callable[[str], Path], tmp_path: Path) -> None:
    hold('export.formats = ["json"]\nexport.unredacted = false')
    turn = SavedTurn(TAKEN, conflict().to_json())
    saved = Saved("a" * 16, "Allergies?", TAKEN, (SavedSignal(FORM, SavedState.READY, False),), (turn,))
    async with play() as stage:
        for name, redacted, rule in (
            ("a.md", True, "export.formats"),
            ("a.json", False, "export.unredacted"),
            ("a.json", True, ""),
        ):
            stage.app.push_screen(ExportScreen(saved))
            await stage.settle()
            stage.screen.query_one("#path", Input).value = str(tmp_path / name)
            box = stage.screen.query_one("#redact", Checkbox)
            box.value = redacted
            await stage.settle()
            assert ("NOT redacted" in str(box.label)) != redacted
            await stage.press("enter")
            await stage.until(lambda: bool(stage.toasts), "an end")
            assert (f"({rule})" in stage.toasts[-1]) == bool(rule)
            assert (tmp_path / name).exists() == (not rule)
            await stage.press("escape")
            stage.app.clear_notifications()


# As it looks


async def unlocking(stage: Stage) -> None:
    await stage.press("ctrl+t")
    await stage.type("1472")


async def mistaken(stage: Stage) -> None:
    stage.app.policy._wait = lambda seconds: None
    await stage.unlock("000000")


async def operating(stage: Stage) -> None:
    await stage.unlock()


async def confirming(stage: Stage) -> None:
    await stage.arrive()
    await stage.tell(messages.Doubted((PENICILLIN,), Future()))


@pytest.mark.usefixtures("still", "kiosk")
@pytest.mark.parametrize("story", [unlocking, mistaken, operating, confirming], ids=lambda story: story.__name__)
def test_roles_look_as_they_did(golden: Golden, story: Callable[[Stage], Awaitable[None]]) -> None:
    golden(app()[0], (80, 24), story)


@pytest.mark.usefixtures("kiosk")
async def test_who_comes_next_finds_nothing_asked_or_not(stage: Stage, clock: IdleClock) -> None:
    await stage.unlock()
    await stage.ask("What is written here?")
    await stage.press("f10")
    await clock.passes(stage, 300.0)
    assert (stage.role, stage.work.calls("begin")) == ("visitor", []), "an answer is being made, the operator is gone"
    await stage.tell(says.ended(1, conflict()))
    await clock.passes(stage, 300.0)
    assert isinstance(stage.screen, Attract)
    assert not stage.turns
    await stage.arrive()
    for number, told in enumerate(([], [messages.Taken(FORM)], [messages.Taken(FORM), messages.Removed(FORM)]), 2):
        if not told:
            stage.prompt.put("What about my")
            await stage.press("escape")
            assert stage.prompt.inputs == ("What about my",)
        await stage.tell(*told)
        await clock.passes(stage, 300.0)
        assert stage.work.calls("begin") == [()] * number
        assert not stage.entries
        assert (stage.prompt.text, stage.prompt.inputs) == ("", ())
        await stage.arrive()
        await stage.press("ctrl+z")
        assert stage.work.calls("restore") == []


@pytest.mark.usefixtures("kiosk")
async def test_who_leaves_without_confirming_is_not_waited_for(stage: Stage, clock: IdleClock) -> None:
    doubted = messages.Doubted((PENICILLIN,), Future())
    stage.prompt.put("Which allergies?")
    await stage.press("enter")
    stage.work.confirming = doubted.agreed
    await stage.tell(doubted)
    assert isinstance(stage.screen, Confirm)
    await clock.passes(stage, 300.0)
    assert isinstance(stage.screen, Attract)
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
            assert isinstance(stage.screen, PlaceScreen)
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


async def test_the_microphone_opens_once_when_all_that_was_left_is_closed(hold, monkeypatch) -> None:
    hold(f'[roles]\npin = "{HASH}"\nvisitor = ["ask", "microphone", "examples"]\n')
    async with play() as stage:
        opened: list[int] = []
        monkeypatch.setattr(stage.work, "begin", lambda: None)  # it still has something to do
        monkeypatch.setattr(stage.capture, "toggle_hands_free", lambda: opened.append(stage.talk.leaving))
        stage.app.settings = Settings(listen=True)
        await stage.talk.begin_anew()  # as an example does
        await stage.press("ctrl+n")
        await stage.tell(messages.ConversationClosed())
        assert opened == []
        await stage.tell(messages.ConversationClosed())
        assert opened == [0]


@pytest.mark.usefixtures("kiosk")
async def test_who_ends_the_session_while_they_speak_begins_no_next_one(stage: Stage) -> None:
    await stage.press("ctrl+n")
    await stage.tell(messages.SpeechWentOn())  # as it was under way
    assert isinstance(stage.screen, Attract)
    stage.talk.query_one(StatusBar).microphone = "hands-free"
    await stage.tell(messages.SpeechBegan())
    assert stage.screen is stage.talk
