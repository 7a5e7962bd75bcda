"""A sweep: what it measures and says, and that it goes on where it was, also after a kill -9."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from helpers import tiny_llama

from edge_assistant.core.errors import InputMissing, StorageFull
from edge_assistant_quantize import record, room
from edge_assistant_quantize.cli import main
from edge_assistant_quantize.errors import CalibrationInvalid, UsageError
from edge_assistant_quantize.gguf.speed import Figures
from edge_assistant_quantize.progress import Step
from edge_assistant_quantize.recipes import sweep

TYPES = ("Q8_0", "Q2_K")
SPEED = {"prefill_tokens_per_s": 100.0, "decode_tokens_per_s": 10.0, "load_s": 1.0}


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    made = tmp_path_factory.mktemp("sweeps")
    tiny_llama.write(made / "tiny.gguf")
    (made / "text.txt").write_text(tiny_llama.prose(60))
    (made / "calibration.txt").write_text(tiny_llama.prose(25))
    return made


def asked(folder: Path, output: Path, **given) -> sweep.Sweep:
    start = {"model": folder / "tiny.gguf", "types": TYPES, "text": folder / "text.txt", "folder": output}
    return sweep.Sweep(**{**start, "context": 64, "chunks": 3, **given})


def ran(asked: sweep.Sweep) -> tuple[record.Record, list[str]]:
    steps: list[Step] = []
    found = sweep.run(asked, steps.append)
    return found, list(dict.fromkeys(step.what for step in steps))


@pytest.fixture(scope="module")
def done(folder) -> tuple[Path, record.Record]:
    """A sweep that was killed while the second type was measured, and run again."""
    output = folder / "done"
    command = [sys.executable, "-m", "edge_assistant_quantize.cli.main", "sweep", folder / "tiny.gguf"]
    command += ["--types", "q8_0,q2_k", "--text", folder / "text.txt", "--output", output, "--threads", "1"]
    command += ["--context", "64", "--chunks", "3"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        while "speed of tiny-Q2_K" not in process.stderr.readline():
            assert process.poll() is None
        process.send_signal(signal.SIGKILL)
        process.stderr.read()
    assert not (output / record.FILE).exists()
    assert sorted(path.name for path in output.glob("*.gguf")) == ["tiny-Q2_K.gguf", "tiny-Q8_0.gguf"]
    made = {path: path.stat().st_mtime_ns for path in output.iterdir()}
    again = subprocess.run(command, capture_output=True, text=True, check=True)
    assert {line.partition(":")[0] for line in again.stderr.splitlines()} == {
        *("sweep", "perplexity of tiny-Q2_K.gguf", "speed of tiny-Q2_K.gguf"),
    }
    assert all(path.stat().st_mtime_ns == made[path] for path in output.glob("*.gguf"))
    assert "reference" in again.stdout
    assert "Q2_K" in again.stdout
    return output, record.read(output)


def test_a_sweep_that_was_killed_goes_on_and_measures_all(done, folder):
    output, found = done
    assert [form.name for form in found.variants] == list(TYPES)
    reference, large, small = found.reference, *found.variants
    assert reference.bytes > large.bytes > small.bytes
    assert reference.metrics["kl-divergence"] == 0 < large.metrics["kl-divergence"] < small.metrics["kl-divergence"]
    assert large.metrics["token-agreement"] > small.metrics["token-agreement"]
    assert large.metrics["kl-divergence-median"] <= large.metrics["kl-divergence-p99"]
    assert reference.metrics["bits-per-weight"] == pytest.approx(16, abs=0.2)
    for form in (reference, large, small):
        assert {"prefill_tokens_per_s", "decode_tokens_per_s", "load_s"} <= form.speed.keys()
        assert form.metrics["perplexity"] > 1
    assert "ratio" in large.speed
    assert found.measures.keys() <= large.metrics.keys()
    assert found.inputs.keys() == {"model", "reference", "text"}
    assert "edge-quantize sweep" in found.commands[0] or "sweep" in found.commands[0]
    assert (output / "report.md").exists()
    assert not (output / "predictions").exists()
    assert [path.name for path in output.glob(".*")] == []


def test_what_is_finished_is_not_done_again(done, folder, capsys):
    output, found = done
    arguments = ["sweep", folder / "tiny.gguf", "--types", "Q2_K,Q8_0", "--text", folder / "text.txt", "--json"]
    arguments += ["--output", output, "--threads", "1", "--context", "64", "--chunks", "3"]
    assert main.main([str(word) for word in arguments]) == 0
    said = capsys.readouterr()
    assert {line.partition(":")[0] for line in said.err.splitlines()} == {"sweep"}
    variants = json.loads(said.out)["variants"]
    assert [variant["name"] for variant in variants] == ["Q2_K", "Q8_0"]
    assert variants[1]["metrics"] == found.variants[0].metrics


@pytest.fixture
def quick(monkeypatch) -> None:
    """Speeds are measured elsewhere."""
    monkeypatch.setattr(sweep.speed, "measure", lambda *given, **named: Figures(SPEED, 50.0))


def test_what_has_changed_is_done_again(folder, tmp_path, quick):
    first, steps = ran(asked(folder, tmp_path))
    assert "quantizing to Q2_K" in steps
    (tmp_path / "tiny-Q2_K.gguf").write_bytes(b"damaged")
    again, steps = ran(asked(folder, tmp_path))
    assert [step for step in steps if "quantizing" in step] == ["quantizing to Q2_K"]
    assert again.variants == first.variants
    fewer, steps = ran(asked(folder, tmp_path, chunks=2))
    assert not [step for step in steps if "quantizing" in step]
    assert fewer.variants[0].metrics != first.variants[0].metrics
    assert fewer.variants[0].files == first.variants[0].files
    for state in (tmp_path / "states").rglob("*.json"):
        state.write_text("damaged")
    _, steps = ran(asked(folder, tmp_path, chunks=2, types=("Q8_0",)))
    assert "quantizing to Q8_0" in steps


def test_a_matrix_is_computed_once_and_types_of_few_bits_take_it(folder, tmp_path, quick):
    given = {"calibration": folder / "calibration.txt", "types": ("IQ2_XXS", "F32"), "chunks": 1}
    with pytest.raises(CalibrationInvalid, match="IQ2_XXS needs an importance matrix"):
        ran(asked(folder, tmp_path, **{**given, "calibration": None}))
    assert not list(tmp_path.glob("*.gguf"))
    found, steps = ran(asked(folder, tmp_path, overrides={"attn_v": "Q8_0"}, **given))
    assert steps[0] == "importance matrix of tiny.gguf"
    assert "imatrix" in found.inputs
    _, steps = ran(asked(folder, tmp_path, overrides={"attn_v": "Q8_0"}, **given))
    assert steps == ["sweep"]


def test_another_reference_and_a_quantized_model(folder, tmp_path, quick):
    ran(asked(folder, tmp_path, types=("Q8_0",), chunks=1))
    model = tmp_path / "tiny-Q8_0.gguf"
    given = {"model": model, "types": ("Q4_0",), "chunks": 1, "reference": folder / "tiny.gguf"}
    with pytest.raises(UsageError, match="quantized already"):
        ran(asked(folder, tmp_path / "again", **given))
    found, _ = ran(asked(folder, tmp_path / "again", allow_requantize=True, **given))
    assert found.variants[0].note == "from a model that was quantized already"
    assert found.reference.files["model"].name == "tiny.gguf"


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
        ran(asked(folder, tmp_path / "out", **given))


def test_too_little_disk_for_all_is_told_before_the_first(folder, tmp_path, monkeypatch):
    def full(what: str, needed: int, folder: Path) -> None:
        raise StorageFull(f"{what} needs {needed}", "free some")

    monkeypatch.setattr(room, "check_disk", full)
    with pytest.raises(StorageFull, match="the quantized models needs"):
        ran(asked(folder, tmp_path))
    assert not list(tmp_path.glob("*.gguf"))


def test_two_sweeps_do_not_share_a_folder(folder, tmp_path, quick):
    def again(step: Step) -> None:
        with pytest.raises(UsageError, match="another sweep runs"):
            sweep.run(asked(folder, tmp_path), lambda step: None)

    sweep.run(asked(folder, tmp_path, types=("Q8_0",), chunks=1), again)
