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


def test_ci_runs_exactly_make_test(root, tmp_path):
    """With programs in the way that only tell that they were run."""
    (tmp_path / "id").write_text("#!/bin/sh\necho 1000\n")
    (tmp_path / "make").write_text('#!/bin/sh\npwd\necho "make $*"\nexit 7\n')
    for program in tmp_path.iterdir():
        program.chmod(0o755)
    ran = subprocess.run(
        [root / ".ci" / "run"],
        env={"PATH": f"{tmp_path}:{os.environ['PATH']}"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ran.returncode, ran.stdout, ran.stderr) == (7, f"running make test\n{root}\nmake test\n", "")


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


@pytest.mark.parametrize("absolute", [True, False])
def test_the_environment_may_lie_anywhere(root, tmp_path, absolute):
    shutil.copytree(root / "tools", tmp_path / "checkout" / "tools")
    (tmp_path / "checkout" / "tools" / "bootstrap.py").write_text("import sys\nprint(sys.argv[2])\n")
    named = str(tmp_path / "elsewhere") if absolute else "elsewhere"
    ran = bootstrap(tmp_path / "checkout", os.environ["PATH"], VENV=named, PYTHON=sys.executable)
    assert ran.stdout.strip() == str(tmp_path / "elsewhere" if absolute else tmp_path / "checkout" / "elsewhere")
