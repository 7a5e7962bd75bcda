"""Command lines that cannot be meant are refused before any work begins, in one line that says what to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge_assistant_quantize.cli.main import main

Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("a.gguf", "a.onnx", "pytorch_model.bin", "text.txt"):
        Path(name).write_bytes(b"")
    for name in ("made", "weights"):
        Path(name).mkdir()


@pytest.mark.parametrize(
    ("line", "status", "said"),
    [
        ("quantize a.gguf --type Q4_K_M --output made", 2, "made is a folder - name a file for the output"),
        ("quantize a.onnx --type dynamic-int8 --output .", 2, ". is a folder - name a file for the output"),
        ("imatrix a.gguf --text text.txt --output made", 2, "made is a folder - name a file for the output"),
        ("quantize a.gguf --type Q4_K_M --output no/o.gguf", 3, "there is no folder no - make it first"),
        ("convert weights --output no/o.gguf", 3, "there is no folder no - make it first"),
        ("quantize a.gguf --type Q4_K_M --output o.onnx", 2, "what is made of .gguf is .gguf again - name"),
        ("quantize a.onnx --type fp16 --output o.gguf", 2, "what is made of .onnx is .onnx again - name"),
        ("compare a.gguf a.gguf --output text.txt", 2, "text.txt is a file - name a folder for the output"),
        ("report made --output text.txt", 2, "text.txt is a file - name a folder for the output"),
        ("report none", 3, "there is no folder none - name a folder that a run has written"),
        ("quantize pytorch_model.bin --type F16 --output o.gguf", 2, "neither .gguf nor .onnx - convert it first"),
        ("import nanodett graph=a.onnx --output o", 2, "there is no importer 'nanodett' - choose one of blazeface, "),
        ("import nanodet graph=a.onnx --output o", 2, "does not read these files - give graph=FILE weights=FILE"),
        ("import nanodet graph=a.onnx weights=none --output o", 3, "there is no file none - name one that is there"),
        (
            "import nanodet graph=a.onnx weights=a.gguf --output weights/x",
            3,
            "a.onnx is not a TensorFlow.js graph model",
        ),
        (
            "import nanodet graph=a.onnx weights=a.gguf --output text.txt",
            2,
            "text.txt is there already - name a folder",
        ),
        ("quantize nanodet --type fp16 --output o.onnx", 2, "models of the catalog are quantized by a recipe"),
    ],
)
def test_it_is_refused_before_work_begins(line: str, status: int, said: str, capsys: Capture, tmp_path: Path) -> None:
    before = sorted(tmp_path.rglob("*"))
    assert main(line.split()) == status
    told = capsys.readouterr()
    assert said in told.err
    assert told.err.startswith("error: ")
    assert told.err.count("\n") == 1
    assert sorted(tmp_path.rglob("*")) == before
