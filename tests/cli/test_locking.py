"""Which command lines are locked, and `--no-lock`."""

from __future__ import annotations

import contextlib
import io
import os
import subprocess
import sys

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edge_assistant.cli import main as module
from edge_assistant.governance.offline import lock, proof

LOCKED, UNLOCKED, TOGETHER = "locked", "unlocked", "with other processes in reach"


@pytest.fixture
def engaged(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the command does to its process, which stays as it is."""
    did: list[str] = []

    def engage(wanted: bool, apart: bool) -> lock.OfflineLock:
        did.append(LOCKED if wanted else UNLOCKED)
        did.extend([] if apart else [TOGETHER])
        return lock.OfflineLock(True)

    monkeypatch.setattr(lock, "engage", engage)
    monkeypatch.setattr(lock, "silence", lambda: None)
    monkeypatch.setattr(proof, "listen", lambda: did.append("listens"))
    return did


WHAT = {
    (LOCKED,): "ask q|check|doctor|doctor --json|bench speed|models|models list|models verify|models import m.tar|"
    "models export m.tar|models remove pull|models info pull|models --json pull m|models -- pull m|ask models pull|"
    "ask resident|no-such-verb|ask --prove-offline",
    (): "models pull|models pull m|models pull --profile starter||--attach form.jpg|--help|--no-lock|"
    "--no-lock --profile tiny|--no-lock models pull m",
    (UNLOCKED,): "--no-lock ask q|--no-lock models list",
    (LOCKED, TOGETHER): "resident start",
    (UNLOCKED, TOGETHER): "--no-lock resident run",
    ("listens", LOCKED): "doctor --prove-offline",
    ("listens", UNLOCKED): "--no-lock doctor --prove-offline --json",
}


def test_what_is_locked(engaged: list[str]) -> None:
    for did, lines in WHAT.items():
        for line in lines.split("|"):
            engaged.clear()
            module._lock(line.split())
            assert tuple(engaged) == did, line


WORDS = [
    "--no-lock", "models", "pull", "list", "info", "ask", "q", "--", "-h", "--profile", "tiny", "--attach", "--json",
]  # fmt: skip


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(line=st.lists(st.sampled_from(WORDS), max_size=5))
def test_what_is_outside_is_a_pull_or_the_launcher(engaged: list[str], line: list[str]) -> None:
    """The words are looked at before they are parsed; both must see the same."""
    engaged.clear()
    module._lock(line)
    if not engaged:
        with contextlib.suppress(module.UsageError, SystemExit), contextlib.redirect_stdout(io.StringIO()):
            args = module._parsed(line)
            assert args.verb is None or (args.verb, args.models_verb) == ("models", "pull")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("ask q --no-lock", "unrecognized arguments: --no-lock"),
        ("--no-lock --profile tiny models list", "--profile stands before the verb models"),
        ("--no-lock --colour", "unrecognized arguments: --colour"),
        ("--no-loc ask q", "--no-loc stands before the verb ask"),
    ],
)
def test_it_stands_before_the_verb(line: str, said: str) -> None:
    with pytest.raises(module.UsageError) as caught:
        module._parsed(line.split())
    assert said in caught.value.message


def test_the_telemetry_of_libraries_is_off_in_every_process(tmp_path) -> None:
    """ONNX Runtime looks at the variable when it is imported, whoever imports it; under CI it is silent anyway."""
    code = """
    import os, sys
    from edge_assistant.cli import main
    sys.argv = ["edge-assistant", *sys.argv[1:]]
    try:
        main.main()
    except SystemExit:
        pass
    import onnxruntime
    print(os.environ["ORT_DISABLE_TELEMETRY"], os.environ["HF_HUB_DISABLE_TELEMETRY"], file=sys.stderr)
    """
    left = {"ORT_DISABLE_TELEMETRY", "HF_HUB_DISABLE_TELEMETRY", "CI", "HOME"}
    environment = {name: value for name, value in os.environ.items() if name not in left}
    for line in ("models list", "models pull no-such-model", "--version", "--no-lock models list"):
        python = [sys.executable, "-c", "\n".join(part[4:] for part in code.splitlines()), *line.split()]
        home = tmp_path / line.replace(" ", "")
        home.mkdir()
        ran = subprocess.run(python, capture_output=True, text=True, check=True, env={**environment, "HOME": str(home)})
        assert ran.stderr.splitlines()[-1] == "1 1"
        assert not list(home.rglob("*icrosoft*"))
