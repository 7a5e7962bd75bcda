"""Perplexity and divergence: the figures of llama.cpp's own tool on the same text, and what cannot be measured."""

import math
import re
import subprocess
from pathlib import Path

import numpy as np
import pytest
from helpers import tiny_llama
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from edge_assistant.compute.runtime import Halt
from edge_assistant.core.errors import InputMissing, ModelCorrupt, Stopped
from edge_assistant_quantize.errors import CalibrationInvalid, UsageError, WeightsRefused
from edge_assistant_quantize.gguf import perplexity, quantize
from edge_assistant_quantize.progress import Step, ignore

CONTEXT, CHUNKS = 128, 4


def measure(model: Path, text: Path, **options) -> perplexity.TextQuality:
    return perplexity.measure(
        model, text, **{"context": CONTEXT, "chunks": CHUNKS, "threads": 1, "watch": ignore, **options}
    )


@pytest.fixture(scope="module")
def text(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("text") / "prose.txt"
    path.write_text(tiny_llama.prose(700))
    return path


@pytest.fixture(scope="module")
def tiny(tmp_path_factory) -> Path:
    return tiny_llama.write(tmp_path_factory.mktemp("tiny") / "tiny.gguf")


@pytest.fixture(scope="module")
def smaller(tiny) -> Path:
    path = tiny.with_name("tiny-q4.gguf")
    quantize.quantize(tiny, path, "Q4_K_M", threads=1, watch=ignore)
    return path


# llama-perplexity of the llama.cpp in llama-cpp-python 0.3.36 said, over the text of `text` and the shorter one below:
#   llama-perplexity -m SmolLM2-135M-Instruct.Q4_1.gguf -f prose.txt -c 128 --chunks 4
#   llama-perplexity -m tiny.gguf -f short.txt -c 128 --chunks 4 --kl-divergence-base base.bin
#   llama-perplexity -m tiny-q4.gguf -f short.txt -c 128 --chunks 4 --kl-divergence --kl-divergence-base base.bin
SMOL, SMOL_ERROR = 339.5367, 56.82328
TINY, TINY_ERROR = 959.3228, 92.91179
QUANTIZED, DIVERGENCE, DIVERGENCE_ERROR, MEDIAN, P99, LARGEST = (
    982.758538,
    0.221350,
    0.007180,
    0.196150,
    0.633084,
    0.851160,
)
SAME_TOP = 0.46032


@pytest.fixture(scope="module")
def short(text) -> Path:
    path = text.with_name("short.txt")
    path.write_text(tiny_llama.prose(120))
    return path


def test_a_real_model_has_the_perplexity_that_llama_perplexity_says(models, text):
    found = measure(models("language").files["model"], text)
    assert found.perplexity == pytest.approx(SMOL, rel=1e-3)
    assert found.uncertainty == pytest.approx(SMOL_ERROR, rel=1e-3)
    assert found.divergence is None
    assert [chunk.tokens for chunk in found.chunks] == [CONTEXT // 2 - 1] * CHUNKS
    assert math.exp(sum(chunk.loss for chunk in found.chunks) / found.tokens) == pytest.approx(found.perplexity)


def test_a_model_whose_texts_begin_with_a_token_has_it_in_each_chunk(tiny, short):
    found = measure(tiny, short)
    assert (found.perplexity, found.uncertainty) == pytest.approx((TINY, TINY_ERROR), rel=1e-3)


def test_divergence_is_what_llama_perplexity_says(tiny, smaller, short):
    found = measure(smaller, short, reference=tiny)
    assert found.perplexity == pytest.approx(QUANTIZED, rel=1e-3)
    divergence = found.divergence
    assert divergence is not None
    assert divergence.mean == pytest.approx(DIVERGENCE, rel=1e-3)
    assert divergence.uncertainty == pytest.approx(DIVERGENCE_ERROR, rel=1e-3)
    assert (divergence.median, divergence.p99, divergence.largest) == pytest.approx((MEDIAN, P99, LARGEST), rel=1e-3)
    assert divergence.agreement == pytest.approx(SAME_TOP, abs=1e-4)
    assert divergence.reference_perplexity == pytest.approx(TINY, rel=1e-3)
    assert sum(chunk.divergence for chunk in found.chunks) / found.tokens == pytest.approx(divergence.mean)
    assert sum(chunk.agreeing for chunk in found.chunks) / found.tokens == divergence.agreement


def test_stored_predictions_give_the_same(tiny, smaller, short, tmp_path):
    stored = tmp_path / "predictions.npy"
    steps: list[Step] = []
    perplexity.store(tiny, short, stored, context=CONTEXT, chunks=CHUNKS, threads=1, watch=steps.append)
    assert (steps[0].done, steps[-1].done) == (0, CHUNKS)
    assert measure(smaller, short, predictions=stored) == measure(smaller, short, reference=tiny)
    other = tmp_path / "other.txt"
    other.write_text("Another " + short.read_text())
    for path, chunks in ((short, 2), (other, CHUNKS)):
        with pytest.raises(UsageError, match="no predictions of this text"):
            measure(smaller, path, predictions=stored, chunks=chunks)
    for content in (b"", b"\x93NUMPY\x01\x00", stored.read_bytes()[:-2]):
        stored.write_bytes(content)
        with pytest.raises(UsageError, match="no predictions of this text"):
            measure(smaller, short, predictions=stored)
    with pytest.raises(InputMissing):
        measure(smaller, short, predictions=tmp_path / "none.npy")


def test_a_model_does_not_diverge_from_itself(tiny, short):
    divergence = measure(tiny, short, reference=tiny, chunks=2).divergence
    assert divergence is not None
    assert abs(divergence.mean) < 1e-4
    assert divergence.agreement == 1


def test_a_reference_of_another_vocabulary_is_refused(tiny, text, models):
    with pytest.raises(UsageError, match="vocabulary"):
        measure(models("language").files["model"], text, reference=tiny)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"too short", "at least 256 are needed"),
        (b"", "at least 256 are needed"),
        (b"\xff\xfe" * 400, "UTF-8"),
        (b"a\0" * 400, "UTF-8"),
    ],
)
def test_a_text_that_cannot_be_measured_on_is_told(tiny, tmp_path, content, said):
    path = tmp_path / "text.txt"
    path.write_bytes(content)
    with pytest.raises(CalibrationInvalid, match=said):
        measure(tiny, path)


def test_what_is_not_there_or_no_model_is_told(tiny, short, tmp_path):
    with pytest.raises(InputMissing):
        measure(tiny, tmp_path / "none.txt")
    with pytest.raises(ModelCorrupt):
        measure(short, short)
    with pytest.raises(ModelCorrupt):
        measure(tiny, short, reference=tmp_path / "none.gguf")
    with pytest.raises(UsageError):
        measure(tiny, short, context=4)


def test_weights_that_make_no_numbers_are_told(short, tmp_path):
    model = tiny_llama.write(tmp_path / "nan.gguf", spoilt="output_norm.weight")
    with pytest.raises(WeightsRefused, match="no number"):
        measure(model, short)


def test_it_can_be_stopped(tiny, short):
    halt = Halt()
    steps: list[Step] = []

    def watch(step: Step) -> None:
        steps.append(step)
        if step.done == 1:
            halt.ask()

    with pytest.raises(Stopped):
        measure(tiny, short, halt=halt, watch=watch)
    assert steps[-1].done == 1


@given(
    arrays.arrays(np.float32, st.tuples(st.integers(1, 40), st.integers(2, 30)), elements=st.floats(-60, 60, width=32))
)
def test_log_probabilities_are_stored_to_a_step_of_their_range(found):
    rows = perplexity.encode(found)
    exact = found - np.logaddexp.reduce(found.astype(np.float64), axis=1)[:, None]
    floor = np.maximum(found.min(axis=1), found.max(axis=1) - perplexity.RANGE) - found.max(axis=1) + exact.max(axis=1)
    assert np.abs(perplexity.decode(rows) - np.maximum(exact, floor[:, None])).max() < 2e-4


@pytest.mark.bench
def test_llama_perplexity_built_anew_agrees(llama_tools, models, text, tmp_path):
    model = models("language").files["model"]
    command = [llama_tools / "llama-perplexity", "-m", model, "-f", text, "-c", str(CONTEXT), "--chunks", str(CHUNKS)]
    ran = subprocess.run(command, capture_output=True, text=True, check=True)
    said = re.search(r"PPL = ([\d.]+) \+/- ([\d.]+)", ran.stdout + ran.stderr)
    assert said is not None
    found = measure(model, text)
    assert (found.perplexity, found.uncertainty) == pytest.approx((float(said[1]), float(said[2])), rel=1e-3)
