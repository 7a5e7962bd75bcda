"""A sweep: what it measures and says, and that it goes on where it was, also after a kill -9."""

import json
import os
import signal
import subprocess
import sys

import pytest
from helpers import forked, tiny_llama

from edge_assistant_quantize import record
from edge_assistant_quantize.cli.main import main, parser
from edge_assistant_quantize.cli.sweep import swept
from edge_assistant_quantize.errors import CalibrationInvalid, InputMissing, RecipeInvalid, StorageFull, UsageError
from edge_assistant_quantize.gguf import imatrix, speed
from edge_assistant_quantize.gguf.speed import SpeedFigures
from edge_assistant_quantize.progress import ignore
from edge_assistant_quantize.recipes import engine

SPEED = {"prefill_tokens_per_s": 100.0, "decode_tokens_per_s": 10.0, "load_s": 1.0}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("sweeps")
    tiny_llama.write(made / "tiny.gguf")
    (made / "text.txt").write_text(tiny_llama.prose(60))
    (made / "calibration.txt").write_text(tiny_llama.prose(25))
    return made


def ran(folder, output, types, *given, model="tiny.gguf", text="text.txt"):
    """The record and the work that was done."""
    steps = []
    words = ["sweep", folder / model, "--types", types, "--text", folder / text, "--output", output]
    words += ["--context", 64, "--chunks", 1, *given]
    asked = swept(parser().parse_args(list(map(str, words))))
    found = engine.run(asked, output, threads=1, watch=steps.append)
    return found, list(dict.fromkeys(step.what for step in steps))


def test_a_sweep_that_was_killed_goes_on_and_measures_all(folder, tmp_path, capsys):
    output = tmp_path / "done"
    words = ["sweep", folder / "tiny.gguf", "--text", folder / "text.txt", "--output", output, "--threads", "1"]
    words = [str(word) for word in [*words, "--context", "64", "--chunks", "3", "--types"]]
    command = [sys.executable, "-m", "edge_assistant_quantize.cli.main", *words, "q8_0,q2_k"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        while not process.stderr.readline().startswith("speed"):
            assert process.poll() is None
        process.send_signal(signal.SIGKILL)
        process.stderr.read()
    assert not (output / record.FILE).exists()
    made = {path: path.stat().st_mtime_ns for path in output.glob("variants/*/*.gguf")}
    assert sorted(path.parent.name for path in made) == ["q2_k", "q8_0"]
    assert main([*words, "q8_0,q2_k"]) == 0
    said = capsys.readouterr()
    again = {line.partition(":")[0] for line in said.err.splitlines()}
    assert again == {"sweep-tiny", "speed of tiny.gguf", "speed of model.gguf"}
    assert all(path.stat().st_mtime_ns == made[path] for path in made)
    assert "reference" in said.out
    found = record.read(output)
    assert [form.method for form in found.variants] == ["Q8_0", "Q2_K"]
    reference, large, small = found.reference, *found.variants
    assert reference.bytes > large.bytes > small.bytes
    assert abs(reference.metrics["kl-divergence"]) < 1e-6 < large.metrics["kl-divergence"]
    assert large.metrics["kl-divergence"] < small.metrics["kl-divergence"]
    assert large.metrics["token-agreement"] > small.metrics["token-agreement"]
    assert large.metrics["median"] <= large.metrics["p99"]
    assert reference.metrics["bits-per-weight"] == pytest.approx(16, abs=0.2)
    for form in (reference, large, small):
        assert SPEED.keys() <= form.speed.keys()
        assert form.metrics["model-perplexity"] > 1
    assert "ratio" in large.speed
    assert list(found.measures) == ["kl-divergence", "token-agreement"]
    assert found.inputs.keys() == {"source/model", "data/text"}
    assert main([*words, "Q8_0,Q2_K", "--json"]) == 0
    said = capsys.readouterr()
    assert {line.partition(":")[0] for line in said.err.splitlines()} == {"sweep-tiny"}
    variants = json.loads(said.out)["variants"]
    assert [variant["name"] for variant in variants] == ["q8_0", "q2_k"]
    assert variants[0]["metrics"] == large.metrics


@pytest.fixture
def quick(monkeypatch):
    """Speeds are measured elsewhere, and the processes that quantize are forked."""
    forked.use(monkeypatch, torch=False)
    monkeypatch.setattr(speed, "measure", lambda *given, **named: SpeedFigures(dict(SPEED), 50.0))


def test_the_recipe_of_a_model_whose_name_is_no_utf8_can_be_recorded():
    name = os.fsdecode(b"/tiny\xff.gguf")
    asked = swept(parser().parse_args(["sweep", name, "--text", "/text.txt", "--output", "/out"]))
    assert (asked.source.path, "tiny?.gguf" in asked.text) == (name, True)


def test_types_of_few_bits_take_a_matrix(folder, tmp_path, quick):
    with pytest.raises(CalibrationInvalid, match="IQ2_XXS needs an importance matrix"):
        ran(folder, tmp_path / "none", "IQ2_XXS")
    matrix = tmp_path / "matrix.gguf"
    imatrix.compute(folder / "tiny.gguf", folder / "calibration.txt", matrix, context=64, threads=1, watch=ignore)
    found, _ = ran(folder, tmp_path / "out", "IQ2_XXS,F32", "--imatrix", matrix)
    assert "source/imatrix" in found.inputs
    again, steps = ran(folder, tmp_path / "out", "IQ2_XXS,F32", "--imatrix", matrix)
    assert (again.variants, steps) == (found.variants, ["sweep-tiny"])


def test_a_quantized_model_is_taken_if_that_is_said(folder, tmp_path, quick):
    ran(folder, tmp_path, "Q8_0")
    model = tmp_path / "variants" / "q8_0" / "model.gguf"
    with pytest.raises(UsageError, match="quantized already"):
        ran(folder, tmp_path / "again", "Q4_0", model=model)
    found, _ = ran(folder, tmp_path / "again", "Q4_0", "--allow-requantize", model=model)
    assert found.variants[0].metrics["kl-divergence"] > 0


def test_tensors_that_fall_back_are_noted(folder, tmp_path, quick, monkeypatch):
    monkeypatch.setattr(tiny_llama, "COLUMNS", 64)
    tiny_llama.write(tmp_path / "narrow.gguf")
    found, _ = ran(folder, tmp_path / "out", "Q5_K_M", model=tmp_path / "narrow.gguf")
    assert found.variants[0].note.startswith("14 tensors fell back, 12 to q5_1, 2 to q8_0")


@pytest.mark.parametrize(
    ("types", "given", "error"),
    [
        (
            [
                "",
            ],
            {},
            RecipeInvalid,
        ),
        (["Q8_0,Q8_0"], {}, RecipeInvalid),
        (["Q9"], {}, UsageError),
        (["Q8_0", "--context", 2], {}, UsageError),
        (["Q8_0"], {"text": "none.txt"}, InputMissing),
        (["Q8_0"], {"model": "none.gguf"}, InputMissing),
    ],
)
def test_what_cannot_be_done_is_told_before(folder, tmp_path, types, given, error):
    with pytest.raises(error):
        ran(folder, tmp_path / "out", *types, **given)
    assert not list(tmp_path.rglob("*.gguf"))


def test_an_output_that_cannot_be_made_is_named(folder, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageFull, match=r"^out cannot be written \(Not a directory\)") as caught:
        ran(folder, tmp_path / "file" / "out", "Q8_0")
    assert "name another folder" in caught.value.hint
