"""The locks hold all that pyproject.toml and the catalog name, and pip takes nothing else."""

import hashlib
import itertools
import json
import re
import subprocess
import sys
import tomllib
import zipfile
from importlib import metadata
from pathlib import Path

import bootstrap
import llama_wheel
import lock_weights
import locked
import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from edge_assistant_models.store import Store
from edge_assistant_models.tensors import tensor_digest

PLACES = [
    {"python_version": f"3.{minor}", "python_full_version": f"3.{minor}.2", "platform_machine": machine}
    | {"sys_platform": "linux", "platform_system": "Linux", "os_name": "posix", "extra": ""}
    for minor in (11, 12, 13)
    for machine in ("x86_64", "aarch64")
]


def pins(lock, place):
    """Version by name, of the lines that count at a place."""
    found = {}
    for text in locked.requirements(lock).values():
        for line in re.findall(r"^[A-Za-z0-9].*", text, re.M):
            wanted = Requirement(line.rstrip(" \\"))
            if wanted.marker is None or wanted.marker.evaluate(place):
                (only,) = wanted.specifier
                assert only.operator == "=="
                assert canonicalize_name(wanted.name) not in found
                found[canonicalize_name(wanted.name)] = only.version
    return found


@pytest.fixture(scope="module")
def project():
    return tomllib.loads(locked.PYPROJECT.read_text("utf-8"))["project"]


def test_the_locks_are_of_this_pyproject():
    assert locked.current(), "run 'make lock'"


def test_every_package_is_of_one_version_with_hashes_and_no_address():
    for lock in locked.LOCKS:
        assert locked.requirements(lock)
        for name, text in locked.requirements(lock).items():
            assert re.fullmatch(r"([^\n]+ \\\n( {4}--hash=sha256:[0-9a-f]{64}( \\)?\n)+)+", text), name
        assert "://" not in lock.read_text("utf-8")


def test_what_pyproject_names_is_in_the_locks_within_its_range(project):
    extras = project["optional-dependencies"]
    demo = [line for extra in locked.DEMO_EXTRAS for line in extras[extra]]
    every = [line for lines in extras.values() for line in lines]
    for place, (lock, more) in itertools.product(PLACES, ((locked.DEMO, demo), (locked.TEST, every))):
        known = pins(lock, place)
        for line in (*project["dependencies"], *more):
            wanted = Requirement(line)
            if wanted.name != "torch" and (wanted.marker is None or wanted.marker.evaluate(place)):
                assert wanted.specifier.contains(known[canonicalize_name(wanted.name)]), f"{line} in {lock.name}"


def test_no_lock_holds_torch_nor_what_only_a_build_of_it_needs():
    for lock in locked.LOCKS:
        names = set(locked.requirements(lock))
        assert not [name for name in names if name.startswith(("torch", "nvidia", "triton", "cuda"))]


def test_the_demo_is_tested_with_its_own_versions():
    for place in PLACES:
        demo, tested = pins(locked.DEMO, place), pins(locked.TEST, place)
        assert demo.items() <= tested.items()


@pytest.fixture
def commands(monkeypatch, tmp_path):
    """What would be run, with the content of the requirements that it names."""
    ran = []

    def run(command, **options):
        named = [command[at + 1] for at, word in enumerate(command) if word in {"--requirement", "--constraint"}]
        ran.append((command, "".join(Path(name).read_text() for name in named)))

    monkeypatch.setattr(locked, "current", lambda: True)
    monkeypatch.setattr(llama_wheel, "ensure", lambda python, version, accelerator: tmp_path)
    monkeypatch.setattr(subprocess, "run", run)
    monkeypatch.delenv("LOCKED", raising=False)
    return ran


@pytest.mark.parametrize(("extras", "lock"), [(["audio", "tui"], locked.DEMO), (["audio", "dev"], locked.TEST)])
def test_all_that_is_fetched_is_compared_with_the_lock(commands, tmp_path, extras, lock):
    bootstrap.install(tmp_path / "venv", extras)
    fetched = [(command, text) for command, text in commands if "--no-index" not in command]
    assert all("--require-hashes" in command and "--no-deps" in command for command, _ in fetched)
    assert [text for _, text in fetched] == [locked.without(lock, llama_wheel.NAME), locked.BUILD.read_text()]
    assert ["--editable" in command for command, _ in commands] == [False, False, False, True]


@pytest.mark.parametrize("why", ["it was asked for", "the lock is of other dependencies"])
def test_without_the_lock_that_is_said(commands, monkeypatch, tmp_path, capsys, why):
    if why == "it was asked for":
        monkeypatch.setenv("LOCKED", "no")
    else:
        monkeypatch.setattr(locked, "current", lambda: False)
    bootstrap.install(tmp_path / "venv", ["tui"])
    ((command, _),) = commands
    assert "--require-hashes" not in command
    assert "the locks are not used" in capsys.readouterr().err


def test_a_lock_of_other_dependencies_is_not_used_and_that_installs_again(monkeypatch, tmp_path):
    monkeypatch.delenv("LOCKED", raising=False)
    before = bootstrap.pinned()
    changed = tmp_path / "pyproject.toml"
    changed.write_text(locked.PYPROJECT.read_text("utf-8").replace("numpy>=", "numpy>"), "utf-8")
    monkeypatch.setattr(locked, "PYPROJECT", changed)
    assert not locked.current()
    monkeypatch.undo()
    monkeypatch.setenv("LOCKED", "no")
    assert bootstrap.pinned() != before


def test_a_package_with_another_hash_is_refused(tmp_path, monkeypatch, capfd):
    wheel = _wheel(tmp_path / "wheels")
    monkeypatch.setenv("PIP_FIND_LINKS", str(wheel.parent))
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    lock = tmp_path / "lock.txt"
    lock.write_text(f"it==1.0 \\\n    --hash=sha256:{digest}\n")
    environment = locked.bring_tools(pip, lock, tmp_path / "good")
    assert (tmp_path / "good" / "it.py").is_file()
    assert environment["PYTHONPATH"] == str(tmp_path / "good")
    lock.write_text(f"it==1.0 \\\n    --hash=sha256:{'0' * 64}\n")
    with pytest.raises(subprocess.CalledProcessError):
        locked.bring_tools(pip, lock, tmp_path / "bad")
    assert not (tmp_path / "bad" / "it.py").exists()
    assert "DO NOT MATCH THE HASHES" in capfd.readouterr().err


def _wheel(folder):
    folder.mkdir()
    path = folder / "it-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as wheel:
        wheel.writestr("it.py", "")
        wheel.writestr("it-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: it\nVersion: 1.0\n")
        wheel.writestr("it-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr("it-1.0.dist-info/RECORD", "")
    return path


@pytest.fixture(scope="module")
def weights():
    return json.loads(lock_weights.LOCK.read_text("utf-8"))


def test_the_lock_of_weights_equals_the_catalog(weights):
    written = lock_weights.recorded(weights)
    assert lock_weights.lock(written, weights["written_with"]) == weights, "run 'make lock'"


def test_every_file_of_a_pinned_model_has_the_sum_of_its_bytes(weights):
    catalog = lock_weights.entries.load()
    assert set(weights["models"]) == set(catalog)
    for name, model in weights["models"].items():
        rows = [*model["files"], *model.get("fetched", ())]
        sums = [row["sha256"] for row in rows]
        if catalog[name].pinned:
            assert all(re.fullmatch("[0-9a-f]{64}", found or "") for found in sums), name
        assert all(row["sources"] for row in (model.get("fetched") or model["files"])), name


def test_what_importers_wrote_here_is_what_the_lock_says(weights, store):
    """But for a model that an earlier checkout pulled: its tensors are those that are pinned, in another order."""
    if any(metadata.version(name) != found for name, found in weights["written_with"].items()):
        pytest.skip("the lock was written with other versions of onnx and numpy")
    here = {name: sums for name, sums in lock_weights.installed(Store(store)).items() if sums}
    assert here
    locked_sums, catalog = lock_weights.recorded(weights), lock_weights.entries.load()
    for name, sums in here.items():
        pins = {file.path: file.tensors_sha256 for file in catalog[name].files}
        for path in (path for path, found in sums.items() if found != locked_sums[name][path]):
            assert tensor_digest(Store(store).folder(name) / path) == pins[path], f"{name}: {path}"
