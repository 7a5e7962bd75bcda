"""What the resident counts, in two files for whoever watches over it: numbers and codes, no content.

`status.json` is for programs, `edge_assistant.prom` for the textfile collector of Prometheus's node_exporter, which
reads the text format 0.0.4: https://prometheus.io/docs/instrumenting/exposition_formats/. The counters go on from the
files of the process before.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from edge_assistant import __version__
from edge_assistant.core.answer import Answer, Status
from edge_assistant.core.errors import EdgeAssistantError
from edge_assistant.resident import protocol
from edge_assistant.storage import atomic

STATUS, TEXT = "status.json", "edge_assistant.prom"
OFTEN_S = 5.0  # from one change that is written to the next
ALIVE_S = 60.0  # after which the files are written without a change
_NAME = re.compile(r"[a-z_.]{1,40}")
_OTHER = "other"  # in place of a name that is none of ours
_MOST_BYTES = 1 << 16
_ASKED_WRONG = frozenset((2, 3, 130))  # statuses of errors by what was asked; see docs/contract.md
_FAULT = "fault"

_HELP = {
    "answers_total": ("counter", "Answers by status."),
    "errors_total": ("counter", "Questions without an answer, by the code of the error."),
    "tasks_total": ("counter", "What was done for clients of the gateway besides answers."),
    "computing_seconds_total": ("counter", "Seconds that the thread that answers was at work."),
    "starts_total": ("counter", "Starts of the process."),
    "restarts_total": ("counter", "Restarts with fresh memory in the same process."),
    "memory_bytes": ("gauge", "Memory of the process without mapped files."),
    "waiting": ("gauge", "Questions that wait."),
    "ready": ("gauge", "Whether the models are loaded and questions are answered."),
    "degraded": ("gauge", "Whether a model, or the last question, failed by something of this machine, as labelled."),
    "info": ("gauge", "The version."),
}


def folder() -> Path:
    """Where the files are."""
    return protocol.folder() / "metrics"


class ResidentMetrics:
    """Counters of one process, and the files in which they are told.

    Attributes:
        degraded: the code of what this machine lacked for the last question, or at the start; empty where all is well.
    """

    def __init__(self, restarted: bool) -> None:
        """Go on from the files.

        Args:
            restarted: whether this process went on with fresh memory, and was not started.
        """
        before = _read()
        self._answers = Counter({status.value: 0 for status in Status})  # a rate needs the zero before the first
        self._answers.update(_counter(before, "answers"))
        self._errors, self._tasks = _counter(before, "errors"), _counter(before, "tasks")
        self._computing_s = _number(before, "computing_s")
        self._starts = int(_number(before, "starts")) + (not restarted)
        self._restarts = int(_number(before, "restarts")) + restarted
        self.degraded = ""
        self._writing = threading.Lock()
        self._written, self._told, self._over = float("-inf"), "", False

    @contextlib.contextmanager
    def counting(self, task: str) -> Iterator[Callable[[Mapping[str, object]], None]]:
        """Count what becomes of a question; what is raised goes on.

        Args:
            task: what is done, such as `ask`.

        Yields:
            What takes the reply.
        """
        began = time.monotonic()

        def take(reply: Mapping[str, object]) -> None:
            self.degraded = ""
            if isinstance(answer := reply.get("answer"), Answer):
                self._answers[answer.status.value] += 1
            else:
                self._tasks[_name(task)] += 1

        try:
            yield take
        except EdgeAssistantError as error:
            self._errors[_name(error.code)] += 1
            if error.exit_status not in _ASKED_WRONG:
                self.lacks(error)
            raise
        except Exception:
            self._errors[_FAULT] += 1
            self.degraded = _FAULT
            raise
        finally:
            self._computing_s += time.monotonic() - began

    def lacks(self, error: EdgeAssistantError | None) -> None:
        """Note what this machine lacked; None is nothing, and so is what its policy refuses."""
        if error is not None and error.code != "policy":
            self.degraded = _name(error.code)

    def said(self, text: str) -> str:
        """What systemd shows."""
        return f"{text}, degraded: {self.degraded}" if self.degraded else text

    def tell(self, status: Callable[[], Mapping[str, Any]], last: str = "") -> None:
        """Write the files where that is due; that the system refuses something for them changes nothing else.

        Args:
            status: of the resident, as `resident status --json` tells it.
            last: what the process does next; nothing is written after it.
        """
        now = time.monotonic()
        if not last and now - self._written < OFTEN_S:
            return
        with self._writing, contextlib.suppress(OSError):
            counted = self._counted(status(), last)
            changed = json.dumps([counted[key] for key in ("state", "answers", "errors", "tasks", "degraded")])
            if self._over or (not last and changed == self._told and now - self._written < ALIVE_S):
                return
            self._over, self._written, self._told = bool(last), now, changed
            _write(STATUS, json.dumps(counted, indent=1) + "\n")
            _write(TEXT, text(counted))

    def _counted(self, status: Mapping[str, Any], last: str) -> dict[str, Any]:
        """All that is told."""
        ready = bool(status["ready"]) and not last
        return {
            "version": __version__,
            "state": last or ("loading" if not ready else "degraded" if self.degraded else "ready"),
            "degraded": self.degraded,
            "pid": status["pid"],
            "ready": ready,
            "answering": status["answering"],
            "waiting": status["waiting"],
            "memory_mib": 0 if last == "ended" else status["memory_mib"],
            "answers": dict(self._answers),
            "errors": dict(self._errors),
            "tasks": dict(self._tasks),
            "computing_s": round(self._computing_s, 3),
            "starts": self._starts,
            "restarts": self._restarts,
        }


def text(counted: Mapping[str, Any]) -> str:
    """The figures as node_exporter reads them.

    >>> counted = {"version": "1", "degraded": "", "ready": True, "waiting": 0, "memory_mib": 2, "answers": {},
    ...            "errors": {"stopped": 1}, "tasks": {}, "computing_s": 1.5, "starts": 1, "restarts": 0}
    >>> print(text(counted).partition("# HELP edge_assistant_computing")[0], end="")
    # HELP edge_assistant_errors_total Questions without an answer, by the code of the error.
    # TYPE edge_assistant_errors_total counter
    edge_assistant_errors_total{code="stopped"} 1
    """
    samples: dict[str, Mapping[str, float]] = {
        "answers_total": _labelled("status", counted["answers"]),
        "errors_total": _labelled("code", counted["errors"]),
        "tasks_total": _labelled("task", counted["tasks"]),
        "computing_seconds_total": {"": counted["computing_s"]},
        "starts_total": {"": counted["starts"]},
        "restarts_total": {"": counted["restarts"]},
        "memory_bytes": {"": counted["memory_mib"] << 20},
        "waiting": {"": counted["waiting"]},
        "ready": {"": int(counted["ready"])},
        "degraded": _labelled("code", {counted["degraded"]: int(bool(counted["degraded"]))}),
        "info": _labelled("version", {counted["version"]: 1}),
    }
    lines = []
    for name, rows in samples.items():
        if rows:
            kind, told = _HELP[name]
            lines += [f"# HELP edge_assistant_{name} {told}", f"# TYPE edge_assistant_{name} {kind}"]
            lines += [f"edge_assistant_{name}{labels} {value}" for labels, value in rows.items()]
    return "\n".join(lines) + "\n"


def _labelled(label: str, values: Mapping[str, float]) -> dict[str, float]:
    return {f'{{{label}="{name}"}}': value for name, value in values.items()}


def _write(name: str, content: str) -> None:
    """Write a file that other users may read who are let into the folder, as a unit of systemd can let them."""
    where = folder()
    where.mkdir(exist_ok=True)
    where.chmod(0o755)
    with atomic.writing(where / name, lasting=False) as file:
        os.fchmod(file.fileno(), 0o644)
        file.write(content.encode())


def _read() -> Mapping[str, Any]:
    """What the process before wrote; nothing where that is missing or damaged."""
    try:
        found = json.loads(atomic.read_small(folder() / STATUS, _MOST_BYTES))
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _counter(before: Mapping[str, Any], name: str) -> Counter[str]:
    rows = before.get(name)
    if not isinstance(rows, dict):
        return Counter()
    return Counter({key: int(_number(rows, key)) for key in rows if _NAME.fullmatch(key)})


def _number(before: Mapping[str, Any], name: str) -> float:
    found = before.get(name)
    return found if isinstance(found, int | float) and 0 <= found < 1e15 else 0


def _name(text: str) -> str:
    return text if _NAME.fullmatch(text) else _OTHER


def own_bytes() -> int:
    """Memory that is this process's alone, without mapped files."""
    rows = Path("/proc/self/status").read_text("ascii", "replace").splitlines()
    return next((int(row.split()[1]) << 10 for row in rows if row.startswith("RssAnon:")), 0)
