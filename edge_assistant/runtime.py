"""Threads and inference sessions: the one place that sets thread counts and opens ONNX Runtime."""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from edge_assistant.errors import ModelCorrupt, Stopped
from edge_assistant_models.machine import cores

if TYPE_CHECKING:
    import onnxruntime


class Halt:
    """The wish to stop, told from any thread; what computes looks at it."""

    def __init__(self) -> None:
        self._asked = threading.Event()

    @property
    def asked(self) -> bool:
        """Whether to stop."""
        return self._asked.is_set()

    def ask(self) -> None:
        """Let what runs stop."""
        self._asked.set()

    def clear(self) -> None:
        """Let what comes next run."""
        self._asked.clear()

    def check(self) -> None:
        """Go on, or not.

        Raises:
            Stopped: to stop was asked.
        """
        if self._asked.is_set():
            raise Stopped("stopped", "ask again")


@dataclass(frozen=True, slots=True)
class Runtime:
    """What computation may use.

    Attributes:
        threads: threads of one heavy computation; one heavy computation runs at a time.
        halt: the wish to stop it.
    """

    threads: int
    halt: Halt = field(default_factory=Halt, compare=False, repr=False)

    @classmethod
    def detect(cls) -> Runtime:
        """The runtime of this machine and container."""
        return cls(cores())

    def session(self, model: Path, *, threads: int | None = None) -> onnxruntime.InferenceSession:
        """Open an ONNX model on the CPU. Idle threads sleep, so that what runs next has the cores.

        Raises:
            ModelCorrupt: ONNX Runtime cannot load the file.
        """
        os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # 1.29 and later send telemetry on Linux unless set before import
        import onnxruntime

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
