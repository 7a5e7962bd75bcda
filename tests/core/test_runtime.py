"""Cores: a pure function of what the machine grants; sessions that cannot be opened."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from edge_assistant.errors import ModelCorrupt
from edge_assistant.runtime import Runtime
from edge_assistant_models import machine
from edge_assistant_models.installed import InstalledModel


@pytest.mark.parametrize(
    ("affinity", "quota", "period", "cores"),
    [
        (8, None, 100_000, 8),
        (1, None, 100_000, 1),
        (0, None, 100_000, 1),
        (8, 800_000, 100_000, 8),
        (8, 1_600_000, 100_000, 8),
        (8, 200_000, 100_000, 2),
        (8, 150_000, 100_000, 2),
        (8, 100_000, 100_000, 1),
        (8, 10_000, 100_000, 1),
        (8, 1, 100_000, 1),
        (8, 0, 100_000, 1),
        (8, 50_000, 25_000, 2),
        (8, 50_000, 0, 8),
    ],
)
def test_usable_cores(affinity: int, quota: int | None, period: int, cores: int) -> None:
    assert machine.usable_cores(affinity, quota, period) == cores


def test_no_more_threads_than_the_process_may_use() -> None:
    assert 1 <= Runtime.detect().threads <= len(os.sched_getaffinity(0))


def test_a_quota_limits_threads_and_the_choice_of_a_profile(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(16)), raising=False)
    monkeypatch.setattr(machine, "_cgroup", lambda file: {"cpu.max": "300000 100000\n", "memory.max": "max\n"}[file])
    assert Runtime.detect().threads == machine.Machine.detect().cores == 3


def test_a_session_of_a_real_model(models: Callable[[str], InstalledModel]) -> None:
    session = Runtime(1).session(models("embedder").files["model"])
    options = session.get_session_options()
    assert session.get_providers() == ["CPUExecutionProvider"]
    assert (options.intra_op_num_threads, options.inter_op_num_threads) == (1, 1)
    assert os.environ["ORT_DISABLE_TELEMETRY"] == "1"


@pytest.mark.parametrize("content", [b"", b"no onnx", b"\x08\x07" * 500])
def test_a_file_that_is_no_onnx(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "broken.onnx"
    path.write_bytes(content)
    with pytest.raises(ModelCorrupt, match=r"broken\.onnx cannot be loaded") as caught:
        Runtime(1).session(path)
    assert "\n" not in str(caught.value)
