"""What `bench speed` shows: tables and plots."""

from __future__ import annotations

import pytest
from PIL import Image

from edge_assistant.core.errors import StorageFull
from evals.speed import plots, report
from evals.speed.comparison import compare
from evals.speed.report import Report
from evals.speed.rows import How, Limit, Row

ROWS = [
    Row("page.time", "a page of 50 lines", "s", (0.9, 0.8), (1.2, 1.3), "RapidOCR", limit=Limit(0.6)),
    Row("page.characters", "wrong characters", "%", (0.1,), (0.6,), "RapidOCR", How.DIFFERENCE, Limit(0.0)),
    Row("question.memory", "the most memory", "MiB", (637.0,), (2326.0,), "the pipeline"),
    Row(
        "decode.quoting_same", "the same text", "%", (98.5,), how=How.VALUE, limit=Limit(98.0, most=False),
        smaller=False, details={"different": [{"question": "What?", "ours": "a", "theirs": "b"}]},
    ),
    Row(
        "live.first_word", "end of speech to the first word", "s", (1.1,), how=How.VALUE, limit=Limit(1.2),
        details={"waterfall": {"the pause": 0.8, "the answer": 0.3}},
    ),
    Row(
        "growth.pages", "1 to 10 pages: slope", "slope", (0.9,), how=How.VALUE, limit=Limit(1.1),
        details={"of": "pages", "grown": [{"size": 1, "seconds": 1.0, "peak_mib": 300.0},
                                          {"size": 10, "seconds": 8.0, "peak_mib": 320.0}]},
    ),
]  # fmt: skip


def lines(rows, **left_out) -> dict[str, str]:
    found = Report({}, {}, list(rows), {}, left_out)
    return {line.split("  ")[0]: line for line in report.measured_table(found)}


def test_the_table_has_medians_ratio_spread_and_whether_it_is_kept():
    found = lines(ROWS)
    told = "a page of 50 lines 0.850 s 1.25 s 0.683 x 0.615 .. 0.750 at most 0.6 NOT KEPT"
    assert " ".join(found["a page of 50 lines"].split()) == told
    assert found["wrong characters"].split()[-6:] == ["%", "-0.50", "at", "most", "0", "kept"]
    assert found["the most memory"].split()[-6:] == ["637", "MiB", "2,326", "MiB", "0.274", "x"]


def test_texts_that_differ_and_parts_that_were_left_out_are_shown():
    found = "\n".join(report.measured_table(Report({}, {}, ROWS, {}, {"resident": "there is no such verb"})))
    assert "decode.quoting_same: What?\n  ours:   'a'\n  theirs: 'b'" in found
    assert found.endswith("resident is left out: there is no such verb")


def test_two_runs_side_by_side():
    slower = Row("page.time", "a page of 50 lines", "s", (1.8, 1.6), (1.2, 1.3), "RapidOCR", limit=Limit(0.6))
    head, told = report.comparison_table(compare(ROWS, [slower]))
    assert head.split() == ["row", "before", "now", "change", "counts", "from"]
    assert told.split()[:4] == ["page.time", "0.683", "1.37", "+100.0%"]
    assert told.endswith("WORSE")
    assert report.comparison_table([]) == ["the two runs have no row in common"]


@pytest.mark.parametrize("rows", [ROWS, ROWS[:1], [ROWS[4]], ROWS[1:2], []])
def test_a_plot_is_a_picture(tmp_path, rows):
    plots.draw(tmp_path / "f.png", rows)
    with Image.open(tmp_path / "f.png") as picture:
        picture.load()
        assert picture.width > 1000
        assert len(set(picture.convert("L").resize((64, 64)).tobytes())) > 1


def test_the_same_figures_give_the_same_svg(tmp_path):
    for name in ("a.svg", "b.svg"):
        plots.draw(tmp_path / name, ROWS)
    drawn = (tmp_path / "a.svg").read_text()
    assert drawn == (tmp_path / "b.svg").read_text()
    assert all(
        word in drawn for word in ("a page of 50 lines", "promised at most 0.6", "the pause", "slope at the end")
    )


def test_a_plot_that_cannot_be_written_is_said(tmp_path):
    with pytest.raises(StorageFull, match=r"f\.png cannot be written"):
        plots.draw(tmp_path / "nowhere" / "f.png", ROWS)
