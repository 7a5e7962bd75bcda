"""Cores and inference sessions: the one place that sets thread counts and opens ONNX Runtime."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import onnxruntime


def usable_cores(affinity: int, quota_us: int | None, period_us: int) -> int:
    """How many cores computation should use.

    Args:
        affinity: cores that the process may be scheduled on.
        quota_us: CPU time that its cgroup grants per period, or None without a limit.
        period_us: length of that period, in microseconds.

    >>> usable_cores(8, None, 100_000), usable_cores(8, 150_000, 100_000), usable_cores(8, 10_000, 100_000)
    (8, 2, 1)
    """
    if quota_us is None or period_us <= 0:
        return max(1, affinity)
    return max(1, min(affinity, math.ceil(quota_us / period_us)))


def _cgroup_limit() -> tuple[int | None, int]:
    """Quota and period of this process's cgroup v2, in microseconds; (None, 100000) where there is none."""
    try:
        own = Path("/proc/self/cgroup").read_text().rpartition("::")[2].strip().lstrip("/")
        quota, period = (Path("/sys/fs/cgroup") / own / "cpu.max").read_text().split()
        return (None if quota == "max" else int(quota)), int(period)
    except (OSError, ValueError):
        return None, 100_000


@dataclass(frozen=True, slots=True)
class Runtime:
    """What computation may use.

    Attributes:
        threads: threads of one heavy computation; one heavy computation runs at a time.
    """

    threads: int

    @classmethod
    def detect(cls) -> Runtime:
        """The runtime of this machine and container."""
        affinity = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        return cls(usable_cores(affinity, *_cgroup_limit()))

    def session(self, model: Path, *, threads: int | None = None) -> onnxruntime.InferenceSession:
        """Open an ONNX model on the CPU. Idle threads sleep, so that what runs next has the cores.

        Raises:
            ModelCorrupt: ONNX Runtime cannot load the file.
        """
        os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # 1.29 and later send telemetry on Linux unless set before import
        import onnxruntime

        from edge_assistant.errors import ModelCorrupt

        onnxruntime.set_default_logger_severity(3)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads or self.threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        try:
            return onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
        except Exception as error:  # ONNX Runtime raises its own classes, which derive from Exception directly
            reason = str(error).splitlines()[0]
            raise ModelCorrupt(
                f"{model.name} cannot be loaded ({reason})", "run 'edge-assistant models verify'"
            ) from error
