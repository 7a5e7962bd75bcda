"""What every metric keeps to, and how one is found."""

from __future__ import annotations

from importlib import resources

import msgspec
import pytest

from edge_assistant_models.entries import ROLES
from edge_assistant_quantize.errors import CalibrationInvalid, UsageError
from edge_assistant_quantize.metrics import metric as metrics
from edge_assistant_quantize.metrics.metric import all_metrics, measured, metric


def test_contract() -> None:
    found = all_metrics().values()
    given = [name for each in found for name in each.gives]
    assert len(given) == len(set(given)) >= len(found)
    for each in found:
        assert each.gives
        assert each.roles <= set(ROLES)
        assert each.description
        assert "\n" not in each.description
    assert metric("presence") is metric("objects") is metric("precision")
    with pytest.raises(UsageError, match="no metric 'beauty'"):
        metric("beauty")


@pytest.mark.parametrize(("key", "wrong"), [("beside", "besides"), ("relative", "relativ"), ("each", "of")])
def test_a_key_that_no_metric_or_standard_has_is_refused(key, wrong, tmp_path, monkeypatch) -> None:
    """Or a slip of the pen would take what has to hold beside a result, or that a model agrees with itself."""
    text = (resources.files(metrics.__package__) / "metrics.toml").read_text("utf-8")
    (tmp_path / "metrics.toml").write_text(text.replace(f"{key} =", f"{wrong} =", 1))
    monkeypatch.setattr(resources, "files", lambda package: tmp_path)
    with pytest.raises(msgspec.ValidationError, match=f"unknown field `{wrong}`"):
        all_metrics.__wrapped__()


def test_the_value_is_of_sums() -> None:
    found = measured("wer", {"a": (1, 2), "b": (0, 8)}, lower_is_better=True)
    assert found.value == pytest.approx(0.1)
    assert (found.items, found.parts, found.wholes) == (("a", "b"), (1, 0), (2, 8))
    for counted in ({}, {"a": (0, 0)}):
        with pytest.raises(CalibrationInvalid, match="nothing that wer could be measured on"):
            measured("wer", counted)
