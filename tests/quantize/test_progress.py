"""What is said of long work where there is no terminal."""

from __future__ import annotations

import io

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
