"""Options that verbs of the toolkit share: what is no number, what is of another form, and a file that is not there."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge_assistant_quantize.cli.main import main

Capture = pytest.CaptureFixture[str]


@pytest.mark.parametrize(
    "words",
    [
        ["imatrix", "m.gguf", "--text", "t", "--output", "o.gguf", "--chunks", "-1"],
        ["imatrix", "m.gguf", "--text", "t", "--output", "o.gguf", "--context", "0"],
        ["sweep", "m.gguf", "--text", "t", "--output", "o", "--threads", "0"],
        ["layers", "a.onnx", "b.onnx", "--data", "photos", "--limit", "-2"],
        ["publish", "out", "--memory-mib", "9" * 5000],
        ["convert", "folder", "--output", "o", "--opset", "x"],
    ],
)
def test_a_count_is_a_whole_number_from_one_on(words: list[str], capsys: Capture) -> None:
    assert main(words) == 2
    assert "is no whole number from 1 on" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "option"),
    [
        (["quantize", "m.gguf", "--output", "o.gguf", "--type", "Q8_0", "--exclude", "conv"], "--exclude"),
        (["quantize", "m.gguf", "--output", "o.gguf", "--type", "Q8_0", "--asymmetric"], "--asymmetric"),
        (["quantize", "m.onnx", "--output", "o.onnx", "--type", "fp16", "--tensor-type", "a=Q8_0"], "--tensor-type"),
        (["convert", "folder", "--output", "o.gguf", "--task", "t"], "--task"),
        (["convert", "folder", "--output", "o", "--precision", "f32"], "--precision"),
    ],
)
def test_an_option_of_another_form_is_refused(words: list[str], option: str, capsys: Capture) -> None:
    assert main(words) == 2
    assert f"error: {option} is an option of" in capsys.readouterr().err


def test_a_chunk_may_be_too_short(capsys: Capture) -> None:
    assert main(["imatrix", "m.gguf", "--text", "t", "--output", "o.gguf", "--context", "1"]) == 2
    assert "a chunk of 1 tokens is too short" in capsys.readouterr().err


def test_a_file_of_ones_own_is_not_looked_for_in_the_store(tmp_path: Path, capsys: Capture) -> None:
    path = tmp_path / "m.gguf"
    words = ["imatrix", str(path), "--text", "t", "--output", str(tmp_path / "o.gguf")]
    for _ in range(2):
        assert main(words) == 4
        assert "make or fetch it again" in capsys.readouterr().err
        path.write_bytes(b"GGUF")
