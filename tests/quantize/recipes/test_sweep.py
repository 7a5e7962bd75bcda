"""A sweep: what it measures and says, and that it goes on where it was, also after a kill -9."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from helpers import forked, tiny_llama

from edge_assistant.core.errors import InputMissing, StorageFull
from edge_assistant_quantize import record, room
from edge_assistant_quantize.cli.main import main
from edge_assistant_quantize.errors import CalibrationInvalid, UsageError
from edge_assistant_quantize.gguf.speed import SpeedFigures
from edge_assistant_quantize.recipes import sweep

TYPES = ("Q8_0", "Q2_K")
SPEED = {"prefill_tokens_per_s": 100.0, "decode_tokens_per_s": 10.0, "load_s": 1.0}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("sweeps")
    tiny_llama.write(made / "tiny.gguf")
    (made / "text.txt").write_text(tiny_llama.prose(60))
    (made / "calibration.txt").write_text(tiny_llama.prose(25))
    return made


def ran(folder, output, **given):
    """The record and the work that was done."""
    start = {"model": folder / "tiny.gguf", "types": TYPES, "text": folder / "text.txt", "folder": output}
    steps = []
    found = sweep.run(sweep.Sweep(**{**start, "context": 64, "chunks": 3, **given}), steps.append)
    return found, list(dict.fromkeys(step.what for step in steps))


def test_a_sweep_that_was_killed_goes_on_and_measures_all(folder, tmp_path, capsys):
    output = tmp_path / "done"
    words = ["sweep", folder / "tiny.gguf", "--text", folder / "text.txt", "--output", output, "--threads", "1"]
    words = [str(word) for word in [*words, "--context", "64", "--chunks", "3", "--types"]]
    command = [sys.executable, "-m", "edge_assistant_quantize.cli.main", *words, "q8_0,q2_k"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        while "speed of tiny-Q2_K" not in process.stderr.readline():
            assert process.poll() is None
        process.send_signal(signal.SIGKILL)
        process.stderr.read()
    assert not (output / record.FILE).exists()
    made = {path: path.stat().st_mtime_ns for path in output.glob("*.gguf")}
    assert sorted(path.name for path in made) == ["tiny-Q2_K.gguf", "tiny-Q8_0.gguf"]
    assert main([*words, "q8_0,q2_k"]) == 0
    said = capsys.readouterr()
    again = {line.partition(":")[0] for line in said.err.splitlines()}
    assert again == {"sweep", "perplexity of tiny-Q2_K.gguf", "speed of tiny-Q2_K.gguf"}
    assert all(path.stat().st_mtime_ns == made[path] for path in made)
    assert "reference" in said.out
    found = record.read(output)
    assert [form.name for form in found.variants] == list(TYPES)
    reference, large, small = found.reference, *found.variants
    assert reference.bytes > large.bytes > small.bytes
    assert reference.metrics["kl-divergence"] == 0 < large.metrics["kl-divergence"] < small.metrics["kl-divergence"]
    assert large.metrics["token-agreement"] > small.metrics["token-agreement"]
    assert large.metrics["kl-divergence-median"] <= large.metrics["kl-divergence-p99"]
    assert reference.metrics["bits-per-weight"] == pytest.approx(16, abs=0.2)
    for form in (reference, large, small):
        assert SPEED.keys() <= form.speed.keys()
        assert form.metrics["perplexity"] > 1
    assert "ratio" in large.speed
    assert found.measures.keys() <= large.metrics.keys()
    assert found.inputs.keys() == {"model", "reference", "text"}
    assert {path.name for path in output.iterdir() if path.suffix != ".gguf"} == {
        *("record.json", "report.html", "states"),
    }
    assert main([*words, "Q2_K,Q8_0", "--json"]) == 0
    said = capsys.readouterr()
    assert {line.partition(":")[0] for line in said.err.splitlines()} == {"sweep"}
    variants = json.loads(said.out)["variants"]
    assert [variant["name"] for variant in variants] == ["Q2_K", "Q8_0"]
    assert variants[1]["metrics"] == large.metrics


@pytest.fixture
def quick(monkeypatch):
    """Speeds are measured elsewhere, and the processes that quantize are forked."""
    forked.use(monkeypatch, torch=False)
    monkeypatch.setattr(sweep.speed, "measure", lambda *given, **named: SpeedFigures(SPEED, 50.0))


def test_what_has_changed_is_done_again(folder, tmp_path, quick):
    first, steps = ran(folder, tmp_path)
    assert "quantizing to Q2_K" in steps
    (tmp_path / "tiny-Q2_K.gguf").write_bytes(b"damaged")
    again, steps = ran(folder, tmp_path)
    assert [step for step in steps if "quantizing" in step] == ["quantizing to Q2_K"]
    assert again.variants == first.variants
    fewer, steps = ran(folder, tmp_path, chunks=2)
    assert not [step for step in steps if "quantizing" in step]
    assert fewer.variants[0].metrics != first.variants[0].metrics
    assert fewer.variants[0].files == first.variants[0].files
    for state in (tmp_path / "states").rglob("*.json"):
        state.write_text("damaged")
    _, steps = ran(folder, tmp_path, chunks=2, types=("Q8_0",))
    assert "quantizing to Q8_0" in steps


def test_a_matrix_is_computed_once_and_types_of_few_bits_take_it(folder, tmp_path, quick):
    given = {"types": ("IQ2_XXS", "F32"), "chunks": 1}
    with pytest.raises(CalibrationInvalid, match="IQ2_XXS needs an importance matrix"):
        ran(folder, tmp_path, **given)
    assert not list(tmp_path.glob("*.gguf"))
    given |= {"overrides": {"attn_v": "Q8_0"}, "calibration": folder / "calibration.txt"}
    found, steps = ran(folder, tmp_path, **given)
    assert steps[0] == "importance matrix of tiny.gguf"
    assert "imatrix" in found.inputs
    assert ran(folder, tmp_path, **given)[1] == ["sweep"]


def test_another_reference_and_a_quantized_model(folder, tmp_path, quick):
    ran(folder, tmp_path, types=("Q8_0",), chunks=1)
    model = tmp_path / "tiny-Q8_0.gguf"
    given = {"model": model, "types": ("Q4_0",), "chunks": 1, "reference": folder / "tiny.gguf"}
    with pytest.raises(UsageError, match="quantized already"):
        ran(folder, tmp_path / "again", **given)
    found, _ = ran(folder, tmp_path / "again", allow_requantize=True, **given)
    assert found.variants[0].note == "from a model that was quantized already"
    assert found.reference.files["model"].name == "tiny.gguf"


def test_tensors_that_fall_back_are_noted(folder, tmp_path, quick, monkeypatch):
    monkeypatch.setattr(tiny_llama, "COLUMNS", 64)
    model = tiny_llama.write(tmp_path / "narrow.gguf")
    found, _ = ran(folder, tmp_path / "out", model=model, types=("Q5_K_M",), chunks=1)
    assert found.variants[0].note.startswith("14 tensors fell back, 12 to q5_1, 2 to q8_0")


@pytest.mark.parametrize(
    ("given", "error"),
    [
        ({"types": ()}, UsageError),
        ({"types": ("Q8_0", "Q8_0")}, UsageError),
        ({"types": ("Q9",)}, UsageError),
        ({"context": 2}, UsageError),
        ({"matrix": Path("a"), "calibration": Path("b")}, UsageError),
        ({"text": Path("none.txt")}, InputMissing),
        ({"model": Path("none.gguf")}, InputMissing),
    ],
)
def test_what_cannot_be_done_is_told_before(folder, tmp_path, given, error):
    with pytest.raises(error):
        ran(folder, tmp_path / "out", **given)


def test_an_output_that_cannot_be_written_is_named(folder, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageFull, match=r"^out cannot be written") as caught:
        ran(folder, tmp_path / "file" / "out")
    assert caught.value.hint == "name another folder"


def test_too_little_disk_and_another_sweep_are_told_before_the_first(folder, tmp_path, monkeypatch):
    def full(what, needed, folder):
        raise StorageFull(f"{what} needs {needed}", "free some")

    monkeypatch.setattr(room, "check_disk", full)
    with pytest.raises(StorageFull, match="the quantized models needs"):
        ran(folder, tmp_path)
    assert not list(tmp_path.glob("*.gguf"))
    with sweep.Workspace(tmp_path / "states").locked(""), pytest.raises(UsageError, match="another sweep runs"):
        ran(folder, tmp_path)
