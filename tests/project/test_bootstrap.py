"""The environment is left alone while nothing that it was made from has changed."""

import json
import sys

import bootstrap
import pytest


@pytest.fixture
def installs(monkeypatch):
    """What would be installed, instead of installing it."""
    done = []

    def create(folder):
        python = folder / "bin" / "python"
        python.parent.mkdir(parents=True, exist_ok=True)
        python.unlink(missing_ok=True)
        python.symlink_to(sys.executable)

    monkeypatch.setattr(bootstrap, "create", create)
    monkeypatch.setattr(bootstrap, "install", lambda folder, extras: done.append(extras))
    return done


@pytest.fixture
def run(tmp_path, monkeypatch):
    def call(*extras):
        monkeypatch.setattr(sys, "argv", ["bootstrap", "--venv", str(tmp_path / "venv"), *extras])
        return bootstrap.main()

    return call


def test_a_warm_environment_is_left_alone(run, installs):
    assert [run(), run(), run()] == [0, 0, 0]
    assert installs == [[]]


def test_extras_add_up(run, installs):
    for extras in ((), ("dev",), ("bench", "dev"), ("dev",), ()):
        run(*extras)
    assert installs == [[], ["dev"], ["bench", "dev"]]


def test_a_changed_pyproject_installs_again(run, installs, tmp_path):
    run("dev")
    stamp = tmp_path / "venv" / bootstrap.STAMP
    stamp.write_text(json.dumps({**json.loads(stamp.read_text()), "key": "of another pyproject"}))
    run("dev")
    assert installs == [["dev"], ["dev"]]


def test_an_environment_that_does_not_run_is_made_anew(run, installs, tmp_path):
    run()
    python = tmp_path / "venv" / "bin" / "python"
    python.unlink()
    python.symlink_to(tmp_path / "gone")
    run()
    assert installs == [[], []]


def test_other_cards_make_it_anew(run, installs, tmp_path, monkeypatch):
    run("dev")
    (tmp_path / "venv" / "left").touch()
    monkeypatch.setenv("GPU", "cuda")
    assert [run(), run()] == [0, 0]
    assert not (tmp_path / "venv" / "left").exists()
    monkeypatch.delenv("GPU")
    run()
    assert installs == [["dev"], [], []]


def test_onnxruntime_for_cards_takes_the_place_of_the_other(tmp_path, monkeypatch):
    ran = []
    monkeypatch.setattr(bootstrap.subprocess, "run", lambda command, check: ran.append(" ".join(map(str, command))))
    bootstrap.install_onnxruntime_for_cards(["python", "-m", "pip", "--isolated", "install", "--quiet"])
    assert ran == [
        "python -m pip --isolated uninstall --quiet --yes onnxruntime",
        "python -m pip --isolated install --quiet --only-binary :all: onnxruntime-gpu[cuda,cudnn]>=1.22",
    ]


def test_the_key_depends_on_project_python_and_place(root):
    base = (b"[project]", (3, 11), root)
    others = [(b"[projekt]", *base[1:]), (base[0], (3, 12), root), (*base[:2], root / "elsewhere")]
    assert len({bootstrap.environment_key(*facts) for facts in (base, *others)}) == 4


def test_usable_tells_a_moved_environment(tmp_path):
    assert bootstrap.usable(tmp_path) is False
    binaries = tmp_path / "bin"
    binaries.mkdir()
    (binaries / "python").symlink_to(sys.executable)
    (binaries / "pip").write_text("#!/somewhere/else/python\n")
    assert bootstrap.usable(tmp_path) is False
    (binaries / "pip").write_text(f"#!{binaries / 'python'}\n")
    assert bootstrap.usable(tmp_path) is True
