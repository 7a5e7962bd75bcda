"""Copies of data: complete, in a folder of one's own, and gone afterwards."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from edge_assistant_quantize import provenance
from edge_assistant_quantize.errors import InputMissing, StorageFull


def test_copies_are_what_the_sums_are_of_and_links_are_followed(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "b.txt").write_text("b")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a.txt").write_text("a")
    (tmp_path / "data" / "more").symlink_to(tmp_path / "elsewhere")
    data = {"path": str(tmp_path / "data"), "limit": 3}
    tables = {"folder": data, "again": data, "file": {"path": tmp_path / "data" / "a.txt"}, "rendered": {"count": 2}}
    before = provenance.sum_of_path(tmp_path / "data")
    with provenance.copies(tables) as found:
        folder = found["folder"]
        copy = Path(folder["path"])
        assert (copy.name, folder["limit"], Path(found["file"]["path"]).name) == ("data", 3, "a.txt")
        assert (found["again"], found["rendered"]) == (folder, {"count": 2})
        assert copy.parent.parent.stat().st_mode & 0o777 == 0o700
        (tmp_path / "data" / "a.txt").write_text("other")
        (tmp_path / "elsewhere" / "b.txt").unlink()
        assert (copy / "more" / "b.txt").read_text() == "b"
        assert provenance.sum_of_path(copy) == before
    assert not copy.exists()


def test_a_path_that_leads_up_is_copied_and_what_is_no_path_is_left_to_the_metric(tmp_path):
    (tmp_path / "data" / "inner").mkdir(parents=True)
    (tmp_path / "data" / "a.txt").write_text("a")
    no_path = {"path": ["data"]}
    up = {"path": str(tmp_path / "data" / "inner" / "..")}
    with provenance.copies({"up": up, "other": no_path}) as found:
        copy = Path(found["up"]["path"])
        assert (copy.name, (copy / "a.txt").read_text()) == ("data", "a")
        assert found["other"] == no_path


def test_data_that_is_not_there_or_has_no_room(tmp_path, monkeypatch):
    with provenance.copies({"none": {"path": ""}}) as found:
        assert found == {"none": {"path": ""}}
    gone, there = ({"data": {"path": tmp_path / name}} for name in ("gone", "a.txt"))
    with pytest.raises(InputMissing, match="there is no gone"), provenance.copies(gone):
        pass
    (tmp_path / "a.txt").write_text("a" * 100)
    monkeypatch.setattr("shutil.disk_usage", lambda folder: SimpleNamespace(free=10))
    with pytest.raises(StorageFull, match=r"a copy of a\.txt needs"), provenance.copies(there):
        pass
