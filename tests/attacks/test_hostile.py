"""What is refused of hostile files is refused for what is hostile in it: the same file without that is taken."""

from __future__ import annotations

from pathlib import Path

import pytest

from evals.attack.hostile import is_accepted


@pytest.mark.parametrize(
    ("way", "words"),
    [
        ("catalog name", "a-fine-name"),
        ("catalog path", "model.onnx"),
        ("catalog address", 'key = "model"\nurl = "https://example.org/model.onnx"'),
        ("domain", '[names]\npotassium = ["k+"]\n'),
        ("domain", '[unit.bucket]\nwritten = ["bucket"]\ndimension = "volume"\nsize = "10"\n'),
        ("domain", '[[examples]]\nlines = ["Bed 4: K+ 3.9"]\nasked = [["What is the potassium?", "3.9"]]\n'),
        ("profile", "starter"),
    ],
)
def test_what_is_not_hostile_is_taken(way: str, words: str, tmp_path: Path) -> None:
    assert is_accepted(way, words, tmp_path)
