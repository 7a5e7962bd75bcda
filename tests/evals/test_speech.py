"""`bench speech`: its recordings, its figures, and which words count as the same."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge_assistant_quantize.datasets.data import corpus
from edge_assistant_quantize.metrics.transcripts import normalised
from evals import speech as bench


def test_bench_reads_both_kinds_of_folders(tmp_path: Path) -> None:
    assert corpus(tmp_path) == []
    (tmp_path / "a.wav").write_bytes(b"")
    (tmp_path / "a.txt").write_text("one two")
    folder = tmp_path / "case"
    folder.mkdir()
    (folder / "note.wav").write_bytes(b"")
    (folder / "scenario.toml").write_text('[[signals]]\nkind = "audio"\nfile = "note.wav"\nsaid = "three"\n')
    assert [one.said for one in corpus(tmp_path)] == ["one two", "three"]


def test_bench_figures() -> None:
    seconds = {"product": 1.0, "faster-whisper int8": 4.0, "faster-whisper float32": 5.0}
    heard = bench.Heard(4.0, dict.fromkeys(seconds, "Nine pumps"), seconds)
    result = bench.figures(["9 pumps run"], [heard])
    assert result["wer"]["product"] == pytest.approx(1 / 3)
    assert result["ratio_to_int8"] == {"all": 0.25, "3 to 5 s": 0.25}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("$34.80", "thirty four dollars and eighty cents"), ("the 9th of May, 1971", "9 May nineteen seventy-one"),
        ("300 and 85 V", "three hundred and eighty five volts"), ("10.5 mg", "Ten point five milligrams."),
        ("It's half past 7", "its half past seven"),
    ],
)  # fmt: skip
def test_the_same_words_count_as_the_same(one: str, other: str) -> None:
    assert normalised(one) == normalised(other)
    assert normalised(one + " more") != normalised(other)
