"""Figures in a file: kept whole, gone on with, and refused where they are of something else."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from edge_assistant.core.errors import StorageFull, UsageError
from evals.speed.part import parts
from evals.speed.report import Report, load, resumed, unlike
from evals.speed.rows import Row

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
    found = resumed(path, report(), ["page", "decode"])
    assert [row.name for row in found.rows] == ["page.time"]
    assert list(found.parts) == ["page"]


def test_what_was_left_out_is_tried_again(tmp_path):
    path = tmp_path / "f.json"
    broken = report("page.time", done=("page",))
    broken.left_out["resident"] = "it is not there"
    broken.save(path)
    assert resumed(path, report(), ["page", "resident"]).left_out == {}


def test_a_new_file_and_none_begin_anew(tmp_path):
    new = report()
    assert resumed(None, new, ["page"]) is new
    assert resumed(tmp_path / "f.json", new, ["page"]) is new


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
        resumed(path, report(), ["page"])
    assert path.read_bytes() == before


def test_what_two_runs_differ_in_beside_their_figures_is_listed():
    before = report("page.time", "page.characters", "decode.free", done=("page", "decode"))
    quick = SETTINGS | {"repeats": 5, "quick": False}
    now = report("page.time", done=("page",), settings=quick, machine=MACHINE | {"cores": 4, "load": 3.0})
    assert unlike(before, before) == []
    assert unlike(before, now) == [
        "cores: 2, now 4",
        "quick: True, now False",
        "page.characters: measured before, not now",
    ], "decode was not asked for"
    now.left_out["decode"] = "it is not there"
    assert unlike(before, now)[-1] == "decode.free: measured before, not now"


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
