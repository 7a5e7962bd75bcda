"""The keys at the foot: more of them on a wide screen; comparing is introduced with the second signal."""

from __future__ import annotations

from helpers.app import Stage
from textual.widgets._footer import FooterKey

MORE = {"Sources", "Copy answer", "New", "History", "Hands-free", "Voice", "Export", "Models"}


def keys(stage: Stage) -> list[str]:
    return [key.description for key in stage.screen.query(FooterKey)]


async def test_a_wide_screen_shows_more_keys_and_all_fit(stage: Stage) -> None:
    for columns, more in ((80, 0), (110, 3), (200, 8), (80, 0)):
        await stage.pilot.resize_terminal(columns, 24)
        await stage.settle()
        there = keys(stage)
        assert there[:4] == ["Send", "Talk", "Camera", "Compare"]
        assert len({*there} & MORE) >= more
        assert more or "Sources" not in there
        assert max(key.region.right for key in stage.screen.query(FooterKey)) <= columns
