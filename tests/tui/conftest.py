"""Tests of the app: coroutines, with what snapshots need to be the same everywhere, and policies that hold."""

from __future__ import annotations

import asyncio
import inspect
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers import plain_model
from helpers.app import KIOSK, IdleClock, Stage, play
from helpers.evidence import Made, Viewing, look, made
from helpers.screens import Golden, Screens, Story, drawn
from helpers.work import Worker
from syrupy.assertion import SnapshotAssertion
from textual.app import App, ScreenStackError
from textual.css.model import RuleSet
from textual.css.stylesheet import Stylesheet
from textual.message_pump import MessagePump
from textual.pilot import Pilot, WaitForScreenTimeout

from edge_assistant.core.errors import DeviceEnded
from edge_assistant.devices.microphone import BLOCK, SAMPLE_RATE, FileMicrophone, Samples
from edge_assistant.governance.offline import lock
from edge_assistant_tui import roles
from edge_assistant_tui.screens import confirm
from edge_assistant_tui.widgets import status

_UPDATE_S = 0.004  # seconds


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run a test that is a coroutine; a fixture that is an asynchronous context is entered around it."""
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None

    async def run() -> None:
        given = {name: pyfuncitem.funcargs[name] for name in pyfuncitem._fixtureinfo.argnames}
        async with AsyncExitStack() as contexts:
            for name, value in given.items():
                if isinstance(value, AbstractAsyncContextManager):
                    given[name] = await contexts.enter_async_context(value)
            await pyfuncitem.obj(**given)

    asyncio.run(run())
    return True


@pytest.fixture
def stage() -> AbstractAsyncContextManager[Stage]:
    """The app over a scripted worker."""
    return play()


@pytest.fixture
def work() -> Iterator[Worker]:
    """The worker without the app."""
    worker = Worker()
    yield worker
    worker.close()


@pytest.fixture
def viewing() -> AbstractAsyncContextManager[Viewing]:
    """The app to look at evidence."""
    return look()


@pytest.fixture
def things(tmp_path: Path) -> Made:
    """Signals in a folder."""
    return made(tmp_path)


@pytest.fixture
def utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Times are shown in the zone of the machine."""
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.fixture
def still(monkeypatch: pytest.MonkeyPatch, utc: None) -> None:
    """One zone, always the same memory, and the lock of the real app."""
    monkeypatch.setattr(lock, "state", lambda: lock.OfflineLock(True))
    monkeypatch.setattr(status, "memory_mib", lambda: 612)


@pytest.fixture
def golden(snapshot: SnapshotAssertion) -> Golden:
    """Asserts that a screen is what it was when somebody looked at it; see `helpers.screens`."""
    kept = snapshot.use_extension(Screens)

    def same(app: App[Any], size: tuple[int, int], story: Story) -> None:
        assert kept == drawn(app, size, story)

    return same


@pytest.fixture(autouse=True)
def plain() -> Iterator[pytest.MonkeyPatch]:
    """A plain model reads."""
    with pytest.MonkeyPatch.context() as patched:
        plain_model.use(patched)
        yield patched


@pytest.fixture
def lasting(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """A recording that is the microphone goes on with silence until this is set, however busy the machine is."""
    over, read = threading.Event(), FileMicrophone.read

    def reads(microphone: FileMicrophone) -> Samples:
        try:
            return read(microphone)
        except DeviceEnded:
            if over.wait(BLOCK / SAMPLE_RATE):
                raise
            return np.zeros(BLOCK, np.float32)

    monkeypatch.setattr(FileMicrophone, "read", reads)
    return over


@pytest.fixture
def real(plain: pytest.MonkeyPatch) -> None:
    """The real small model reads after all."""
    plain.undo()


async def _idle(min_sleep: float = 0.0, max_sleep: float = 1.0) -> None:
    """Wait until all that can be done is done; Textual's own looks at the CPU time, 50 times a second at most."""
    loop, quiet = asyncio.get_running_loop(), 0
    for _ in range(int(max_sleep / 2 / _UPDATE_S)):  # not until a time, in which another process may have had the core
        await asyncio.sleep(_UPDATE_S)
        threads = loop._default_executor  # of `asyncio.to_thread`
        busy = threads is not None and len(threads._threads) > threads._idle_semaphore._value
        quiet = 0 if loop._ready or busy else quiet + 1
        if quiet == 2:
            break


def _waits(part: MessagePump) -> bool:
    """Whether it did all that it was told to, and waits for a message."""
    came = part._message_queue.ready_event
    return bool(came._waiters) and not came.is_set()


async def _processed(pilot: Pilot[Any], timeout: float = 30.0) -> bool:
    """Wait for the parts of the screen that have something to do; Textual's own sends each a message, half of all."""
    app, end = pilot.app, asyncio.get_running_loop().time() + timeout
    try:
        parts = [app, *app.screen.walk_children(with_self=True)]
    except ScreenStackError:
        return False
    told: list[None] = []
    count = sum(part.call_later(told.append, None) for part in parts if not _waits(part))
    while len(told) < count and not app._exception_event.is_set():
        if asyncio.get_running_loop().time() > end:
            raise WaitForScreenTimeout("some part does not end what it does")
        await asyncio.sleep(0 if asyncio.get_running_loop()._ready else _UPDATE_S / 4)
    return len(told) >= count


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """The screen is drawn more often, and a key waits no longer than what it does takes."""
    monkeypatch.setattr(Pilot, "_wait_for_screen", _processed)
    monkeypatch.setattr("textual.screen.UPDATE_PERIOD", _UPDATE_S / 2)
    for module in ("textual.app", "textual.pilot"):
        monkeypatch.setattr(f"{module}.wait_for_idle", _idle)


_parsed: dict[tuple[object, ...], list[RuleSet]] = {}


@pytest.fixture(autouse=True)
def parsed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Styles are parsed once for all tests, which Textual does for each app."""
    parse = Stylesheet._parse_rules

    def once(self: Stylesheet, *text: Any, **of: Any) -> list[RuleSet]:
        key = (text, *of.items(), *self._variables.items())
        if key not in _parsed:
            _parsed[key] = parse(self, *text, **of)
        return _parsed[key]

    monkeypatch.setattr(Stylesheet, "_parse_rules", once)


@pytest.fixture(autouse=True)
def attentive(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests press keys for a question as soon as it is there."""
    monkeypatch.setattr(confirm, "QUIET_S", 0.0)


@pytest.fixture(autouse=True)
def english(monkeypatch: pytest.MonkeyPatch) -> None:
    """The screens are in English, whatever the machine speaks."""
    monkeypatch.setenv("LANG", "C.UTF-8")


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> IdleClock:
    """The time in which nobody does anything; nobody but the test has the app look at it."""
    monkeypatch.setattr(roles, "_LOOK_S", 3600.0)
    return IdleClock()


@pytest.fixture
def kiosk(hold: Callable[[str], Path]) -> None:
    """Visitors may ask and nothing else."""
    hold(KIOSK)
