"""The log: one line a record, rotated, and no failure where it cannot be written."""

from __future__ import annotations

import logging
import os
import shutil
import stat
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge_assistant.cli.main import main
from edge_assistant.governance.redaction.log_filter import logged
from edge_assistant.storage import logs
from edge_assistant_tui.options import Options
from edge_assistant_tui.rendering.loader import Loader
from edge_assistant_tui.work import Work

LOG = logging.getLogger("edge_assistant.tests")


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    """Handlers and levels as they were."""
    root = logging.getLogger("edge_assistant")
    everywhere = list(logging.getLogger().handlers)
    before, level, raising = list(root.handlers), root.level, logging.raiseExceptions
    yield
    for handler in set(root.handlers) - set(before):
        root.removeHandler(handler)
        handler.close()
    logging.getLogger().handlers[:] = everywhere
    root.setLevel(level)
    logging.raiseExceptions = raising


def test_a_record_is_one_line_in_the_state_directory_and_started_twice_it_is_written_once(home: Path) -> None:
    logs.start("info", logged)
    logs.start("info", logged)
    assert not (home / "state" / "edge-assistant.log").exists(), "there is nothing to say yet"
    LOG.info("hello")
    LOG.debug("too fine")
    assert stat.S_IMODE((home / "state").stat().st_mode) == stat.S_IRWXU
    (line,) = (home / "state" / "edge-assistant.log").read_text().splitlines()
    assert line.endswith("INFO edge_assistant.tests: hello")


def test_faults_of_the_app_are_written_too(home: Path) -> None:
    logs.start("info", logged)
    work, loader, told = Work(lambda message: None, Options(profile="test")), Loader(), threading.Event()
    work.start()
    work.hear(None, final=True)  # which is no sound
    loader.want(lambda decoded: 1 // 0, lambda made: told.set())
    assert told.wait(60)
    loader.close()
    while work.running:
        time.sleep(0.01)
    work.close()
    written = (home / "state" / "edge-assistant.log").read_text()
    assert "fault in the worker" in written
    assert "ZeroDivisionError" in written


def test_it_rotates_and_keeps_a_few(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "MAX_BYTES", 2_000)
    logs.start("info", logged)
    for i in range(200):
        LOG.info("%d %s", i, "x" * 100)
    files = sorted(path.name for path in (home / "state").iterdir())
    assert files == ["edge-assistant.log", *(f"edge-assistant.log.{i}" for i in range(1, logs.BACKUPS + 1))]
    assert all(path.stat().st_size <= 2_000 for path in (home / "state").iterdir())


@pytest.mark.parametrize("planted", ["a file as the folder", "a folder", "a link", "a pipe"])
def test_what_stands_in_place_of_the_log_is_left_alone(
    home: Path, tmp_path: Path, planted: str, capsys: pytest.CaptureFixture[str]
) -> None:
    target, log = tmp_path / "theirs", home / "state" / "edge-assistant.log"
    target.write_text("kept")
    if planted == "a file as the folder":
        (home / "state").write_text("a file stands here")
    else:
        (home / "state").mkdir(mode=0o755)  # as earlier versions made it
        {"a folder": log.mkdir, "a link": lambda: log.symlink_to(target), "a pipe": lambda: os.mkfifo(log)}[planted]()
    logs.start("info", logged)
    LOG.error("lost")
    assert capsys.readouterr() == ("", "")
    assert target.read_text() == "kept"
    assert stat.S_IMODE((home / "state").stat().st_mode) in {stat.S_IRWXU, stat.S_IMODE(target.stat().st_mode)}


@pytest.mark.parametrize("kind", ["state", "cache"])
def test_a_link_in_place_of_a_folder_that_is_written_to_is_refused(home: Path, tmp_path: Path, kind: str) -> None:
    theirs = tmp_path / "theirs"
    theirs.mkdir(mode=0o755)
    (theirs / "their.log").touch()
    shutil.rmtree(home / kind, ignore_errors=True)
    (home / kind).symlink_to(theirs)
    assert main(["forget", "--all", "--yes"]) == 6
    assert (theirs.stat().st_mode & 0o777, [path.name for path in theirs.iterdir()]) == (0o755, ["their.log"])
