"""The metrics of language models over a text, as recipes and `accept` use them."""

from collections.abc import Callable

import pytest
from helpers import tiny_llama

from edge_assistant.compute.runtime import Runtime
from edge_assistant.core.errors import InputMissing
from edge_assistant_models.model import InstalledModel
from edge_assistant_quantize.acceptance import intervals
from edge_assistant_quantize.errors import CalibrationInvalid, UsageError
from edge_assistant_quantize.gguf import quantize
from edge_assistant_quantize.metrics.metric import MetricRun, metric
from edge_assistant_quantize.progress import ignore
from edge_assistant_quantize.record import Measured

Measure = Callable[..., tuple[Measured, ...]]


@pytest.fixture(scope="module")
def forms(tmp_path_factory) -> tuple[InstalledModel, InstalledModel]:
    folder = tmp_path_factory.mktemp("forms")
    tiny_llama.write(folder / "tiny.gguf")
    quantize.quantize(folder / "tiny.gguf", folder / "small.gguf", "Q4_0", threads=1, watch=ignore)
    (folder / "text.txt").write_text(tiny_llama.prose(60))
    tiny, small = (InstalledModel(name, "", {"model": folder / f"{name}.gguf"}) for name in ("tiny", "small"))
    return tiny, small


def measure(name: str, model: InstalledModel, reference: InstalledModel | None, **data: object) -> tuple[Measured, ...]:
    text = model.files["model"].with_name("text.txt")
    given = {"path": str(text), "chunks": 4, "context": 64, **data}
    return tuple(metric(name).measure(MetricRun(model, reference, given, Runtime(1), ignore)))


def test_log_perplexity_is_paired_by_chunk(forms):
    tiny, small = forms
    (of_tiny,), (of_small,) = (measure("perplexity", form, None) for form in (tiny, small))
    assert of_tiny.items == of_small.items == ("chunk 1", "chunk 2", "chunk 3", "chunk 4")
    assert of_tiny.wholes == (31.0,) * 4
    assert of_tiny.details["perplexity"] == pytest.approx(2.718281828**of_tiny.value)
    assert intervals.interval(of_small, of_tiny).difference == pytest.approx(of_small.value - of_tiny.value)


def test_divergence_and_agreement_are_of_the_reference(forms):
    tiny, small = forms
    kl, agreement = measure("kl-divergence", small, tiny)
    assert metric("token-agreement").relative
    assert (kl.metric, kl.lower_is_better, kl.unit) == ("kl-divergence", True, "nats")
    assert (agreement.metric, agreement.lower_is_better) == ("token-agreement", False)
    assert kl.value > 0.01
    assert 0 < agreement.value < 1
    itself, same = measure("divergence", tiny, tiny)
    assert abs(itself.value) < 1e-4
    assert same.value == 1
    with pytest.raises(UsageError, match="--reference"):
        measure("divergence", tiny, None)


@pytest.mark.parametrize(
    ("data", "error", "said"),
    [
        ({"context": 2048}, CalibrationInvalid, "at least"),
        ({"chunks": "many"}, CalibrationInvalid, "chunks"),
        ({"path": "none.txt"}, InputMissing, None),
        ({"path": "tiny.gguf"}, CalibrationInvalid, "UTF-8"),
        ({"path": "."}, InputMissing, None),
    ],
)
def test_data_of_the_wrong_kind_is_told(forms, monkeypatch, data, error, said):
    tiny, _ = forms
    monkeypatch.chdir(tiny.files["model"].parent)
    with pytest.raises(error, match=said):
        measure("perplexity", tiny, None, **data)
