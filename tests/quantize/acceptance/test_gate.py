"""What can be decided at all, and by how much data."""

from __future__ import annotations

import pytest
from helpers.looks import hits

from edge_assistant_quantize.acceptance import gate
from edge_assistant_quantize.acceptance.intervals import spent
from edge_assistant_quantize.errors import CalibrationInvalid
from edge_assistant_quantize.recipes.recipe import Measurement


@pytest.mark.parametrize(("look", "least"), [(1, 120), (2, 161), (10, 266)])
def test_a_rare_large_loss_has_to_be_seen_with_the_confidence_of_the_look(look, least):
    """In 3 % of the items, as of chunks that are 3 nats worse: in none of so many with what the look may spend."""
    assert 0.97**least <= spent(look)
    assert not gate._too_few(hits("log-perplexity", 0.5, least), look)
    assert "decide at look" in gate._too_few(hits("cosine", 0.5, least - 1), look)


@pytest.mark.parametrize(
    ("words", "least"),
    [
        ("wer at_most=0.9", 120),
        ("presence within_interval", 115),  # 0.97 ** 115 is what a first look may spend
        ("top1 at_least=0.93", 49),
        ("heard within_interval", 120),
    ],
)
def test_results_over_too_few_items_decide_nothing(words, least):
    asked, metric = [Measurement.of(words).criterion], words.split()[0]
    what = f"^{least - 1} independent items cannot show '{metric} .*, which takes at least {least} - "
    with pytest.raises(CalibrationInvalid, match=what):
        gate.check_count(asked, gate.counted({metric: hits(metric, 0.5, least - 1)}))
    gate.check_count(asked, gate.counted({metric: hits(metric, 0.5, least)}))
    gate.check_count(asked, {})
