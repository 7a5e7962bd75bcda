"""What no tracked file may hold, and how long a file may be."""

import re
import subprocess
import sys
from pathlib import Path

import class_names
import import_circles
import pytest
import subject_words

LONGEST = 420  # lines; a file should fit in the head
# spelled so that this file does not hold what it looks for
MACHINE = re.compile("|".join(("/" + "(work|farm)/", "/" + "root/", "/tmp/" + "bash_jobs", "/home/" + "[a-z]")))
REGISTRY = re.compile("|".join(("pypi" + r"\.org", "pythonhosted" + r"\.org", "npmjs" + r"\.(org|com)")))


@pytest.fixture(scope="module")
def tracked(root) -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=root, capture_output=True, text=True, check=True).stdout
    return [path for name in listed.split("\0") if name and (path := root / name).is_file()]


def texts(paths: list[Path]) -> list[tuple[Path, str]]:
    found = []
    for path in paths:
        try:
            found.append((path, path.read_text("utf-8")))
        except UnicodeDecodeError:
            continue
    return found


def test_no_path_of_one_machine(tracked):
    assert [path.name for path, text in texts(tracked) if MACHINE.search(text)] == []


def test_no_registry_host(tracked):
    assert [path.name for path, text in texts(tracked) if REGISTRY.search(text)] == []


def test_files_fit_in_the_head(tracked):
    code = [path for path in tracked if path.suffix in {".py", ".sh"}]
    assert {path.name: lines for path, text in texts(code) if (lines := text.count("\n")) > LONGEST} == {}


def test_no_weights_and_nothing_large(tracked):
    weights = {".onnx", ".gguf", ".bin", ".pth", ".whl", ".tar", ".xz"}
    assert [path.name for path in tracked if path.suffix in weights] == ["names.xz"]  # docs/redaction.md says why
    assert [path.name for path in tracked if path.stat().st_size > 1_000_000] == []


def test_imports_point_down(root):
    linter = Path(sys.executable).with_name("lint-imports")
    ran = subprocess.run([linter, "--no-cache"], cwd=root, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout


def test_no_modules_import_each_other_in_a_circle(tmp_path, monkeypatch):
    package = tmp_path / "made_up"
    package.mkdir()
    (package / "__init__.py").write_text("def run():\n    from made_up import one\n")
    (package / "one.py").write_text("from made_up import two")
    (package / "two.py").write_text("from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import made_up\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert set(import_circles.circle(["made_up"])) == {"made_up", "made_up.one", "made_up.two"}
    (package / "two.py").write_text("")
    assert import_circles.circle(["made_up"]) == []
    assert import_circles.main() == 0


def test_reasoning_names_no_subject(tmp_path):
    (tmp_path / "of_a_ward.py").write_text('"""The heart rate."""\nHEART_RATE = {"spo2": 1}\nLATE = "late"\n')
    assert subject_words.named(tmp_path) == ["of_a_ward.py:2: HEART RATE", "of_a_ward.py:2: spo2"]
    assert subject_words.named(subject_words.REASONING) == []


def test_no_two_classes_have_one_name(tmp_path):
    for name in ("one", "two"):
        (tmp_path / f"{name}.py").write_text("class Pair:\n    class Sent: ...\nclass _Own: ...\n")
    assert list(class_names.shared([tmp_path])) == ["Pair"]
    assert class_names.shared(class_names.PRODUCT) == {}
