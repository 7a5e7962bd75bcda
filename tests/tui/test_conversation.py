"""The conversation screen: what the person does reaches the worker, what the worker tells is shown."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from app_fakes import FORM, NOTE, ScriptedWork, app, computed, conflict, signal
from textual.message import Message
from textual.pilot import Pilot
from textual.widgets import Markdown, Static
from textual.widgets._footer import FooterKey

from edge_assistant.core.answer import Route
from edge_assistant_tui import messages
from edge_assistant_tui.screens import conversation
from edge_assistant_tui.widgets.meter import Meter
from edge_assistant_tui.widgets.prompt import Prompt
from edge_assistant_tui.widgets.signals import SignalList
from edge_assistant_tui.widgets.sources import Sources
from edge_assistant_tui.widgets.turn import Turn
from edge_assistant_tui.widgets.verdicts import Verdicts
from edge_assistant_tui.widgets.welcome import Welcome

Story = Callable[["Stage"], Awaitable[None]]


class Stage:
    """The app while a test plays it."""

    def __init__(self, pilot: Pilot[int], work: ScriptedWork) -> None:
        self.pilot = pilot
        self.work = work
        self.screen = pilot.app.conversation  # type: ignore[attr-defined]

    async def tell(self, *told: Message) -> None:
        """Post what a worker would, and wait until it is handled."""
        for message in told:
            self.screen.post_message(message)
        await self.pilot.pause()

    async def ask(self, text: str) -> None:
        """Type a question and send it."""
        self.screen.query_one(Prompt).put(text)
        await self.pilot.press("enter")
        await self.pilot.pause()

    def turn(self, number: int = 1) -> Turn:
        """A turn on the screen."""
        return self.screen.query_one(f"#turn-{number}", Turn)


def play(story: Story, size: tuple[int, int] = (120, 36)) -> None:
    """Run a story over the app with a scripted worker."""

    async def run() -> None:
        made, work = app()
        async with made.run_test(size=size) as pilot:
            await pilot.pause()
            await story(Stage(pilot, work))

    asyncio.run(run())


def shown(widget: Static) -> str:
    """The text of a widget."""
    return str(widget.render())


def test_a_question_goes_to_the_worker_and_its_answer_is_shown_with_verdicts_and_sources() -> None:
    async def story(stage: Stage) -> None:
        await stage.ask("What is the patient allergic to?")
        assert stage.work.calls("ask") == [(1, "What is the patient allergic to?", None)]
        answer = conflict()
        await stage.tell(
            messages.TurnRouted(1, answer.route), messages.TurnSaid(1, answer.text), messages.TurnEnded(1, answer)
        )
        turn = stage.turn()
        assert "[\\[E1\\]](evidence:E1)" in turn.query_one(Markdown).source
        assert "conflict" in shown(turn.query_one(Verdicts))
        assert "penicillin [E2]" in shown(turn.query_one(Verdicts))
        assert [option.id for option in turn.query_one(Sources).options] == ["E1", "E2"]
        assert "no language model used" in shown(turn.query_one(".figures", Static))
        assert turn.has_class("conflict")
        assert not turn.query(".working")

    play(story)


def test_a_computation_stands_among_the_sources() -> None:
    async def story(stage: Stage) -> None:
        await stage.ask("What was the highest temperature?")
        await stage.tell(messages.TurnEnded(1, computed()))
        assert [option.id for option in stage.turn().query_one(Sources).options] == ["E1", "C1"]
        assert "30 tokens/s" in shown(stage.turn().query_one(".figures", Static))

    play(story)


def test_signals_stand_in_the_list_with_how_far_they_are() -> None:
    async def story(stage: Stage) -> None:
        listed = stage.screen.query_one(SignalList)
        await stage.tell(messages.Taken(FORM), messages.Taken(NOTE))
        assert [entry.state for entry in listed.entries] == ["waiting", "waiting"]
        await stage.tell(messages.Sensing("image:1", "writing", 0.5))
        assert listed.entries[0].detail == "writing 50%"
        await stage.tell(
            messages.Sensed("image:1", "writing", conflict().evidence[:1] * 11, 0.9),
            messages.Sensed("image:1", "objects", conflict().evidence[:1], 0.1),
            # recalled for a question: nothing is counted twice
            messages.Sensed("image:1", "writing", conflict().evidence[:1] * 11, 0.0),
            messages.SignalFailed("audio:1", "note.wav breaks off", "record it again"),
            messages.Noted("image:1", "only the first frame was looked at"),
        )
        form, note = listed.entries
        assert (form.state, form.detail) == ("ready", "12 pieces")
        assert form.notes == ("only the first frame was looked at",)
        assert (note.state, note.detail) == ("failed", "note.wav breaks off")

    play(story)


def test_a_signal_is_removed_and_comes_back() -> None:
    async def story(stage: Stage) -> None:
        await stage.tell(messages.Taken(FORM), messages.Taken(NOTE))
        stage.screen.query_one(SignalList).focus()
        await stage.pilot.press("down", "delete")
        assert stage.work.calls("remove") == [("audio:1",)]
        await stage.tell(messages.Removed(NOTE))
        assert [entry.signal for entry in stage.screen.query_one(SignalList).entries] == [FORM]
        await stage.pilot.press("ctrl+z")
        assert stage.work.calls("restore") == [([NOTE],)]
        await stage.pilot.press("ctrl+z")  # nothing is left to bring back
        assert len(stage.work.calls("restore")) == 1

    play(story)


def test_the_name_of_a_removed_signal_is_no_markup() -> None:
    async def story(stage: Stage) -> None:
        named = signal("text:1", "[@click=app.quit]a[/].txt")
        await stage.tell(messages.Taken(named), messages.Removed(named))
        (toast,) = stage.pilot.app._notifications
        assert named.name in toast.message
        assert not toast.markup

    play(story)


def test_paths_are_attached_and_not_asked(tmp_path: Path) -> None:
    plain, spaced = tmp_path / "form.jpg", tmp_path / "a note.wav"
    plain.write_bytes(b"x")
    spaced.write_bytes(b"x")

    async def story(stage: Stage) -> None:
        await stage.ask(str(plain))
        await stage.ask(f"'{spaced}' {plain}")
        await stage.ask(f"file://{str(spaced).replace(' ', '%20')}")
        assert stage.work.calls("attach") == [(plain,), (spaced,), (plain,), (spaced,)]
        assert not stage.work.calls("ask")

    play(story)


@pytest.mark.parametrize("name", ["nowhere.jpg", "a folder"])
def test_a_path_of_no_file_is_no_question_and_stays_to_be_corrected(tmp_path: Path, name: str) -> None:
    (tmp_path / "a folder").mkdir()
    path = str(tmp_path / name)

    async def story(stage: Stage) -> None:
        await stage.ask(path)
        assert [method for method, _ in stage.work.asked] == ["start"]
        assert stage.screen.query_one(Prompt).text == path
        assert [toast.title for toast in stage.pilot.app._notifications] == ["That is no file"]
        await stage.ask("/ or \\: which one?")
        assert len(stage.work.calls("ask")) == 1

    play(story)


@pytest.mark.parametrize("name", ["nowhere.jpg", "exmaples/clinic/note.WAV"])
def test_nor_is_the_name_of_a_file_that_is_not_here(name: str) -> None:
    async def story(stage: Stage) -> None:
        await stage.ask(name)
        assert not stage.work.calls("ask")
        assert stage.screen.query_one(Prompt).text == name
        await stage.ask(f"What is in {name}")
        await stage.ask("total?")
        assert len(stage.work.calls("ask")) == 2

    play(story)


def test_a_question_obeys_nothing_on_the_screen() -> None:
    async def story(stage: Stage) -> None:
        await stage.ask("What is \x1b[31mred\u202e?\nAnd [b]blue[/b]?")
        shown = stage.turn().query_one(".question", Static).render()
        assert str(shown) == "What is \ufffd[31mred\ufffd?\nAnd [b]blue[/b]?"

    play(story)


def test_escape_stops_what_is_answered_and_what_was_said_stays() -> None:
    async def story(stage: Stage) -> None:
        await stage.ask("What was the total?")
        await stage.tell(messages.TurnSaid(1, "The total"))
        await stage.pilot.press("escape")
        assert len(stage.work.calls("stop")) == 1
        await stage.tell(messages.TurnStopped(1), messages.TurnSaid(1, "was never said"))
        assert stage.turn().query_one(Markdown).source.strip() == "The total"
        assert "stopped" in shown(stage.turn().query_one(".stopped", Static))
        await stage.pilot.press("escape")  # nothing runs: nothing is stopped
        assert len(stage.work.calls("stop")) == 1

    play(story)


def test_a_failure_says_what_to_do() -> None:
    async def story(stage: Stage) -> None:
        await stage.ask("What was the total?")
        await stage.tell(messages.TurnFailed(1, "the model x is not in the store", "press F9"))
        failure = shown(stage.turn().query_one(".failed", Static))
        assert failure == "error: the model x is not in the store - press F9"

    play(story)


def test_the_last_question_can_be_asked_again_or_edited() -> None:
    async def story(stage: Stage) -> None:
        await stage.pilot.press("ctrl+r")  # nothing was asked yet
        await stage.ask("What was the total?")
        await stage.tell(messages.TurnFailed(1, "no signal is left", "attach one"))
        await stage.pilot.press("ctrl+r")
        assert [call[:2] for call in stage.work.calls("ask")] == [
            (1, "What was the total?"),
            (2, "What was the total?"),
        ]
        stage.screen.action_edit()
        assert stage.screen.query_one(Prompt).text == "What was the total?"
        await stage.pilot.press("f7")
        assert stage.work.calls("check") == [(3,)]

    play(story)


def test_earlier_questions_come_back_by_the_arrow() -> None:
    async def story(stage: Stage) -> None:
        await stage.ask("One?")
        await stage.ask("Two?")
        prompt = stage.screen.query_one(Prompt)
        await stage.pilot.press("up")
        assert prompt.text == "Two?"
        await stage.pilot.press("up", "up")
        assert prompt.text == "One?"
        await stage.pilot.press("down", "down")
        assert prompt.text == ""

    play(story)


def test_what_was_heard_is_sent_with_its_recording_unless_it_is_corrected() -> None:
    async def story(stage: Stage) -> None:
        await stage.tell(messages.Heard("How many people", final=False))
        assert stage.screen.query_one(Meter).heard == "How many people"
        assert stage.screen.query_one(Prompt).text == ""
        await stage.tell(messages.Heard("How many people are there?", final=True, recording=b"RIFF"))
        await stage.pilot.press("enter")
        await stage.tell(messages.Heard("How many pebbles are there?", final=True, recording=b"RIFF"))
        stage.screen.query_one(Prompt).text = "How many people are there?"
        await stage.pilot.press("enter")
        assert stage.work.calls("ask") == [
            (1, "How many people are there?", b"RIFF"),
            (2, "How many people are there?", None),
        ]

    play(story)


def test_a_new_conversation_is_empty() -> None:
    async def story(stage: Stage) -> None:
        await stage.tell(messages.Taken(FORM))
        await stage.ask("What was the total?")
        await stage.pilot.press("ctrl+n")
        await stage.pilot.pause()
        assert stage.work.calls("begin") == [()]
        assert not stage.screen.query(Turn)
        assert not stage.screen.query_one(SignalList).entries
        assert stage.screen.query_one(Welcome)

    play(story)


def test_the_first_screen_says_which_models_are_missing() -> None:
    async def story(stage: Stage) -> None:
        await stage.tell(messages.Ready(("whisper-base",)))
        assert "whisper-base" in shown(stage.screen.query_one(Welcome))
        assert stage.pilot.app.missing == ("whisper-base",)  # type: ignore[attr-defined]

    play(story)


def test_only_the_latest_turns_stay_on_the_screen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conversation, "MAX_TURNS", 3)

    async def story(stage: Stage) -> None:
        for number in range(1, 6):
            await stage.ask(f"Question {number}?")
            await stage.tell(messages.TurnEnded(number, computed()))
        assert [turn.number for turn in stage.screen.query(Turn)] == [3, 4, 5]

    play(story)


def test_foreign_text_is_shown_as_it_is() -> None:
    hostile = "[bold]x[/bold] [@click=app.quit]here[/] \x1b[2J `rm` *a* [E9](http://x) <b>"

    async def story(stage: Stage) -> None:
        await stage.ask(hostile.replace("\x1b", ""))
        await stage.tell(
            messages.TurnRouted(1, Route(hostile, (), hostile)),
            messages.TurnSaid(1, hostile),
            messages.TurnFailed(1, hostile, hostile),
            messages.Refused(hostile, hostile),
            messages.SignalFailed("image:1", hostile, hostile),
        )
        assert "[bold]x[/bold]" in shown(stage.turn().query_one(".question", Static))
        assert "[@click=app.quit]" in shown(stage.turn().query_one(".failed", Static))

    play(story)


@pytest.mark.parametrize("size", [(80, 24), (160, 48), (40, 12)])
def test_it_fits_the_terminal(size: tuple[int, int]) -> None:
    async def story(stage: Stage) -> None:
        await stage.tell(messages.Taken(FORM))
        await stage.ask("What is the patient allergic to?")
        await stage.tell(messages.TurnEnded(1, conflict()))
        assert stage.screen.query_one(Prompt).region.bottom <= size[1]
        assert stage.screen.query_one("#turns").region.height >= 4
        assert stage.screen.has_class("narrow") == (size[0] < 100)

    play(story, size)


def test_an_app_that_is_left_at_once_begins_nothing() -> None:
    async def run() -> list[str]:
        made, work = app()
        async with made.run_test():
            pass
        return [method for method, _ in work.asked]

    assert asyncio.run(run())[-1] == "close"


def test_keys_at_the_foot_are_let_go_of_when_the_focus_moves() -> None:
    async def story(stage: Stage) -> None:
        counts = []
        for _ in range(6):
            await stage.pilot.press("ctrl+l", "escape")
            await stage.pilot.pause()
            gc.collect()
            counts.append(sum(isinstance(thing, FooterKey) for thing in gc.get_objects()))
        assert counts[-1] <= counts[0] + 20, counts

    play(story)
