"""A model that is summed each time that it is opened, and one of the user's own catalog."""

from __future__ import annotations

import pytest

from edge_assistant_models import stamps
from edge_assistant_models.errors import ModelCorrupt
from edge_assistant_models.portfolio import Portfolio


def test_always_reads_what_is_remembered_too(mine: Portfolio, reads: list[str]) -> None:
    mine.open("mine")
    assert reads == []
    mine.open("mine", always=True)
    mine.open("mine", always=True)
    assert len(reads) == 2 * len(mine.entry("mine").files)


def test_always_finds_what_kept_its_stamp(mine: Portfolio, monkeypatch: pytest.MonkeyPatch) -> None:
    """As where a disk turns a bit by itself, or a clock was set back: inode, size and times are what they were."""
    path = next(iter(mine.open("mine").files.values()))
    remembered = stamps.Stamps.recall(mine.store._stamps, path)
    monkeypatch.setattr(stamps.Stamps, "recall", lambda self, path: remembered)
    with path.open("r+b") as file:
        file.write(b"!")
    mine.open("mine")
    with pytest.raises(ModelCorrupt, match="does not have its checksum"):
        mine.open("mine", always=True)


def test_a_model_says_whether_it_is_the_users_own(mine: Portfolio) -> None:
    own = {entry.name for entry in mine.entries() if entry.own}
    assert own == {"mine"}
