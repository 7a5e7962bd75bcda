"""Opened evidence as it looks, at both sizes: pictures that were looked at, kept beside this file."""

from __future__ import annotations

import pytest
from helpers.app import FORM, Stage, app, conflict
from helpers.evidence import Made, Viewing
from helpers.screens import Golden, Story

from edge_assistant_tui import exhibits
from edge_assistant_tui.screens.evidence import EvidenceScreen
from edge_assistant_tui.screens.signal import SignalScreen
from edge_assistant_tui.widgets.signals import SignalEntry

SMALL, LARGE = (80, 24), (160, 48)


def opened(things: Made, id: str, *keys: str) -> Story:
    """What is done before the picture is taken."""

    async def before(stage: Stage) -> None:
        viewing = Viewing(stage.pilot)
        await viewing.show(EvidenceScreen(exhibits.of_answer(things.answer(), {}), id))
        await viewing.press(*keys)

    return before


@pytest.mark.parametrize("size", [SMALL, LARGE], ids=["80x24", "160x48"])
@pytest.mark.parametrize("id", ["E1", "E3", "E5", "E6"], ids=["picture-conflict", "recording-conflict", "rows", "text"])
def test_evidence(golden: Golden, things: Made, size: tuple[int, int], id: str) -> None:
    golden(app()[0], size, opened(things, id))


@pytest.mark.parametrize("id", ["E1", "C1"], ids=["picture", "computed"])
def test_the_whole_of_it(golden: Golden, things: Made, id: str) -> None:
    golden(app()[0], SMALL, opened(things, id, "f"))


def test_a_file_that_changed(golden: Golden, things: Made) -> None:
    assert things.form.path is not None
    things.form.path.write_bytes(b"something else")
    golden(app()[0], SMALL, opened(things, "E1"))


@pytest.mark.parametrize("state", ["ready", "failed"])
def test_a_signal(golden: Golden, state: str, utc: None) -> None:
    failed = SignalEntry(FORM, "failed", "form.jpg is a damaged picture", "copy or export it again")
    ready = SignalEntry(
        FORM,
        "ready",
        "2 pieces",
        evidence={"writing": conflict().evidence[:1], "objects": conflict().evidence[:1]},
        notes=("form.jpg: only the first frame was looked at",),
    )

    async def before(stage: Stage) -> None:
        await stage.app.push_screen(SignalScreen(ready if state == "ready" else failed))

    golden(app()[0], SMALL, before)
