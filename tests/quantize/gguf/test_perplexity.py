"""Perplexity and divergence: the figures of llama.cpp's own tool on the same text, and what cannot be measured."""

import re
import subprocess

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
from edge_assistant_quantize.progress import ignore

CONTEXT, CHUNKS = 128, 4
GIVEN = {"context": CONTEXT, "chunks": CHUNKS, "threads": 1, "watch": ignore}


def measure(model, text, reference=None, **options):
    given = {**GIVEN, **options}
    beside = perplexity.predictions(reference, text, **given) if reference else None
    return perplexity.measure(model, text, reference=beside, **given)


@pytest.fixture(scope="module")
def text(tmp_path_factory):
    path = tmp_path_factory.mktemp("text") / "prose.txt"
    path.write_text(tiny_llama.prose(700))
    return path


@pytest.fixture(scope="module")
def tiny(small):
    return small / "tiny.gguf"


@pytest.fixture(scope="module")
def short(small):
    return small / "prose.txt"


@pytest.fixture(scope="module")
def smaller(tiny, tmp_path_factory):
    path = tmp_path_factory.mktemp("smaller") / "tiny-q4.gguf"
    quantize.quantize(tiny, path, "Q4_K_M", threads=1, watch=ignore)
    return path


# llama-perplexity of the llama.cpp in llama-cpp-python 0.3.36 said, over the text of `text` and `short`:
#   llama-perplexity -m SmolLM2-135M-Instruct.Q4_1.gguf -f prose.txt -c 128 --chunks 4
#   llama-perplexity -m tiny.gguf -f short.txt -c 128 --chunks 4 --kl-divergence-base base.bin
#   llama-perplexity -m tiny-q4.gguf -f short.txt -c 128 --chunks 4 --kl-divergence --kl-divergence-base base.bin
SMOL, SMOL_ERROR = 339.5367, 56.82328
TINY, TINY_ERROR = 959.3228, 92.91179
QUANTIZED, DIVERGENCE, DIVERGENCE_ERROR, SAME_TOP = 982.758538, 0.221350, 0.007180, 0.46032
MEDIAN, P99 = 0.196150, 0.633084


def uncertainty(found):
    return found.perplexity * perplexity.standard_error(found.loss)


def test_a_real_model_has_the_perplexity_that_llama_perplexity_says(models, text):
    found = measure(models("language").files["model"], text)
    assert (found.perplexity, uncertainty(found)) == pytest.approx((SMOL, SMOL_ERROR), rel=1e-3)
    assert found.loss.shape == (CHUNKS, CONTEXT // 2 - 1)
    assert not found.divergence.any()
    assert len(set(found.sums)) == CHUNKS


def test_divergence_is_what_llama_perplexity_says(tiny, smaller, short):
    """Of a model whose texts begin with a token, which has it in each chunk."""
    found = measure(tiny, short)
    assert (found.perplexity, uncertainty(found)) == pytest.approx((TINY, TINY_ERROR), rel=1e-3)
    found = measure(smaller, short, reference=tiny)
    tokens = found.divergence
    figures = (found.perplexity, tokens.mean(), perplexity.standard_error(tokens))
    assert figures == pytest.approx((QUANTIZED, DIVERGENCE, DIVERGENCE_ERROR), rel=1e-3)
    assert (np.median(tokens), np.quantile(tokens, 0.99)) == pytest.approx((MEDIAN, P99), rel=1e-3)
    assert found.agreeing.mean() == pytest.approx(SAME_TOP, abs=1e-4)
    itself = measure(tiny, short, reference=tiny, chunks=2)
    assert abs(itself.divergence.mean()) < 1e-4
    assert itself.agreeing.all()


def test_a_reference_is_compared_over_the_same_tokens_or_not_at_all(tiny, short):
    """A model of another tokenizer may have as many tokens."""
    rows = list(perplexity.predictions(tiny, short, **GIVEN))
    assert not perplexity.measure(tiny, short, reference=rows, **GIVEN).divergence.mean() > 1e-4
    for others in (rows[::-1], rows[:-1], []):
        with pytest.raises(UsageError, match="the reference splits the text into other tokens than the model"):
            perplexity.measure(tiny, short, reference=others, **GIVEN)


def test_what_cannot_be_measured_is_told(tiny, short, text, models, tmp_path):
    contents = ((b"too short", "at least 256"), (b"", "at least 256"), (b"\xff\xfe" * 400, "UTF-8"))
    for content, said in contents:
        (tmp_path / "text.txt").write_bytes(content)
        with pytest.raises(CalibrationInvalid, match=said):
            measure(tiny, tmp_path / "text.txt")
    spoilt = tiny_llama.write(tmp_path / "nan.gguf", spoilt="output_norm.weight")
    for model, path, error, options in (
        (tiny, tmp_path / "none.txt", InputMissing, {}),
        (short, short, ModelCorrupt, {}),
        (tiny, short, ModelCorrupt, {"reference": tmp_path / "none.gguf"}),
        (tiny, short, UsageError, {"context": 4}),
        (models("language").files["model"], text, UsageError, {"reference": tiny}),  # of another vocabulary
        (spoilt, short, WeightsRefused, {}),
    ):
        with pytest.raises(error):
            measure(model, path, **options)


def test_it_can_be_stopped(tiny, short):
    halt, steps = Halt(), []

    def watch(step):
        steps.append(step)
        if step.done == 1:
            halt.ask()

    with pytest.raises(Stopped):
        measure(tiny, short, halt=halt, watch=watch)
    assert steps[-1].done == 1


@given(
    arrays.arrays(np.float32, st.tuples(st.integers(1, 40), st.integers(2, 30)), elements=st.floats(-60, 60, width=32))
)
def test_log_probabilities_are_those_of_more_digits(found):
    exact = found - np.logaddexp.reduce(found.astype(np.float64), axis=1)[:, None]
    assert np.abs(perplexity.log_probabilities(found) - exact).max() < 2e-5


@pytest.mark.bench
def test_llama_perplexity_built_anew_agrees(llama_tools, models, text):
    model = models("language").files["model"]
    command = [llama_tools / "llama-perplexity", "-m", model, "-f", text, "-c", str(CONTEXT), "--chunks", str(CHUNKS)]
    ran = subprocess.run(command, capture_output=True, text=True, check=True)
    said = re.search(r"PPL = ([\d.]+) \+/- ([\d.]+)", ran.stdout + ran.stderr)
    found = measure(model, text)
    assert (found.perplexity, uncertainty(found)) == pytest.approx((float(said[1]), float(said[2])), rel=1e-3)
