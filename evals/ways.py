"""The ways to answer a scenario's question that a bench compares: the product warm or cold, and the baselines."""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import signal
import subprocess
import time
from collections.abc import Mapping
from typing import Any, Protocol

from edge_assistant_quantize.datasets.scenarios import Job
from edge_assistant_quantize.metrics.cross_signal import EVERYTHING, Reply, timed
from edge_assistant_quantize.metrics.warm import WarmAssistant
from evals.baselines import Baseline


class Way(Protocol):
    """A way to answer."""

    name: str

    def answer(self, job: Job) -> Reply:
        """Answer one question.

        Raises:
            ModelError: a model is missing or corrupt, so that no other question would fare better.
        """


class Prompted:
    """A baseline over the same evidence, with the same language model."""

    def __init__(self, baseline: Baseline, assistant: WarmAssistant, *, gold: bool) -> None:
        self.name = baseline.name
        self._baseline = baseline
        self._assistant = assistant
        self._gold = gold

    def answer(self, job: Job) -> Reply:
        """See `Way`."""

        def ask() -> tuple[Mapping[str, Any], tuple[str, ...] | None]:
            evidence = self._assistant.evidence(job.scenario.take())
            return self._baseline.answer(job.question.ask, evidence, self._assistant.engine), None

        return timed(self._assistant, job, self._gold, ask)


class Command:
    """A command that takes a question and signals as `edge-assistant ask` does, in a process of its own each time."""

    name = EVERYTHING

    def __init__(self, command: str, timeout_s: float) -> None:
        self._command = shlex.split(command)
        self._timeout_s = timeout_s

    def answer(self, job: Job) -> Reply:
        """See `Way`."""
        given = [word for kind, path in job.scenario.given for word in (f"--{kind}", str(path.resolve()))]
        began = time.perf_counter()
        try:
            status, out, err = self._run([*self._command, job.question.ask, "--json", *given])
        except OSError as error:
            return Reply(error=f"it cannot be started: {error.strerror}")
        except subprocess.TimeoutExpired:
            return Reply(seconds=time.perf_counter() - began, error=f"no answer after {self._timeout_s:g} s")
        seconds = time.perf_counter() - began
        last = err.strip().rpartition("\n")[2][:300]
        if status != 0:
            return Reply(seconds=seconds, error=f"exit status {status}: {last}")
        said = _object(out)
        return Reply(said, seconds) if said is not None else Reply(seconds=seconds, error=f"no JSON object: {last}")

    def _run(self, words: list[str]) -> tuple[int, str, str]:
        """Run to the end; whatever ends it early ends what it started too."""
        pipe = subprocess.PIPE
        process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe, start_new_session=True)
        try:
            out, err = process.communicate(timeout=self._timeout_s)
        except BaseException:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            raise
        return process.returncode, out.decode("utf-8", "replace"), err.decode("utf-8", "replace")


def _object(out: str) -> Mapping[str, Any] | None:
    """The JSON object in what a command printed."""
    for text in (out, out[out.find("{") : out.rfind("}") + 1]):
        try:
            found = json.loads(text)
        except ValueError:
            continue
        if isinstance(found, dict):
            return found
    return None
