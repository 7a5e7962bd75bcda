"""A policy in the app: what a visitor is refused, the operator's PIN, values that are confirmed."""

from __future__ import annotations

import threading
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from app_fakes import FORM, TAKEN, conflict
from captured import until
from golden import Golden
from kiosks import KIOSK, PENICILLIN, PIN, role, unlock
from placed import Stage, play, toasts
from textual.pilot import Pilot
from textual.widgets import Checkbox, Input

from edge_assistant.core.errors import Stopped
from edge_assistant.history.store import Saved, SavedSignal, State
from edge_assistant.history.store import Turn as SavedTurn
from edge_assistant_tui import messages, pull
from edge_assistant_tui.confirming import Confirmation
from edge_assistant_tui.keeping import Keeping
from edge_assistant_tui.screens.confirm import Confirm
from edge_assistant_tui.screens.export import Export
from edge_assistant_tui.screens.operator import Operator
from edge_assistant_tui.screens.place import Place
from edge_assistant_tui.widgets.prompt import Prompt
from edge_assistant_tui.widgets.status import StatusBar
from edge_assistant_tui.widgets.welcome import Welcome

KEYS = {
    "f2": "attach",
    "f3": "microphone",
    "f4": "microphone",
    "f5": "camera",
    "f6": "examples",
    "f7": "check",
    "f8": "history",
    "f9": "models",
    "f10": "settings",
    "f11": "doctor",
    "f12": "voice",
    "ctrl+s": "export",
    "ctrl+q": "quit",
}


@pytest.mark.usefixtures("kiosk")
def test_a_visitor_is_refused_by_the_rule() -> None:
    async def story(stage: Stage) -> None:
        for key, action in KEYS.items():
            stage.app.clear_notifications()
            await stage.press(key)
            assert stage.app.screen is stage.app.conversation, key
            assert stage.app.is_running
            assert toasts(stage) == [
                f"the policy refuses: a visitor may not: {action} (roles.visitor) "
                "Ctrl+T: the operator unlocks it with the PIN"
            ]
        assert {method for method, _ in stage.work.asked} <= {"start", "close"}

    play(story)


@pytest.mark.usefixtures("kiosk")
def test_a_visitor_asks_and_reads_the_help() -> None:
    async def story(stage: Stage) -> None:
        assert role(stage) == "visitor"
        await stage.press("f1")
        assert isinstance(stage.app.screen, Place)
        await stage.press("escape")
        stage.app.conversation.query_one(Prompt).put("What is written here?")
        await stage.press("enter")
        assert stage.work.calls("ask") == [(1, "What is written here?", None)]
        assert toasts(stage) == []

    play(story)


@pytest.mark.usefixtures("kiosk")
@pytest.mark.parametrize("there", [True, False])
def test_a_path_is_refused_whether_there_is_a_file_or_not(tmp_path: Path, there: bool) -> None:
    file = tmp_path / "a.txt"
    if there:
        file.write_text("x")

    async def story(stage: Stage) -> None:
        prompt = stage.app.conversation.query_one(Prompt)
        prompt.put(str(file))
        await stage.press("enter")
        assert stage.work.calls("attach") == []
        assert ["a visitor may not: attach" in said for said in toasts(stage)] == [True]
        assert prompt.text == ""

    play(story)


@pytest.mark.usefixtures("kiosk")
def test_what_is_said_first_is_what_a_visitor_may_do() -> None:
    async def story(stage: Stage) -> None:
        welcome = stage.app.conversation.query_one(Welcome)
        assert [word for word in ("Attach", "Ask ", "Try", "Show", "F1") if word in str(welcome.render())] == [
            "Ask ",
            "F1",
        ]
        prompt = stage.app.conversation.query_one(Prompt)
        assert "path" not in str(prompt.placeholder)
        await unlock(stage)
        assert "Attach" in str(welcome.render())
        assert "path" in str(prompt.placeholder)
        await stage.press("f1")
        assert "Ctrl+T" in stage.said("#text")

    play(story)


@pytest.mark.usefixtures("kiosk")
def test_ctrl_c_tells_a_visitor_of_no_key_that_ends_the_app() -> None:
    async def story(stage: Stage) -> None:
        await stage.press("ctrl+c")
        assert ["a visitor may not: quit" in said for said in toasts(stage)] == [True]

    play(story)


@pytest.mark.usefixtures("kiosk")
def test_the_palette_offers_a_visitor_no_way_around() -> None:
    async def story(stage: Stage) -> None:
        offered = {command.title for command in stage.app.get_system_commands(stage.app.screen)}
        assert "Operator" in offered
        assert not offered & {"Screenshot", "Theme", "Quit", "Longer pause", "Choose the camera", "Attach", "Models"}
        await unlock(stage)
        offered = {command.title for command in stage.app.get_system_commands(stage.app.screen)}
        assert {"Screenshot", "Longer pause", "Attach"} <= offered

    play(story)


@pytest.mark.usefixtures("kiosk")
def test_the_operator_unlocks_and_locks() -> None:
    async def story(stage: Stage) -> None:
        await unlock(stage)
        assert (role(stage), stage.app.screen) == ("operator", stage.app.conversation)
        await stage.press("f10")
        assert isinstance(stage.app.screen, Place)
        await stage.press("ctrl+t")
        assert (role(stage), stage.app.screen) == ("visitor", stage.app.conversation)
        assert not stage.app.policy.unlocked
        await stage.press("f10")
        assert stage.app.screen is stage.app.conversation

    play(story)


@pytest.mark.usefixtures("kiosk")
def test_a_wrong_pin_unlocks_nothing(home: Path) -> None:
    async def story(stage: Stage) -> None:
        stage.app.policy._wait = lambda seconds: None
        await unlock(stage, "000000")
        assert isinstance(stage.app.screen, Operator)
        assert stage.said("#about") == "That is not the PIN."
        assert stage.app.screen.query_one("#pin", Input).value == ""
        assert not stage.app.policy.unlocked
        await stage.press("escape")
        assert role(stage) == "visitor"

    play(story)


@pytest.mark.usefixtures("kiosk")
def test_who_goes_back_before_the_pin_is_known_unlocks_nothing() -> None:
    left, tried = threading.Event(), threading.Event()

    async def story(stage: Stage) -> None:
        policy, unlocks = stage.app.policy, stage.app.policy.unlock

        def slowly(pin: str) -> bool:
            left.wait(60)
            right = unlocks(pin)
            tried.set()
            return right

        policy.unlock = slowly
        await stage.press("ctrl+t")
        await stage.type(PIN)
        await stage.press("enter", "escape")
        assert stage.app.screen is stage.app.conversation
        left.set()
        await until(stage, tried.is_set, "tried")
        await until(stage, lambda: not policy.unlocked, "locked again")
        assert role(stage) == "visitor"

    play(story)


@pytest.mark.parametrize("rule", ["formats = []", "unredacted = false"])
def test_where_nothing_may_leave_as_it_is_there_is_no_screenshot(hold: Callable[[str], None], rule: str) -> None:
    hold(f"[export]\n{rule}")

    async def story(stage: Stage) -> None:
        offered = {command.title for command in stage.app.get_system_commands(stage.app.screen)}
        assert "Screenshot" not in offered
        assert "Theme" in offered

    play(story)


def test_without_roles_nobody_is_shown_and_nothing_is_refused() -> None:
    async def story(stage: Stage) -> None:
        assert role(stage) == ""
        await stage.press("ctrl+t")
        assert stage.app.screen is stage.app.conversation
        await stage.press("f10")
        assert isinstance(stage.app.screen, Place)

    play(story)


@pytest.mark.parametrize(("key", "device", "rule"), [("f5", "camera", "camera"), ("f3", "mic", "microphone")])
def test_a_device_that_is_refused_is_off_again(
    hold: Callable[[str], None], tmp_path: Path, key: str, device: str, rule: str
) -> None:
    hold(f"devices.{rule} = []")

    async def story(stage: Stage) -> None:
        await stage.press(key)
        await stage.settle()
        assert f"(devices.{rule})" in toasts(stage)[0]
        assert dict(stage.app.conversation.query_one(StatusBar).devices)[device] == "off"
        assert not stage.app.conversation.capture.has_class("hearing")

    play(story, **{rule: f"file:{tmp_path / 'a.wav'}"})


@pytest.mark.parametrize(
    ("text", "status", "said"),
    [
        ("", 2, "there is no model 'nothing'"),
        (KIOSK, 2, "there is no model 'nothing'"),
        ("offline.pull = false", 5, "no pull of models (offline.pull)"),
    ],
    ids=["no roles", "roles", "no pulls"],
)
def test_the_launcher_pulls_for_whoever_was_let_in(
    hold: Callable[[str], None],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    text: str,
    status: int,
    said: str,
) -> None:
    hold(text)
    monkeypatch.setattr("sys.argv", ["pull", "nothing"])
    assert pull.main() == status
    assert said in capsys.readouterr().err


# The history


def test_where_nothing_is_to_be_kept_nothing_is(hold: Callable[[str], None], home: Path) -> None:
    hold("retention.history = false")
    keeping = Keeping(lambda message: None)
    keeping.write(lambda history, kept: history.add_signal(kept, FORM, b"x"))
    assert keeping.current is None
    assert keeping.history.conversations() == []


# Values that are confirmed


@pytest.mark.parametrize(("key", "given"), [("y", True), ("n", False), ("escape", False), ("enter", False)])
def test_a_value_is_read_back(key: str, given: bool) -> None:
    confirmation = Confirmation((PENICILLIN,))

    async def story(stage: Stage) -> None:
        stage.app.conversation.post_message(messages.Doubted(confirmation))
        await stage.settle()
        assert isinstance(stage.app.screen, Confirm)
        await stage.press(key)
        assert confirmation.wait() is given
        assert stage.app.screen is stage.app.conversation

    play(story)


def test_the_operator_confirms_by_pin(hold: Callable[[str], None]) -> None:
    hold(f'[approval]\nconfirm_below = 0.9\nby = "operator"\n{KIOSK}')
    confirmation = Confirmation((PENICILLIN,))

    async def story(stage: Stage) -> None:
        stage.app.conversation.post_message(messages.Doubted(confirmation))
        await stage.settle()
        await stage.press("y")
        assert isinstance(stage.app.screen, Operator)
        await stage.type(PIN)
        await stage.press("enter")
        await until(stage, lambda: stage.app.screen is stage.app.conversation, "unlocked")
        assert confirmation.wait()
        assert stage.app.policy.unlocked

    play(story)


def test_a_stop_ends_the_waiting() -> None:
    confirmation = Confirmation((PENICILLIN,))
    stopped = threading.Event()

    def wait() -> None:
        with pytest.raises(Stopped):
            confirmation.wait()
        stopped.set()

    thread = threading.Thread(target=wait)
    thread.start()
    confirmation.stop()
    assert stopped.wait(60)
    thread.join()


def test_an_export_is_refused_by_the_rule(hold: Callable[[str], None], tmp_path: Path) -> None:
    hold('export.formats = ["json"]\nexport.unredacted = false')
    turn = SavedTurn(TAKEN, conflict().to_json())
    saved = Saved("a" * 16, "Allergies?", TAKEN, (SavedSignal(FORM, State.READY, False),), (turn,))

    async def story(stage: Stage) -> None:
        for name, redacted, rule in (
            ("a.md", True, "export.formats"),
            ("a.json", False, "export.unredacted"),
            ("a.json", True, ""),
        ):
            stage.app.push_screen(Export(saved))
            await stage.settle()
            stage.app.screen.query_one("#path", Input).value = str(tmp_path / name)
            box = stage.app.screen.query_one("#redact", Checkbox)
            box.value = redacted
            await stage.settle()
            assert ("NOT redacted" in str(box.label)) != redacted
            await stage.press("enter")
            await until(stage, lambda: bool(toasts(stage)), "an end")
            assert (f"({rule})" in toasts(stage)[-1]) == bool(rule)
            assert (tmp_path / name).exists() == (not rule)
            await stage.press("escape")
            stage.app.clear_notifications()

    play(story)


# As it looks


async def unlocking(stage: Stage) -> None:
    await stage.press("ctrl+t")
    await stage.type("1472")


async def mistaken(stage: Stage) -> None:
    stage.app.policy._wait = lambda seconds: None
    await unlock(stage, "000000")


async def operating(stage: Stage) -> None:
    await unlock(stage)


async def confirming(stage: Stage) -> None:
    stage.app.conversation.post_message(messages.Doubted(Confirmation((PENICILLIN,))))
    await stage.settle()


@pytest.mark.usefixtures("still", "kiosk")
@pytest.mark.parametrize("story", [unlocking, mistaken, operating, confirming], ids=lambda story: story.__name__)
def test_roles_look_as_they_did(golden: Golden, story: Callable[[Stage], Awaitable[None]]) -> None:
    from app_fakes import app

    made, work = app()

    async def played(pilot: Pilot[int]) -> None:
        await pilot.pause()
        await story(Stage(made, work, pilot))

    assert golden(made, (80, 24), played)
