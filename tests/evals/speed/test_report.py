"""Figures in a file: kept whole, gone on with, and refused where they are of something else."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from edge_assistant.core.errors import StorageFull, UsageError
from evals.speed import plots
from evals.speed.comparison import compare
from evals.speed.part import parts
from evals.speed.report import Report, comparison_table, differences, load, measured_table, resume
from evals.speed.rows import How, Limit, Row

MACHINE = {"processor": "one", "cores": 2, "python": "3.11.2", "libraries": {}, "models": {"m": "00"}, "load": 0.1}
SETTINGS = {"profile": "starter", "quick": True}


def report(*names: str, done: tuple[str, ...] = (), **more) -> Report:
    rows = [Row(name, "a thing", "s", (1.0,), (2.0,)) for name in names]
    parts = {name: {"seconds": 1.0, "others_cores": 0.0} for name in done}
    return Report(more.pop("settings", SETTINGS), more.pop("machine", MACHINE), rows, parts)


def test_it_comes_back_as_it_was(tmp_path):
    report("page.time", done=("page",)).save(tmp_path / "f.json")
    assert load(tmp_path / "f.json") == report("page.time", done=("page",))


def test_the_run_that_the_documents_tell_of_can_be_compared_with():
    kept = load(Path(__file__).parents[3] / "docs" / "speed.json")
    assert {row.part for row in kept.rows} == kept.parts.keys() == parts().keys() - {"growth"}
    assert not kept.settings["quick"]
    assert [row.name for row in kept.rows if row.within is False] == ["followup.followup", "followup.restart"]


def test_a_run_that_broke_off_goes_on_without_the_part_that_was_not_finished(tmp_path):
    path = tmp_path / "f.json"
    report("page.time", "decode.quoting", done=("page",)).save(path)
    found = resume(path, report(), ["page", "decode"])
    assert [row.name for row in found.rows] == ["page.time"]
    assert list(found.parts) == ["page"]


def test_what_was_left_out_is_tried_again(tmp_path):
    path = tmp_path / "f.json"
    broken = report("page.time", done=("page",))
    broken.left_out["resident"] = "it is not there"
    broken.save(path)
    assert resume(path, report(), ["page", "resident"]).left_out == {}


def test_a_new_file_and_none_begin_anew(tmp_path):
    new = report()
    assert resume(None, new, ["page"]) is new
    assert resume(tmp_path / "f.json", new, ["page"]) is new


@pytest.mark.parametrize(
    ("kept", "said"),
    [
        (report("page.time", done=("page",)), "holds this run already"),
        (report(settings={"profile": "tiny", "quick": True}), "other settings"),
        (report(machine=MACHINE | {"models": {"m": "11"}}), "another machine"),
    ],
)
def test_a_file_of_another_run_is_not_written_over(tmp_path, kept, said):
    path = tmp_path / "f.json"
    kept.save(path)
    before = path.read_bytes()
    with pytest.raises(UsageError, match=said):
        resume(path, report(), ["page"])
    assert path.read_bytes() == before


def test_what_two_runs_differ_in_beside_their_figures_is_listed():
    before = report("page.time", "page.characters", "decode.free", done=("page", "decode"))
    quick = SETTINGS | {"repeats": 5, "quick": False}
    now = report("page.time", done=("page",), settings=quick, machine=MACHINE | {"cores": 4, "load": 3.0})
    assert differences(before, before) == []
    assert differences(before, now) == [
        "cores: 2, now 4",
        "quick: True, now False",
        "page.characters: measured before, not now",
    ], "decode was not asked for"
    now.left_out["decode"] = "it is not there"
    assert differences(before, now)[-1] == "decode.free: measured before, not now"


@pytest.mark.parametrize(
    "content",
    [
        b"", b"{", b"[]", b"{}", b"\xff\xfe", b'{"bench": "writing"}', b'{"bench": "speed", "settings": 1}',
        b'{"bench": "speed", "settings": {}, "machine": {}, "rows": [{}], "parts": {}, "left_out": {}}', b"[" * 100_000,
    ],
)  # fmt: skip
def test_what_holds_no_figures_is_said(tmp_path, content):
    path = tmp_path / "f.json"
    path.write_bytes(content)
    with pytest.raises(UsageError, match=r"f\.json holds no figures of 'bench speed'"):
        load(path)


def test_a_row_that_was_changed_by_hand_is_said(tmp_path):
    path = tmp_path / "f.json"
    report("page.time").save(path)
    told = json.loads(path.read_text())
    told["rows"][0]["theirs"] = [0.0]
    path.write_text(json.dumps(told))
    with pytest.raises(UsageError, match="holds no figures"):
        load(path)


def test_a_folder_and_a_missing_file_are_said(tmp_path):
    with pytest.raises(UsageError, match="cannot be read"):
        load(tmp_path)
    with pytest.raises(UsageError, match="cannot be read"):
        load(tmp_path / "nowhere.json")


def test_where_it_cannot_be_kept_that_is_said(tmp_path):
    with pytest.raises(StorageFull, match=r"f\.json cannot be written"):
        report().save(tmp_path / "nowhere" / "f.json")


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
    return {line.split("  ")[0]: line for line in measured_table(found)}


def test_the_table_has_medians_ratio_spread_and_whether_it_is_kept():
    found = lines(ROWS)
    told = "a page of 50 lines 0.850 s 1.25 s 0.683 x 0.615 .. 0.750 at most 0.6 NOT KEPT"
    assert " ".join(found["a page of 50 lines"].split()) == told
    assert found["wrong characters"].split()[-6:] == ["%", "-0.50", "at", "most", "0", "kept"]
    assert found["the most memory"].split()[-6:] == ["637", "MiB", "2,326", "MiB", "0.274", "x"]


def test_texts_that_differ_and_parts_that_were_left_out_are_shown():
    found = "\n".join(measured_table(Report({}, {}, ROWS, {}, {"resident": "there is no such verb"})))
    assert "decode.quoting_same: What?\n  ours:   'a'\n  theirs: 'b'" in found
    assert found.endswith("resident is left out: there is no such verb")


def test_two_runs_side_by_side():
    slower = Row("page.time", "a page of 50 lines", "s", (1.8, 1.6), (1.2, 1.3), "RapidOCR", limit=Limit(0.6))
    head, told = comparison_table(compare(ROWS, [slower]))
    assert head.split() == ["row", "before", "now", "change", "counts", "from"]
    assert told.split()[:4] == ["page.time", "0.683", "1.37", "+100.0%"]
    assert told.endswith("WORSE")
    assert comparison_table([]) == ["the two runs have no row in common"]


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
