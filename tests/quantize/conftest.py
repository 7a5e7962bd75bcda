"""What all tests of the toolkit stand on."""

from __future__ import annotations

import pytest

from edge_assistant_quantize.recipes import speed


@pytest.fixture(autouse=True)
def few_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The time of a model is taken over three items; nothing is asserted on it but that it is there."""
    monkeypatch.setattr(speed, "ITEMS", 3)
