"""A look at data counts from its start, and what is bought with another result displaces nobody."""

from __future__ import annotations

import os
from dataclasses import replace

import pytest
from helpers.looks import hits

from edge_assistant.cli.main import main as assistant
from edge_assistant_quantize.acceptance import gate, looks
from edge_assistant_quantize.errors import UsageError
from edge_assistant_quantize.metrics.metric import standard
from edge_assistant_quantize.record import Bound, Criterion, Measured, ModelSums

OTHER = "cd" * 32


def test_killed_before_the_verdict_a_look_counts_all_the_same(home):
    sums = ModelSums("a", {"model": OTHER}, {}), ModelSums("b", {"model": "ef" * 32}, {})
    asked = [Criterion("presence", Bound.AT_MOST_WORSE, 0.05)]
    given = {"presence": hits("presence", 0.8)}, {"presence": hits("presence", 0.8)}, {"presence": OTHER}
    child = os.fork()
    if child == 0:
        gate.decide = lambda look: os._exit(9)
        looks.take(*sums, asked, *given)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9
    other = ModelSums("c", {"model": "01" * 32}, {})
    look, _ = looks.take(other, sums[1], asked, *given)
    assert look.numbers == {"presence": 2}
    look, _ = looks.take(sums[0], sums[1], asked, *given)
    assert look.numbers == {"presence": 1}  # the same again is no new look
    assert assistant(["audit", "verify"]) == 0


@pytest.mark.parametrize(
    ("asked", "beside", "kept", "lost"),
    [
        ("presence", "precision", 1.0, 0.5),
        ("presence_all", "precision", 1.0, 0.02),
        ("precision", "presence", 0.9, 0.4),
        ("slots", "wer", 0.0, 0.55),
        ("fields", "cer", 1.0, 0.2),
    ],
)
def test_what_is_bought_with_a_result_beside_it_displaces_nobody(asked, beside, kept, lost):
    """A detector that sees more of everything loses no object, and a transcript that babbles no number."""

    def results(share: float) -> dict[str, Measured]:
        given = {asked: kept, beside: share}
        return {n: replace(hits(n, s, 800), lower_is_better=n in {"wer", "cer", "slots"}) for n, s in given.items()}

    models = ModelSums("a", {"model": OTHER}, {}), ModelSums("b", {"model": "ef" * 32}, {})
    sound, criteria = (
        0.0 if beside in {"wer", "cer"} else 0.9,
        [Criterion(asked, Bound.AT_MOST_WORSE, standard(asked).margin)],
    )
    look, verdicts = looks.take(*models, criteria, results(sound), results(sound), {asked: OTHER})
    assert gate.in_task(look, verdicts)
    look, verdicts = looks.take(*models, criteria, results(lost), results(sound), {asked: OTHER})
    assert not gate.in_task(look, verdicts)


def test_a_criterion_on_data_that_does_not_give_its_result_is_said(home):
    """Pictures of pages have rows and no fields."""
    models, given = (ModelSums("a", {"model": OTHER}, {}), ModelSums("b", {}, {})), {"cer": hits("cer", 0.1)}
    with pytest.raises(UsageError, match="nothing was measured that says 'fields'"):
        looks.take(*models, [Criterion("fields", Bound.AT_MOST_WORSE, 0.05)], given, given, {"fields": OTHER})
