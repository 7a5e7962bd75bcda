"""What the data of a role gives a model to look at."""

from __future__ import annotations

import json

import pytest

from edge_assistant.core.errors import InputCorrupt
from edge_assistant_quantize.datasets import data
from edge_assistant_quantize.errors import InputMissing


def test_a_picture_that_only_labels_name_is_told_before_anything_is_measured(tmp_path):
    picture = {"size": [9, 9], "objects": []}
    (tmp_path / "labels.json").write_text(json.dumps({"here.png": picture, "gone.png": picture}))
    (tmp_path / "here.png").write_bytes(b"")
    with pytest.raises(InputMissing, match=r"gone\.png does not exist"):
        data.sums("detector", {"path": tmp_path})
    assert list(data.items("detector", {"path": tmp_path, "limit": 1})) == ["here.png"]


@pytest.mark.parametrize("file", ["../outside.wav", "/outside.wav", "a/../../outside.wav"])
def test_a_recording_outside_its_scenario_is_refused(tmp_path, file):
    """It would be measured and never hashed, as no copy of the data has it."""
    (tmp_path / "call").mkdir()
    (tmp_path / "outside.wav").write_bytes(b"")
    (tmp_path / "call" / "scenario.toml").write_text(f'signals = [{{ file = "{file}", said = "one" }}]')
    with pytest.raises(InputCorrupt, match=r"^call/scenario.toml is malformed: a recording is outside the folder: "):
        data.items("speech", {"path": tmp_path})


def test_a_scenario_that_is_too_large_is_no_corpus(tmp_path):
    (tmp_path / "call").mkdir()
    (tmp_path / "call" / "scenario.toml").write_bytes(b"#" * (5 << 20))
    with pytest.raises(InputCorrupt, match="it is over 4,194,304 bytes"):
        data.items("speech", {"path": tmp_path})
