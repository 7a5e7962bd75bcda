"""Opening a file at whose place a pipe may come at any moment."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from edge_assistant.core.errors import InputUnsupported
from edge_assistant.core.signals import Kind, take_file
from edge_assistant_models import regular


@pytest.fixture
def became_a_pipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A path at which a file is seen, and a pipe stands when it is opened."""
    (tmp_path / "file").write_text("x")
    os.mkfifo(tmp_path / "pipe")
    seen = (tmp_path / "file").stat()
    monkeypatch.setattr(Path, "stat", lambda self, **_: seen)
    return tmp_path / "pipe"


@pytest.mark.parametrize(
    ("opens", "error"),
    [(regular.opened, regular.NotRegular), (lambda path: take_file(path, Kind.TEXT, 1), InputUnsupported)],
    ids=["opened", "taken"],
)
def test_a_pipe_in_a_file_s_place_is_refused_and_not_waited_for(became_a_pipe: Path, opens, error) -> None:
    raised: list[BaseException] = []

    def work() -> None:
        try:
            opens(became_a_pipe)
        except BaseException as caught:
            raised.append(caught)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(30)
    assert not thread.is_alive(), "it waits for the pipe"
    assert isinstance(raised[0], error)
