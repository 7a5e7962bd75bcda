"""What the app tells systemd of itself: that it is ready, what it lacks, and that it or its work advances."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path

import pytest
from helpers.app import play
from helpers.systemd import NotifySocket

from edge_assistant.compute import sd_notify
from edge_assistant_tui import messages

WATCHDOG = ["WATCHDOG=1", "EXTEND_TIMEOUT_USEC=60000000"]


@pytest.fixture
def manager(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[NotifySocket]:
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
    monkeypatch.setattr(sd_notify, "_next", 0.0)
    monkeypatch.setattr(sd_notify, "_OFTEN", float("inf"))  # each time
    with NotifySocket(str(tmp_path / "notify")) as made:
        yield made


async def test_it_says_that_it_is_ready_and_what_it_lacks(manager: NotifySocket) -> None:
    async with play() as stage:
        assert ["READY=1", "STATUS=is ready"] in manager.heard()
        await stage.tell(messages.Ready(("a-model",)))
        assert ["STATUS=is ready, degraded: model.missing"] in manager.heard()
        await stage.tell(messages.Ready(()))
        assert ["STATUS=is ready"] in manager.heard()


async def test_its_loop_counts_while_nothing_is_computed_and_the_work_while_something_is(
    manager: NotifySocket, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with play() as stage:
        await stage.until(lambda: WATCHDOG in manager.heard(), "a sign of life")
        computing = iter(stage.work._jobs)
        stage.work._jobs.put(lambda: None)
        next(computing)
        manager.heard()
        stage.app._live()
        assert manager.heard() == [], "a job that hangs is not hidden by the loop"
        stage.work.confirming = Future()
        stage.app._live()
        assert manager.heard() == [WATCHDOG], "a person may think for long"
        stage.work.confirming = None
        stage.work._jobs.end()
        assert list(computing) == []
        assert manager.heard() == [WATCHDOG], "a job is done"
