"""Work in a process of its own: steps, results, reasons of failures, and that nothing outlives its caller."""

from __future__ import annotations

import subprocess
import sys

import pytest

from edge_assistant_quantize import worker
from edge_assistant_quantize.errors import ModelTooLarge, QuantizationFailed, StorageFull, WeightsRefused
from edge_assistant_quantize.progress import ProgressStep, ignore


def ran(folder, code, watch=ignore):
    """Run the body of a function `work` as a worker."""
    lines = "".join(f"    {line}\n" for line in code.splitlines())
    imports = "import os, sys, time\nfrom edge_assistant_quantize import errors\n"
    imports += "from edge_assistant_quantize.progress import ProgressStep as Step\n"
    (folder / "sample.py").write_text(f"{imports}\ndef work(request, watch):\n{lines}")
    paths = ":".join([str(folder), *sys.path])
    return worker.run("sample", {"a": 1}, watch, failure="it failed", hint="look", environment={"PYTHONPATH": paths})


def test_steps_and_the_result_come_back(tmp_path):
    steps = []
    code = "print('no answer')\nwatch(Step('a', 0, 2))\nreturn [request, os.getsid(0) == os.getpid()]"
    assert ran(tmp_path, code, steps.append) == [{"a": 1}, True]
    assert steps == [ProgressStep("a", 0, 2)]


@pytest.mark.parametrize(
    ("code", "kind", "message"),
    [
        ("raise ValueError('odd shapes')", QuantizationFailed, r"it failed \(odd shapes\)"),
        ("return {}['hidden_size']", QuantizationFailed, r"it failed \(KeyError: 'hidden_size'\)"),
        ("assert 9 < len(request)", QuantizationFailed, r"it failed \(AssertionError: assert 9 < len\(request\)\)"),
        ("raise ValueError('x' * 200)", QuantizationFailed, r"it failed \(x{97}\.\.\.\)"),
        ("raise ValueError('a\\x1b[31m')", QuantizationFailed, r"it failed \(a\\x1b\[31m\)"),
        ("sys.stderr.write('GGML_ASSERT(x)\\n\\n'); sys.stderr.flush(); os.abort()", QuantizationFailed, "GGML_ASSERT"),
        ("os.kill(os.getpid(), 6)", QuantizationFailed, r"it failed \(it ended by SIGABRT\)"),
        ("raise SystemExit(3)", QuantizationFailed, r"it failed \(status 3\)"),
        ("raise errors.WeightsRefused('damaged', 'fetch')", WeightsRefused, "damaged"),
        ("os.kill(os.getpid(), 9)", ModelTooLarge, "memory did not suffice"),
        ("raise MemoryError", ModelTooLarge, "memory did not suffice"),
        ("raise OSError(28, 'No space left on device')", StorageFull, "the disk is full"),
    ],
)
def test_a_failure_has_a_reason(tmp_path, code, kind, message):
    with pytest.raises(kind, match=message):
        ran(tmp_path, code)


def test_it_ends_with_whoever_watches(tmp_path):
    def interrupt(step):
        raise KeyboardInterrupt

    code = "watch(Step(str(os.getpid()), 0, 1))\ntime.sleep(600)"
    with pytest.raises(KeyboardInterrupt):
        ran(tmp_path, code, interrupt)


def test_it_ends_with_a_caller_that_is_killed(tmp_path):
    (tmp_path / "sample.py").write_text("import time\n\ndef work(request, watch):\n    time.sleep(600)\n")
    command = [sys.executable, "-m", worker.__name__, "sample"]
    paths = ":".join([str(tmp_path), *sys.path])
    with subprocess.Popen(command, stdin=subprocess.PIPE, env={"PYTHONPATH": paths}) as process:
        process.communicate(b"{}\n")  # which closes its standard input
    assert process.returncode == 1
