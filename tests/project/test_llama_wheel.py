"""llama-cpp-python is built once, whole or not at all; a script stands in for pip, which would take minutes."""

import subprocess
import threading

import llama_wheel
import locked
import pytest

BUILDS = """#!/bin/sh
echo built >>"{log}"
while [ "$1" != --wheel-dir ]; do shift; done
sleep {seconds}
mkdir -p "$2" && echo wheel >"$2/it.whl"
exit {status}
"""


@pytest.fixture
def fake_pip(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("CMAKE_ARGS", raising=False)

    def make(status, seconds=0):
        script = tmp_path / "python"
        script.write_text(BUILDS.format(log=tmp_path / "log", status=status, seconds=seconds))
        script.chmod(0o755)
        return script

    return make


def builds(tmp_path):
    return (tmp_path / "log").read_text().count("built")


def test_what_compiles_for_cards_is_asked_for_before_the_build(fake_pip, tmp_path, monkeypatch):
    monkeypatch.setattr(llama_wheel.shutil, "which", lambda program: None)
    for accelerator, compiler in llama_wheel.COMPILERS.items():
        with pytest.raises(SystemExit, match=f"{compiler} is missing, which GPU={accelerator} needs"):
            llama_wheel.ensure(fake_pip(0), "1.2.3", accelerator=accelerator)
    assert not (tmp_path / "log").exists()


def test_the_environment_asks_for_cards(monkeypatch):
    for said, found in {"": "", "cuda": "cuda", "Vulkan": "vulkan", "rocm": "rocm", "metal": "metal"}.items():
        monkeypatch.setenv("GPU", said)
        assert llama_wheel.wanted_accelerator() == found
    monkeypatch.setenv("GPU", "voodoo")
    with pytest.raises(SystemExit, match="GPU=voodoo is not known - take one of cuda, rocm, vulkan, metal"):
        llama_wheel.wanted_accelerator()
    assert llama_wheel.ACCELERATORS.keys() == llama_wheel.COMPILERS.keys(), "each says what compiles it"


def test_a_failed_build_leaves_nothing_and_can_be_tried_again(fake_pip, tmp_path, capsys):
    with pytest.raises(subprocess.CalledProcessError):
        llama_wheel.ensure(fake_pip(1), "1.2.3")
    assert [path for path in llama_wheel.cache_folder().iterdir() if path.is_dir()] == []
    assert llama_wheel.ensure(fake_pip(0), "1.2.3").is_dir()


def test_what_a_killed_build_left_is_removed(fake_pip):
    python = fake_pip(0)
    folder = llama_wheel.ensure(python, "1.2.3")
    left = folder.with_name(f".building-{folder.name}-killed")
    folder.rename(left)
    assert llama_wheel.ensure(python, "1.2.3") == folder
    assert not left.exists()


def test_two_at_once_build_once(fake_pip, tmp_path):
    python, found = fake_pip(0, seconds=0.3), []
    threads = [threading.Thread(target=lambda: found.append(llama_wheel.ensure(python, "1.2.3"))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found[0] == found[1]
    assert builds(tmp_path) == 1


LOGS = """#!/bin/sh
echo "$PYTHONPATH $*" >>"{log}"
for word; do [ -f "$word" ] && cat "$word" >>"{log}"; done
case " $* " in *" install "*) exit 0 ;; esac
while [ "$1" != --wheel-dir ]; do shift; done
mkdir -p "$2" && echo wheel >"$2/it.whl"
"""


def test_the_source_and_what_compiles_it_are_compared_with_the_locks(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    script, log = tmp_path / "python", tmp_path / "log"
    script.write_text(LOGS.format(log=log))
    script.chmod(0o755)
    llama_wheel.ensure(script, llama_wheel.pinned(locked.PYPROJECT))
    said = log.read_text()
    assert said.count("--require-hashes") == 2
    assert locked.LLAMA_BUILD.read_text() in said
    assert locked.requirements(locked.DEMO)[llama_wheel.NAME] in said
    (built,) = [line for line in said.splitlines() if " wheel " in line]
    assert built.startswith(str(tmp_path / "cache"))
    assert " --no-build-isolation --require-hashes " in built
