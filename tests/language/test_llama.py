"""A file that llama.cpp loads: Ctrl-C and the wish to stop end it, and neither is lost on the way."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator

import pytest

from edge_assistant.compute.runtime import Halt
from edge_assistant.core.errors import Stopped
from edge_assistant.language import llama
from edge_assistant_models.model import InstalledModel

HANGS = 60.0  # seconds after which a test gives up
LOADS = "llama_model_load_from_file"


@pytest.fixture
def interrupted(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Thread]:
    """A thread that does what Ctrl-C does while llama.cpp loads: the interpreter is free for it then, not before."""
    library = llama.library()
    load, loading = getattr(library, LOADS), threading.Event()

    def watched(*given: object) -> object:
        loading.set()
        return load(*given)

    def interrupt() -> None:
        assert loading.wait(HANGS)
        os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(library, LOADS, watched)
    before, handler = sys.getswitchinterval(), signal.signal(signal.SIGINT, signal.default_int_handler)
    thread = threading.Thread(target=interrupt)
    thread.start()
    sys.setswitchinterval(HANGS)
    yield thread
    sys.setswitchinterval(before)
    signal.signal(signal.SIGINT, handler)


def test_ctrl_c_is_not_lost(interrupted: threading.Thread, models: Callable[[str], InstalledModel]) -> None:
    path = models("language").files["model"]

    def load() -> None:
        llama.load(path, Halt())
        interrupted.join(HANGS)  # where it comes late

    with pytest.raises(KeyboardInterrupt):
        load()


def test_the_wish_to_stop_ends_it(models: Callable[[str], InstalledModel], monkeypatch: pytest.MonkeyPatch) -> None:
    library, halt = llama.library(), Halt()
    load, made = getattr(library, LOADS), list[object]()

    def asked(*given: object) -> object:
        halt.ask()
        made.append(load(*given))
        return made[0]

    monkeypatch.setattr(library, LOADS, asked)
    with pytest.raises(Stopped):
        llama.load(models("language").files["model"], halt)
    assert made == [None]
