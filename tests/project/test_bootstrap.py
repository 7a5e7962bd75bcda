"""The environment is left alone while nothing that it was made from has changed."""

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
    monkeypatch.setenv("GPU", "cuda")
    monkeypatch.setattr(bootstrap.llama_wheel, "ensure", lambda python, version, accelerator: tmp_path)
    monkeypatch.setattr(bootstrap, "use_locks", lambda: False)
    monkeypatch.setattr(bootstrap.subprocess, "run", lambda command, check: ran.append(" ".join(map(str, command))))
    bootstrap.install(tmp_path, [])
    pip = f"{tmp_path}/bin/python -m pip --disable-pip-version-check"
    assert ran[-2:] == [
        f"{pip} uninstall --quiet --yes onnxruntime",
        f"{pip} install --quiet --no-compile --only-binary :all: onnxruntime-gpu[cuda,cudnn]>=1.22",
    ]
