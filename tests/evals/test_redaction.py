"""The bench of redaction: its lines, its score, and what the rules reach on them."""

from __future__ import annotations

import argparse
import json

import pytest

from edge_assistant.governance.redaction.kinds import PiiKind
from evals import redaction
from evals.personal.lines import SETS, Line, Span, lines
from evals.personal.values import MAKERS


def test_lines_are_the_same_for_a_seed_and_their_spans_hold_values() -> None:
    assert lines(50, 1) == lines(50, 1)
    assert lines(50, 1) != lines(50, 2)
    for name in SETS:
        made = lines(300, 3, name)
        assert {line.source for line in made} == {"forms", "notes", "transcripts", "logs", "plain"}
        for line in made:
            assert bool(line.spans) == (line.source != "plain"), line.text
            assert all(line.text[span.start : span.end].strip() for span in line.spans)
            assert "{" not in line.text or "{" in line.text.replace("{time}", "")


def test_every_kind_is_in_the_lines() -> None:
    kinds = {kind for kind, _ in MAKERS.values()}
    assert kinds == set(PiiKind) - {PiiKind.FILE}
    for name in SETS:
        assert {span.kind for line in lines(1_000, 1, name) for span in line.spans} == kinds


def test_a_score_counts_values_that_are_found_whole() -> None:
    text = "call 07700 900123, SSN 078-05-1120, with ice, 4111 1111 1111 1111"
    spans = (Span("PHONE", 5, 17), Span("ID", 23, 34), Span("PERSON", 41, 44))
    found = redaction.score([Line(text, "notes", spans)])
    assert (found["PHONE"].recall, found["PHONE"].precision) == (1.0, 1.0)
    assert (found["PERSON"].there, found["PERSON"].recall) == (1, 0.0)
    assert (found["CARD"].there, found["CARD"].found, found["CARD"].precision) == (0, 1, 0.0)
    assert (found["structured"].there, found["structured"].found) == (2, 3)
    assert found["structured"].precision == pytest.approx(2 / 3)


@pytest.mark.parametrize("count", [1_000, pytest.param(2_000, marks=pytest.mark.bench)])
def test_what_is_asked_of_redaction_is_reached(count: int) -> None:
    found = redaction.score(lines(count, 5))["structured"]
    assert found.there > count / 2
    assert found.recall >= redaction.LEAST_RECALL
    assert found.precision >= redaction.LEAST_PRECISION


def test_the_lines_that_no_rule_was_made_by_are_not_far_from_it() -> None:
    scores = redaction.score(lines(500, 5, "held_out"))
    found, names = scores["structured"], scores[PiiKind.PERSON]
    assert found.recall >= 0.95
    assert found.precision >= redaction.LEAST_PRECISION
    assert min(names.recall, names.precision) >= 0.9


@pytest.mark.parametrize("as_json", [True, False])
def test_both_sets_are_printed(
    as_json: bool, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redaction, "LENGTHS", (1_000, 2_000))
    parser = argparse.ArgumentParser()
    redaction.configure(parser)
    options = ["--lines", "200", *(["--json"] if as_json else ["--missed"])]
    assert redaction.run(parser.parse_args(options)) == 0
    out = capsys.readouterr().out
    if as_json:
        found = json.loads(out)
        assert set(found["scores"]) == set(SETS)
        assert all(len(seconds) == 2 for seconds in found["seconds"].values())
        assert set(found["seconds"]) == set(redaction.HOSTILE)
    else:
        assert out.count("structured") == 2
        assert out.count("1,000 ") == len(redaction.HOSTILE)
