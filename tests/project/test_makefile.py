"""The verbs that a developer types, and what is said before anything long starts."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

VERBS = {"demo", "docs", "test", "quick", "check", "bench", "airgap", "sbom", "lock", "clean", "help"}
TOOLS = ("sh", "env", "dirname", "sed", "awk", "cat", "uname")


@pytest.fixture
def machine(tmp_path):
    """A machine with only the programs named: a folder of links for PATH."""
    folder = tmp_path / "bin"
    folder.mkdir()

    def have(*programs, python=sys.executable):
        for program in (*TOOLS, *programs):
            (folder / program).symlink_to(shutil.which(program))
        for program, script in {"python3": f'exec "{python}" "$@"'}.items():
            (folder / program).write_text(f"#!/bin/sh\n{script}\n")
            (folder / program).chmod(0o755)
        return folder

    return have


def bootstrap(root, path, *arguments, **environment):
    return subprocess.run(
        ["/bin/sh", str(root / "tools" / "bootstrap.sh"), *arguments],
        env={"PATH": str(path), "VENV": "no-such-environment", **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def make(root, *arguments):
    env = {"PATH": os.environ["PATH"], "HOME": "/nonexistent"}
    return subprocess.run(["make", *arguments], cwd=root, env=env, capture_output=True, text=True, check=True).stdout


def test_help_is_the_default_and_lists_every_verb(root):
    listed = set(re.findall(r"^    make (\w+)", make(root), re.M))
    assert listed == VERBS
    assert make(root, "help") == make(root)


def test_demo_asks_three_questions_over_files_that_are_there(root):
    commands = [shlex.split(line) for line in make(root, "-n", "demo").splitlines() if "edge-assistant ask" in line]
    files = [Path(word) for command in commands for word in command if word.startswith("examples/")]
    assert len(commands) == 3
    assert len(files) == 8
    assert [file for file in files if not (root / file).is_file()] == []


@pytest.mark.parametrize(
    ("present", "python", "said"),
    [
        (("git", "make"), None, "missing: a C++ compiler"),
        (("git", "c++"), None, "missing: make"),
        (("make", "c++"), None, "missing: git"),
        (("git", "make", "c++"), "/bin/false", "missing: Python 3.11 or later (PYTHON=python3 is not)"),
        (("git", "make", "broken"), None, "missing: a C++ compiler"),
    ],
)
def test_what_is_missing_is_named_before_anything_starts(root, machine, present, python, said):
    folder = machine(*(program for program in present if program != "broken"), python=python or sys.executable)
    if "broken" in present:  # a compiler without its library is as good as none
        (folder / "c++").symlink_to("/bin/false")
    ran = bootstrap(root, folder, "dev", **({"PYTHON": "python3"} if python else {}))
    assert ran.returncode == 1
    assert ran.stderr.startswith(said)
    assert ran.stderr.count("\n") == 1
