"""What the data of a role gives a model to look at."""

from __future__ import annotations

import json

import pytest

from edge_assistant_quantize.datasets import data
from edge_assistant_quantize.errors import InputMissing


def test_a_picture_that_only_labels_name_is_told_before_anything_is_measured(tmp_path):
    picture = {"size": [9, 9], "objects": []}
    (tmp_path / "labels.json").write_text(json.dumps({"here.png": picture, "gone.png": picture}))
    (tmp_path / "here.png").write_bytes(b"")
    with pytest.raises(InputMissing, match=r"gone\.png does not exist"):
        data.sums("detector", {"path": tmp_path})
    assert list(data.items("detector", {"path": tmp_path, "limit": 1})) == ["here.png"]
