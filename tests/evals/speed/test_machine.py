"""What a figure belongs to, and when the machine was too busy for it."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evals.speed import machine
from evals.speed.machine import Clock


def test_facts_tell_the_machine_and_the_models(models):
    found = machine.facts([models("vad")])
    assert found["cores"] >= 1
    assert found["processor"]
    assert found["models"] == {"silero-vad": models("vad").sha256}
    assert {"llama-cpp-python", "onnxruntime"} <= set(found["libraries"])


@given(st.floats(0.1, 1e4), st.floats(0, 1e4), st.floats(0, 1e4))
def test_others_took_what_we_did_not(wall, everybody, own):
    earlier = Clock(5.0, 10.0, 1.0)
    later = Clock(5.0 + wall, 10.0 + everybody, 1.0 + own)
    assert later.others_since(earlier) >= 0
    if everybody >= own:
        assert abs(later.others_since(earlier) * wall - (everybody - own)) < 1e-6 * max(1.0, everybody)


def test_what_this_process_computes_is_not_taken_by_others():
    before = Clock.now()
    if before is None:
        pytest.skip("this system has no /proc/stat")
    began = time.process_time()
    while time.process_time() - began < 0.35:
        sum(range(10_000))
    after = Clock.now()
    assert after is not None
    assert after.own - before.own >= 0.3
    assert after.everybody - before.everybody >= 0.2  # ticks of 10 ms


COMPUTES = """
import os, time
if os.fork() == 0:
    while time.process_time() < 0.35:
        sum(range(10_000))
    os._exit(0)
os.wait()
print("done", flush=True)
input()
"""


def test_what_a_process_computes_that_nobody_waits_for_is_told():
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", COMPUTES], stdin=pipe, stdout=pipe) as process:
        assert process.stdout.readline() == b"done\n"
        seconds = machine.cpu_seconds(process.pid)
        process.communicate(b"\n")
    assert seconds >= 0.3
    assert machine.cpu_seconds(process.pid) == 0.0
    earlier, later = Clock(5.0, 10.0, 1.0), Clock(6.0, 11.5, 1.2)
    assert round(later.others_since(earlier, 1.0), 6) == 0.3
    assert later.others_since(earlier, 9.0) == 0.0


def test_a_busy_machine_is_warned_of_and_a_quiet_one_is_not():
    assert machine.warning(0.2, 2, {"page": 0.05}) == machine.warning(None, 2, {}) == ""
    assert "1.2 in page" in machine.warning(0.0, 2, {"page": 1.2, "decode": 0.0})
    assert "load 1.5 on 2 cores" in machine.warning(1.5, 2, {"page": 0.0})


def test_what_differs_between_two_machines_is_listed():
    one = {"processor": "a", "cores": 2, "python": "3.11.2", "libraries": {}, "models": {}, "load": 0.1, "when": "x"}
    assert machine.differences(one, one | {"load": 3.0, "when": "y"}) == []
    assert machine.differences(one, one | {"cores": 4}) == ["cores: 2, now 4"]
    before, now = (
        one | {"libraries": {"a": "1", "b": "2"}},
        one | {"libraries": {"b": "2", "a": "3"}, "models": {"m": "0"}},
    )
    assert machine.differences(before, now) == ["libraries a: 1, now 3", "models m: None, now 0"]
