"""Progress as it is shown: plain lines, or bars that begin with the first step."""

from __future__ import annotations

import io

from edge_assistant.cli import terminal
from edge_assistant_quantize import progress
from edge_assistant_quantize.progress import ProgressStep


def test_the_time_left_does_not_count_what_comes_before_the_first_unit(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    out = io.StringIO()
    with progress.shown(stream=out) as watch:
        for at, done in ((0, 0), (60, 1), (70, 2), (80, 3), (90, 4)):  # the model is loaded for most of a minute
            now[0] = at
            watch(ProgressStep("asking", done, 4))
    assert out.getvalue().splitlines() == [
        "asking",
        "asking: 1 of 4",
        "asking: 2 of 4, about 0:20 left",
        "asking: 3 of 4, about 0:10 left",
        "asking: done in 1:30",
    ]


def test_plain_lines_tell_the_beginning_and_the_end(capsys):
    with progress.shown(plain=True) as watch:
        for done in range(4):
            watch(ProgressStep("matrix", done, 3))
    assert capsys.readouterr().err == "matrix\nmatrix: done in 0:00\n"


def test_a_bar_begins_with_the_first_step(capsys, monkeypatch):
    """So a verb may print and ask before it works."""
    monkeypatch.setattr(terminal, "redraws", lambda stream, plain: True)
    monkeypatch.setattr(terminal, "colours", lambda stream: False)
    with progress.shown() as watch:
        assert capsys.readouterr().err == ""
        watch(ProgressStep("matrix", 3, 3))
    shown = capsys.readouterr().err
    assert "matrix" in shown
    assert "3/3" in shown
