"""The keys at the foot: more of them on a wide screen; comparing is introduced with the second signal."""

from __future__ import annotations

import pytest
from app_fakes import FORM, NOTE
from placed import Stage, play
from textual.widgets._footer import FooterKey

from edge_assistant_tui import messages
from edge_assistant_tui.widgets.welcome import Welcome

MORE = {"Sources", "Copy answer", "New", "History", "Hands-free", "Voice", "Export", "Models"}


def keys(stage: Stage) -> list[str]:
    return [key.description for key in stage.app.screen.query(FooterKey)]


@pytest.mark.parametrize(("columns", "more"), [(80, 0), (110, 3), (200, 8)])
def test_a_wide_screen_shows_more_keys_and_all_fit(columns: int, more: int) -> None:
    async def story(stage: Stage) -> None:
        await stage.settle()
        shown = keys(stage)
        assert shown[:4] == ["Send", "Talk", "Camera", "Compare"]
        assert len({*shown} & MORE) >= more
        assert more or "Sources" not in shown
        assert max(key.region.right for key in stage.app.screen.query(FooterKey)) <= columns

    play(story, size=(columns, 24))


def test_the_keys_follow_the_width() -> None:
    async def story(stage: Stage) -> None:
        await stage.settle()
        assert "Sources" not in keys(stage)
        await stage.pilot.resize_terminal(160, 40)
        await stage.settle()
        assert "Sources" in keys(stage)
        await stage.pilot.resize_terminal(80, 24)
        await stage.settle()
        assert "Sources" not in keys(stage)

    play(story)


def test_comparing_is_introduced_with_the_second_signal_until_something_is_asked() -> None:
    async def story(stage: Stage) -> None:
        def introduced() -> bool:
            return any("F7 compares" in str(welcome.render()) for welcome in stage.app.screen.query(Welcome))

        talk = stage.app.conversation
        talk.post_message(messages.Taken(FORM))
        await stage.settle()
        assert not introduced()
        talk.post_message(messages.Taken(NOTE))
        await stage.settle()
        assert introduced()
        talk.post_message(messages.Removed(NOTE))
        await stage.settle()
        assert not introduced()
        talk.post_message(messages.Taken(NOTE))
        await talk.ask("What is in them?")
        await stage.settle()
        assert not introduced()

    play(story)
