"""What can be decided at all, and by how much data."""

from __future__ import annotations

import pytest
from helpers.looks import hits
from helpers.scripted_metric import Scripted

from edge_assistant_quantize.acceptance import accept, gate
from edge_assistant_quantize.acceptance.criteria import from_words
from edge_assistant_quantize.acceptance.intervals import spent
from edge_assistant_quantize.errors import CalibrationInvalid, RecipeInvalid
from edge_assistant_quantize.metrics import metric as metrics


def criterion(words):
    return from_words(words)[1]


@pytest.mark.parametrize(("look", "least"), [(1, 120), (2, 161), (10, 266)])
def test_a_rare_large_loss_has_to_be_seen_with_the_confidence_of_the_look(look, least):
    """In 3 % of the items, as of chunks that are 3 nats worse: in none of so many with what the look may spend."""
    assert 0.97**least <= spent(look)
    assert not gate._too_few(hits("log-perplexity", 0.5, least), look)
    assert "decide at look" in gate._too_few(hits("cosine", 0.5, least - 1), look)


def test_items_are_counted_once_for_all_criteria_over_them(monkeypatch):
    script = Scripted({})
    monkeypatch.setattr(metrics, "all_metrics", lambda: {"scripted": script.metric})
    accept.check_data(
        [criterion("wrong at_most=0.9"), criterion("right at_least=0.1")], "speech", {}, {"wrong": {}, "right": {}}
    )
    assert script.counted == 1


def test_texts_of_a_voice_are_counted_before_it_speaks(tmp_path):
    (tmp_path / "texts.txt").write_text("".join(f"text {number}\n" for number in range(119)))
    asked, data = [criterion("heard within_interval")], {"heard": {"path": str(tmp_path / "texts.txt")}}
    with pytest.raises(CalibrationInvalid, match="119 independent items cannot show 'heard at most"):
        accept.check_data(asked, "voice", {}, data)
    (tmp_path / "texts.txt").write_text("".join(f"text {number}\n" for number in range(120)))
    accept.check_data(asked, "voice", {}, data)


@pytest.mark.parametrize(("asked", "apart"), [("presence", "precision"), ("presence_all", "presence")])
def test_what_keeps_a_result_honest_is_measured_on_the_same_data(asked, apart, tmp_path):
    """Else a detector that sees everything everywhere had its precision where everything is."""
    data = {asked: {"path": str(tmp_path)}, apart: {"path": str(tmp_path / "everything")}}
    with pytest.raises(RecipeInvalid, match=f"'{apart}' is asked on other data"):
        accept.check_data([criterion(f"{asked} within_interval")], "detector", {}, data)
