"""The files of figures: what is counted, that nothing else is told, and that counters outlast the process."""

from __future__ import annotations

import errno
import json
import re
import shutil
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from helpers.platforms import needs_lock
from helpers.scripted_resident import renewals, serving, until
from resident.conftest import Asker

from edge_assistant.core.errors import InputCorrupt
from edge_assistant.resident import client, metrics

pytestmark = needs_lock
SECRET = "penicillin"
SAMPLE = re.compile(r'(edge_assistant_[a-z_]+)(\{[a-z]+="[\w.]*"\})? [0-9.]+')
IDLE: Mapping[str, Any] = {"ready": True, "pid": 1, "answering": False, "waiting": 0, "memory_mib": 3}


@pytest.fixture
def run(home: Path) -> Path:
    """The folder of a resident that runs in no process."""
    (home / "run").mkdir(mode=0o700, parents=True)
    return home / "run" / "metrics"


def told() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((metrics.folder() / metrics.STATUS).read_text())
    return found


def state() -> object:
    return told()["state"] if (metrics.folder() / metrics.STATUS).exists() else None


def written(counts: metrics.ResidentMetrics, last: str = "") -> dict[str, Any]:
    counts.tell(lambda: IDLE, last)
    return told()


def test_a_resident_tells_what_became_of_questions(ask: Asker, folder: Path) -> None:
    with serving(folder) as process:
        until(lambda: state() == "ready")
        assert ask(f"say:{SECRET}")
        with pytest.raises(InputCorrupt):
            ask("refuse")
        ask("fault")
        until(lambda: renewals() == 1)
        client.end("stop")
        process.wait()
    found = told()
    assert found["state"] == "ended"
    assert (found["answers"]["chat"], found["errors"]) == (1, {"input.corrupt": 1, "fault": 1})
    assert (found["starts"], found["restarts"], found["ready"]) == (1, 1, False)
    texts = [file.read_text() for file in metrics.folder().iterdir()]
    assert len(texts) == 2
    assert not any(SECRET in text or "damaged" in text for text in texts)
    assert {file.stat().st_mode & 0o777 for file in metrics.folder().iterdir()} == {0o644}
    assert metrics.folder().stat().st_mode & 0o777 == 0o755


def test_counters_outlast_a_kill(ask: Asker, folder: Path) -> None:
    with serving(folder) as process:
        ask("say:one")
        until(lambda: state() == "ready" and told()["answers"]["chat"] == 1)
        process.kill()
        process.wait()
    (folder / "ready").unlink()
    with serving(folder):
        until(lambda: told()["starts"] == 2)
        assert told()["answers"]["chat"] == 1


def test_a_folder_that_cannot_be_written_changes_no_answer(ask: Asker, folder: Path, run: Path) -> None:
    run.touch()
    with serving(folder):
        assert ask("say:one") == "done"


def test_one_that_is_out_of_descriptors_goes_on_accepting(run: Path) -> None:
    def status() -> dict[str, Any]:
        raise OSError(errno.EMFILE, "Too many open files")  # as /proc cannot be read then

    counts = metrics.ResidentMetrics(restarted=False)
    counts.tell(status)
    assert written(counts)["starts"] == 1


@pytest.mark.parametrize("content", ["", "[", "[]", "null", "[" * 10_000, '{"answers": 1, "starts": "x"}', "\xff"])
def test_a_damaged_file_is_no_start(run: Path, content: str) -> None:
    run.mkdir()
    (run / metrics.STATUS).write_text(content, "latin-1")
    assert written(metrics.ResidentMetrics(restarted=False))["starts"] == 1


def test_names_that_are_not_ours_are_not_told(run: Path) -> None:
    run.mkdir()
    (run / metrics.STATUS).write_text('{"errors": {"a\\"} 1\\n": 3, "fault": -2, "stopped": 1e400, "input": 4}}')
    counts = metrics.ResidentMetrics(restarted=False)
    error = InputCorrupt("it is damaged", "give another one")
    error.code = f"the {SECRET}"
    with pytest.raises(InputCorrupt), counts.counting("ask"):
        raise error
    assert written(counts)["errors"] == {"fault": 0, "stopped": 0, "input": 4, "other": 1}


def test_it_is_degraded_by_what_is_wrong_here_until_something_works(run: Path) -> None:
    counts = metrics.ResidentMetrics(restarted=False)
    for number, (error, code) in enumerate([(InputCorrupt("x", "y"), ""), (OSError(), "fault"), (None, "")]):
        try:
            with counts.counting("perceive") as count:
                if error is not None:
                    raise error
                count({"evidence": []})
        except (InputCorrupt, OSError):
            pass
        counts._written = float("-inf")
        found = written(counts)
        assert (found["degraded"], found["state"]) == (code, "degraded" if code else "ready"), number
    assert found["tasks"] == {"perceive": 1}


def test_files_are_written_at_most_every_few_seconds_and_at_the_end(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics, "OFTEN_S", 3_600.0)
    counts = metrics.ResidentMetrics(restarted=False)
    assert written(counts)["tasks"] == {}
    for _ in range(3):
        with counts.counting("embed") as count:
            count({})
        assert written(counts)["tasks"] == {}
    assert written(counts, "ended")["tasks"] == {"embed": 3}
    monkeypatch.setattr(metrics, "OFTEN_S", 0.0)
    assert written(counts)["state"] == "ended"


def test_without_a_change_nothing_is_written_for_a_minute(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics, "OFTEN_S", 0.0)
    counts = metrics.ResidentMetrics(restarted=False)
    written(counts)
    before = (run / metrics.STATUS).stat().st_ino
    written(counts)
    assert (run / metrics.STATUS).stat().st_ino == before
    monkeypatch.setattr(metrics, "ALIVE_S", 0.0)
    time.sleep(0.01)
    written(counts)
    assert (run / metrics.STATUS).stat().st_ino != before


def test_the_text_is_what_prometheus_reads(run: Path) -> None:
    counts = metrics.ResidentMetrics(restarted=False)
    for error in (InputCorrupt("x", "y"), OSError()):
        with pytest.raises((InputCorrupt, OSError)), counts.counting("ask"):
            raise error
    written(counts)
    content = (run / metrics.TEXT).read_text()
    kinds = dict(re.findall(r"^# TYPE (\S+) (\S+)$", content, re.M))
    samples = [row for row in content.splitlines() if not row.startswith("#")]
    names = [found[1] for row in samples if (found := SAMPLE.fullmatch(row))]
    assert len(names) == len(samples)
    assert set(names) == set(kinds) == set(re.findall(r"^# HELP (\S+) ", content, re.M))
    assert all(name.endswith("_total") == (kind == "counter") for name, kind in kinds.items())
    assert 'edge_assistant_degraded{code="fault"} 1' in samples
    if program := shutil.which("promtool"):
        ran = subprocess.run([program, "check", "metrics"], input=content, capture_output=True, text=True, check=False)
        assert (ran.returncode, ran.stderr) == (0, ""), ran.stdout
