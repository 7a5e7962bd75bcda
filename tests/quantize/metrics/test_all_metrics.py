"""What every metric keeps to, and how one is found."""

from __future__ import annotations

import pytest

from edge_assistant_models.entries import ROLES
from edge_assistant_quantize.errors import CalibrationInvalid, UsageError
from edge_assistant_quantize.metrics.metric import Metric, all_metrics, compared, measured, metric


@pytest.mark.parametrize("found", all_metrics().values(), ids=lambda found: found.name)
def test_contract(found: Metric) -> None:
    assert found.gives
    assert found.roles <= set(ROLES)
    assert found.description
    assert "\n" not in found.description
    assert isinstance(found.relative, bool)


def test_no_result_is_given_twice() -> None:
    given = [name for found in all_metrics().values() for name in found.gives]
    assert len(given) == len(set(given))


def test_a_metric_is_found_by_what_it_gives() -> None:
    assert metric("presence") is metric("objects") is metric("precision")


def test_there_is_none() -> None:
    with pytest.raises(UsageError, match="no metric 'beauty'"):
        metric("beauty")


def test_the_value_is_of_sums() -> None:
    found = measured("wer", {"a": (1, 2), "b": (0, 8)}, lower_is_better=True)
    assert found.value == pytest.approx(0.1)
    assert (found.items, found.parts, found.wholes) == (("a", "b"), (1, 0), (2, 8))


@pytest.mark.parametrize("counted", [{}, {"a": (0, 0)}])
def test_nothing_to_measure(counted: dict[str, tuple[float, float]]) -> None:
    with pytest.raises(CalibrationInvalid, match="nothing that wer could be measured on"):
        measured("wer", counted)


def test_a_relative_metric_needs_its_reference() -> None:
    with pytest.raises(UsageError, match="cosine compares with a reference"):
        compared("cosine", None)
