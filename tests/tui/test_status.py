"""The first line: what it always says, also where it is narrow."""

from __future__ import annotations

import pytest
from helpers.app import play

from edge_assistant.governance.offline import lock
from edge_assistant.governance.offline.lock import Lock
from edge_assistant_tui.widgets import status
from edge_assistant_tui.widgets.status import StatusBar


async def line(columns: int, **states: str) -> str:
    """The line with the states of devices and what is computed."""
    async with play((columns, 24)) as stage:
        bar = stage.screen.query_one(StatusBar)
        for name, state in states.items():
            setattr(bar, name, state)
        await stage.pilot.pause()
        return bar.render().plain


@pytest.mark.parametrize(("found", "word"), [(Lock(True), "offline"), (Lock(False, "why", "what"), "NOT OFFLINE")])
@pytest.mark.parametrize("columns", [80, 160])
async def test_it_says_whether_the_app_is_locked(
    monkeypatch: pytest.MonkeyPatch, found: Lock, word: str, columns: int
) -> None:
    monkeypatch.setattr(lock, "state", lambda: found)
    assert (await line(columns)).split("  ")[:2] == [" Edge Assistant", word]


async def test_where_it_is_narrow_the_memory_gives_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lock, "state", lambda: Lock(True))
    monkeypatch.setattr(status, "memory_mib", lambda: 1234)
    busy = {"microphone": "listening", "camera": "on", "voice": "on", "activity": "answering"}
    assert "1234 MiB" in await line(160, **busy)
    narrow = await line(80, **busy)
    assert "MiB" not in narrow
    assert len(narrow) <= 80
    assert "1234 MiB" in await line(80)
