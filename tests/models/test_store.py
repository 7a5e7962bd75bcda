"""The store: whole or not at all, verified, remembered, kept apart, gone on with."""

from __future__ import annotations

import errno
import json
import os
import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from edge_assistant_models import loading, profile, transfer
from edge_assistant_models.errors import (
    ModelCorrupt,
    ModelMissing,
    PullFailed,
    StorageFull,
)
from edge_assistant_models.portfolio import Portfolio
from edge_assistant_models.store import ModelState


def flip(path: Path, at: int = 1_234_567) -> None:
    """Turn one bit, and put the times back as an attacker or a bad disk would."""
    before = path.stat()
    with path.open("r+b") as file:
        file.seek(at)
        byte = file.read(1)[0]
        file.seek(at)
        file.write(bytes([byte ^ 1]))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def test_a_model_is_read_once_while_it_does_not_change(mine: Portfolio, reads: list[str]) -> None:
    mine.open("mine")
    Portfolio().open("mine")
    assert reads == []
    path = mine.store.folder("mine") / "model.bin"
    os.utime(path)
    mine.open("mine")
    mine.open("mine")
    assert reads == ["model.bin"]


def test_a_flipped_bit_is_found_by_open_and_by_verify(mine: Portfolio) -> None:
    flip(mine.open("mine").files["model"])
    with pytest.raises(ModelCorrupt, match=r"model.bin of mine does not have its checksum") as caught:
        mine.open("mine")
    assert caught.value.exit_status == 4
    assert caught.value.hint == "run 'edge-assistant models pull mine'"
    assert [check.problem[:21] for check in mine.verify("mine")] == ["model.bin has the sum"]
    assert mine.state("mine") is ModelState.CORRUPT


def test_verify_reads_everything_whatever_is_remembered(mine: Portfolio, reads: list[str]) -> None:
    assert [check.problem for check in mine.verify("mine")] == [""]
    assert reads == ["model.bin"]


def test_a_file_that_is_gone_is_found(mine: Portfolio) -> None:
    mine.open("mine").files["model"].unlink()
    assert mine.state("mine") is ModelState.CORRUPT
    with pytest.raises(ModelCorrupt, match="cannot be read"):
        mine.open("mine")
    assert mine.verify("mine")[0].problem == "model.bin is missing"


@pytest.mark.parametrize("record", ["", "{}", "[]", '{"sha256": 1, "pins": 2}', "{" * 5000])
def test_a_damaged_record_is_found(mine: Portfolio, record: str) -> None:
    (mine.store.folder("mine") / "installed.json").write_text(record)
    assert mine.state("mine") is ModelState.CORRUPT
    with pytest.raises(ModelCorrupt, match="was not stored as the catalog describes it"):
        mine.open("mine")


def test_another_version_in_the_catalog_is_pulled_anew(catalog: Any, mine: Portfolio) -> None:
    catalog.file("mine", b"another version")
    later = Portfolio()
    assert later.state("mine") is ModelState.CORRUPT
    later.pull(["mine"])
    assert later.open("mine").files["model"].read_bytes() == b"another version"


def test_remove_takes_all_of_it(mine: Portfolio) -> None:
    mine.store.remove(mine.entry("mine"))
    assert mine.state("mine") is ModelState.MISSING
    assert json.loads((mine.store.root / ".stamps.json").read_text()) == {}
    with pytest.raises(ModelMissing):
        mine.store.remove(mine.entry("mine"))


def test_remove_waits_for_a_pull(mine: Portfolio) -> None:
    waiting, done = threading.Event(), threading.Event()

    def remove() -> None:
        mine.store.remove(mine.entry("mine"), lambda event: waiting.set())
        done.set()

    thread = threading.Thread(target=remove)
    with mine.store.locked("mine"):
        thread.start()
        assert waiting.wait(30)
        assert mine.state("mine") is ModelState.INSTALLED
        assert not done.is_set()
    thread.join(30)
    assert mine.state("mine") is ModelState.MISSING


def test_a_pull_clears_what_dead_runs_left(mine: Portfolio) -> None:
    from filelock import FileLock

    root = mine.store.root
    downloads, bundle = root / ".downloads", root / ".partial" / ".bundle-4711"
    (downloads / ".gone-1.0.whl.client").mkdir(parents=True)
    bundle.mkdir()
    for name in ("gone-1.0.whl", "used-1.0.whl"):
        (downloads / name).write_bytes(b"wheel")
    with FileLock(downloads / "used-1.0.whl.lock"), mine.store.locked(".bundle"):
        mine.pull(["mine"])
        assert bundle.exists()
    assert {path.name for path in downloads.iterdir() if path.suffix != ".lock"} == {"used-1.0.whl"}
    mine.pull(["mine"])
    assert not bundle.exists()
    assert not [path for path in downloads.iterdir() if path.suffix != ".lock"]


class TestDisk:
    def test_room_is_looked_for_first(self, catalog: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        catalog.file("mine")
        monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(total=0, used=0, free=1_000_000))
        with pytest.raises(StorageFull, match=r"mine needs 4.9 MiB and 976.6 KiB are free") as caught:
            Portfolio().pull(["mine"])
        assert caught.value.exit_status == 6

    @pytest.mark.parametrize(
        ("number", "said"), [(errno.ENOSPC, "the disk is full"), (errno.EROFS, "the folder cannot be written")]
    )
    def test_a_disk_that_fills_up_meanwhile(
        self, catalog: Any, content: bytes, monkeypatch: pytest.MonkeyPatch, number: int, said: str
    ) -> None:
        catalog.file("mine")
        real = transfer.Partial._count

        def full(self: transfer.Partial, chunk: bytes) -> None:
            if self.size > 2_000_000:
                with transfer.storing(self.name):
                    raise OSError(number, os.strerror(number))
            real(self, chunk)

        with monkeypatch.context() as patch:
            patch.setattr(transfer.Partial, "_count", full)
            with pytest.raises(StorageFull, match=said):
                Portfolio().pull(["mine"])
        Portfolio().pull(["mine"])
        assert Portfolio().open("mine").files["model"].read_bytes() == content


class TestTwoAtOnce:
    def test_the_second_waits_and_finds_it_there(self, web: Any, catalog: Any, content: bytes) -> None:
        web.files["/model"] = content
        catalog.url("mine", f"{web.address}/model")
        held, go_on = threading.Event(), threading.Event()
        seen: dict[str, list[Any]] = {"first": [], "second": []}

        def first(event: Any) -> None:
            seen["first"].append(event)
            if isinstance(event, transfer.Trying):
                held.set()
                go_on.wait(30)

        def second(event: Any) -> None:
            seen["second"].append(event)
            go_on.set()

        threads = [threading.Thread(target=Portfolio().pull, args=(["mine"], watch)) for watch in (first, second)]
        threads[0].start()
        held.wait(30)
        threads[1].start()
        for thread in threads:
            thread.join(60)
        assert seen["first"][-1] == transfer.ModelReady("mine", already=False)
        assert seen["second"] == [transfer.PullWaiting("mine"), transfer.ModelReady("mine", already=True)]
        assert len(web.seen) == 1


class TestProfile:
    @pytest.fixture
    def choose(self, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
        """Makes up the profile `mine`."""

        def choose(roles: dict[str, tuple[str, ...]], optional: set[str], asked: frozenset[str] = frozenset()) -> None:
            made = profile.Profile("mine", "made up", roles, frozenset(optional), asked)
            monkeypatch.setattr(profile, "load", lambda: {"mine": made})

        return choose

    def test_the_best_that_can_be_had_is_pulled(self, catalog: Any, home: Path, choose: Any) -> None:
        for name in ("best", "good"):
            catalog.file(name)
        (home / "best.source").unlink()
        choose({"vad": ("best", "good")}, set())
        portfolio, events = Portfolio(), []
        assert portfolio.resolve("mine") == {"vad": "best"}
        assert portfolio.pull_profile("mine", events.append) == {"vad": "good"}
        assert portfolio.resolve("mine") == {"vad": "good"}
        assert [event.model for event in events if isinstance(event, transfer.Skipped)] == ["best"]

    def test_no_better_one_is_looked_for_where_one_is_there(self, catalog: Any, choose: Any) -> None:
        for name in ("best", "good"):
            catalog.file(name)
        choose({"vad": ("best", "good")}, set())
        portfolio = Portfolio()
        portfolio.pull(["good"])
        assert portfolio.pull_profile("mine") == {"vad": "good"}
        assert portfolio.state("best") is ModelState.MISSING

    def test_an_optional_role_may_stay_empty(self, catalog: Any, home: Path, choose: Any) -> None:
        for name in ("there", "gone"):
            catalog.file(name)
        (home / "gone.source").unlink()
        choose({"faces": ("gone",), "vad": ("there",)}, {"faces"})
        assert Portfolio().pull_profile("mine") == {"vad": "there"}

    def test_a_role_on_request_is_pulled_by_name_only(self, catalog: Any, choose: Any) -> None:
        catalog.file("there")
        choose({"voice": ("asked",), "vad": ("there",)}, {"voice"}, frozenset({"voice"}))
        assert Portfolio().pull_profile("mine") == {"vad": "there"}

    def test_a_needed_role_may_not_but_the_others_are_pulled(self, catalog: Any, home: Path, choose: Any) -> None:
        for name in ("there", "gone"):
            catalog.file(name)
        (home / "gone.source").unlink()
        choose({"faces": ("gone",), "vad": ("there",)}, set())
        portfolio = Portfolio()
        with pytest.raises(PullFailed, match=r"no source gave model\.bin of gone"):
            portfolio.pull_profile("mine")
        assert portfolio.state("there") is ModelState.INSTALLED


def test_always_finds_what_kept_its_stamp(mine: Portfolio, monkeypatch: pytest.MonkeyPatch) -> None:
    """As where a disk turns a bit by itself, or a clock was set back: inode, size and times are what they were."""
    path = next(iter(mine.open("mine").files.values()))
    remembered = loading.Stamps.recall(mine.store._stamps, path)
    monkeypatch.setattr(loading.Stamps, "recall", lambda self, path: remembered)
    with path.open("r+b") as file:
        file.write(b"!")
    mine.open("mine")
    with pytest.raises(ModelCorrupt, match="does not have its checksum"):
        mine.open("mine", always=True)


@pytest.mark.parametrize("stamps_text", ["", "[]", '{"a": 1}', "not json"])
def test_lost_stamps_cost_a_reading_only(mine: Portfolio, reads: list[str], stamps_text: str) -> None:
    (mine.store.root / ".stamps.json").write_text(stamps_text)
    mine.open("mine")
    assert reads == ["model.bin"]
