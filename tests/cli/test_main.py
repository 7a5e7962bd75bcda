"""The command itself: what it imports, its verbs, statuses and failures."""

from __future__ import annotations

import importlib
import json
import re
import resource
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import pytest
from helpers.commands import Here

from edge_assistant.cli import frame
from edge_assistant.cli.main import main
from edge_assistant.core.errors import EdgeAssistantError, InputMissing, ModelCorrupt, StorageFull
from edge_assistant.governance import dumps

HEAVY = [
    "llama_cpp", "onnxruntime", "cv2", "textual", "sounddevice", "huggingface_hub", "numpy", "rich", "av", "PIL",
    "onnx", "pyarrow", "tokenizers", "pypdfium2", "zxingcpp", "rapidocr", "re2", "phonenumbers", "stdnum",
]  # fmt: skip
OPTIONS_OF_THE_APP = ["attach", "camera", "microphone", "speaker", "profile", "language", "domain"]
MOST_MODULES = 150  # of ours, for a question over a text
VERBS = ["ask", "audit", "bench", "check", "doctor", "forget", "kiosk", "models", "policy", "resident", "serve"]


def imported(*arguments: str) -> set[str]:
    """Modules that a process has imported after it ran the command."""
    code = (
        "import sys\nfrom edge_assistant.cli.main import main\n"
        f"try:\n    main({list(arguments)!r})\nexcept SystemExit:\n    pass\n"
        "print(*sys.modules, file=sys.stderr)"
    )
    python = [sys.executable, "-c", code]
    done = subprocess.run(python, capture_output=True, text=True, check=True, stdin=subprocess.DEVNULL)
    return set(done.stderr.splitlines()[-1].split())


@pytest.mark.parametrize("arguments", [["--help"], [], ["ask", "--help"], ["models", "--help"]])
def test_help_imports_no_heavy_library(arguments: list[str]) -> None:
    modules = imported(*arguments)
    assert "edge_assistant.cli.main" in modules
    assert not modules & set(HEAVY)


@pytest.mark.usefixtures("command")
def test_a_question_over_a_text_imports_few_of_our_modules(tmp_path: Path) -> None:
    (tmp_path / "note.txt").write_text("Allergies: latex.")
    modules = imported("ask", "Which allergies are known?", "--text", str(tmp_path / "note.txt"))
    ours = sorted(name for name in modules if name.startswith("edge_assistant"))
    assert len(ours) <= MOST_MODULES, ours


def test_importing_does_no_work() -> None:
    code = (
        "import logging, os, sys\nbefore = dict(os.environ)\n"
        "import edge_assistant.session.assistant, edge_assistant.cli.main\n"
        "assert dict(os.environ) == before\nassert not logging.getLogger('edge_assistant').handlers\n"
        "heavy = {'llama_cpp', 'onnxruntime', 'cv2', 'av', 'huggingface_hub', 'PIL', 'rich'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_help_names_every_verb_and_status(here: Here) -> None:
    ran = here("--help")
    assert (ran.status, ran.err) == (0, "")
    assert all(f"\n    {verb} " in ran.out for verb in VERBS)
    assert "exit status: 0 answered" in ran.out
    assert "Without a verb it opens the app." in ran.out
    assert all(f"\n  --{option} " in ran.out for option in OPTIONS_OF_THE_APP)


def test_version(here: Here) -> None:
    ran = here("--version")
    assert (ran.status, ran.out) == (0, f"edge-assistant {version('edge-assistant-offline')}\n")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "error: the app needs a terminal - ask on the command line: edge-assistant ask QUESTION, or --help"),
        (["aks"], "invalid choice: 'aks'"),
        (["--colour"], "unrecognized arguments: --colour"),
        (["--profile", "tiny", "--colour"], "unrecognized arguments: --colour - see 'edge-assistant --help'"),
        (["--attach"], "argument --attach: expected one argument"),
        (["--attach", "a.jpg", "--camera", "file:b.mp4"], "error: the app needs a terminal - ask on the command line"),
        (["--profile", "tiny", "models", "list"], "error: --profile stands before the verb models - put the options"),
        (["ask"], "the following arguments are required: QUESTION - see 'edge-assistant ask --help'"),
        (["ask", "q", "--seed", "x"], "argument --seed: 'x' is not a whole number of 0 or more"),
        (["ask", "q", "--image"], "argument --image: expected one argument"),
    ],
)
def test_a_wrong_command_line(here: Here, arguments: list[str], said: str) -> None:
    ran = here(*arguments)
    assert ran.status == 2
    (line,) = ran.err.splitlines()
    assert said in line
    assert line.startswith("error: ")
    assert ran.out == ""


def test_settings_are_read_before_anything_runs(here: Here, home: Path) -> None:
    (home / "config").mkdir()
    (home / "config" / "config.toml").write_text("colour = 'red'")
    ran = here("doctor", "--json")
    assert ran.status == 2
    assert ran.object["error"]["code"] == "usage"


@pytest.fixture
def fails(monkeypatch: pytest.MonkeyPatch) -> Callable[[BaseException], None]:
    """Makes the verb `doctor` raise."""
    doctor = importlib.import_module("edge_assistant.cli.doctor")

    def set_error(error: BaseException) -> None:
        def run(args: object) -> int:
            raise error

        monkeypatch.setattr(doctor, "run", run)

    monkeypatch.setattr("edge_assistant.storage.logs.start", lambda level, redact: None)
    monkeypatch.setattr(frame, "_open_streams", lambda as_json: None)
    return set_error


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (InputMissing("form.jpg does not exist", "check the path"), 3, "input.missing"),
        (ModelCorrupt("a model is broken", "pull it again"), 4, "model.corrupt"),
        (StorageFull("the disk is full", "free some space"), 6, "storage.full"),
        (KeyboardInterrupt(), 130, "interrupted"),
        (RuntimeError("oops\nin two lines \x1b[31m"), 70, "fault"),
        (RecursionError(), 70, "fault"),
        (MemoryError(), 70, "fault"),
    ],
)
@pytest.mark.parametrize("as_json", [False, True])
def test_every_failure_is_one_line_and_a_status(
    fails: Callable[[BaseException], None],
    capsys: pytest.CaptureFixture[str],
    error: BaseException,
    status: int,
    code: str,
    as_json: bool,
) -> None:
    fails(error)
    assert main(["doctor", *["--json"] * as_json]) == status
    out, err = capsys.readouterr()
    (line,) = err.splitlines()
    assert line.startswith("error: ")
    assert " - " in line
    assert "\x1b" not in line
    if as_json:
        assert json.loads(out)["error"]["code"] == code
    else:
        assert out == ""
    if isinstance(error, EdgeAssistantError):
        assert line == f"error: {error}"


@pytest.mark.parametrize(
    ("arguments", "more"),
    [
        (["doctor"], ""),
        (["models", "list"], ""),
        (["models", "pull", "x"], "; the pull goes on where it was"),
        (["--no-lock", "models", "pull", "x"], "; the pull goes on where it was"),
    ],
)
def test_an_interruption_speaks_of_a_pull_only_to_who_pulls(
    arguments: list[str], more: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(arguments: list[str], began: float, **how: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(frame, "_open_streams", lambda as_json: None)
    monkeypatch.setattr(importlib.import_module("edge_assistant.cli.main"), "_run", interrupted)
    assert main(arguments) == 130
    assert capsys.readouterr().err == f"error: interrupted - run the command again{more}\n"


def test_every_verb_says_what_it_does() -> None:
    verbs = frame.verbs("edge_assistant.cli")
    assert [verb.NAME for verb in verbs] == VERBS
    assert all(verb.HELP and verb.EXAMPLES.startswith("examples:\n") for verb in verbs)


DIES = """
import os, resource, signal, subprocess, sys
from pathlib import Path
_, hard = resource.getrlimit(resource.RLIMIT_CORE)
resource.setrlimit(resource.RLIMIT_CORE, (min(9, hard) if hard >= 0 else 9, hard))
from edge_assistant.cli.main import main
sys.argv[1:] = ["models", "list"]
main()
print(hard, *resource.getrlimit(resource.RLIMIT_CORE))
if os.path.exists("/proc/self/coredump_filter"):
    subprocess.run(["cat", "/proc/self/coredump_filter"], check=True)
"""


def test_a_process_that_dies_leaves_no_picture_of_its_memory() -> None:
    """Neither in a file nor in the hands of a program, which Linux gives it to unless the limit is just 1 byte."""
    ran = subprocess.run([sys.executable, "-uc", DIES], capture_output=True, text=True, check=True)
    lines = [line for line in ran.stdout.splitlines() if re.fullmatch(r"[-0-9a-f ]+", line)]
    hard, *limits = map(int, lines[0].split())
    assert limits == ([1, 1] if sys.platform == "linux" and hard else [0, 0])
    assert [int(line, 16) for line in lines[1:]] == [0] * Path("/proc/self/coredump_filter").exists()


@pytest.mark.skipif(sys.platform != "linux", reason="limits of core dumps are other ones elsewhere")
def test_where_the_limit_is_0_already_it_stays(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Who may not raise it gets what they had, and no memory in what is dumped."""
    asked = []

    def refuse(which: int, limits: tuple[int, int]) -> None:
        asked.append(limits)
        if limits != (0, 0):
            raise ValueError("not allowed to raise maximum limit")

    monkeypatch.setattr(resource, "setrlimit", refuse)
    monkeypatch.setattr(dumps, "_FILTER", tmp_path / "filter")
    dumps.off()
    assert asked == [(1, 1), (0, 0)]
    assert (tmp_path / "filter").read_text() == "0"


LATE = """
import atexit, os, signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # whoever runs the tests may ignore it
from edge_assistant.cli.main import main
atexit.register(os.kill, os.getpid(), signal.SIGINT)
sys.argv[1:] = ["models", "list"]
sys.exit(main())
"""


def test_ctrl_c_after_all_is_said_says_nothing_more() -> None:
    ran = subprocess.run([sys.executable, "-c", LATE], capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stderr) == (0, "")
