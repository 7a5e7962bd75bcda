"""The example plugin: built, installed into a folder, found by the commands, and used."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

ROOT = Path(__file__).parents[2]

PERCEIVES = """
import sys
from pathlib import Path
from edge_assistant.compute.runtime import Runtime
from edge_assistant.core.signals import Kind, take_file
from edge_assistant.devices import chosen
from edge_assistant.perception.sense import Request, senses
(sense,) = [sense for sense in senses() if sense.name == "exposure"]
(seen,) = sense({}, Runtime.detect()).perceive(take_file(Path(sys.argv[1]), Kind.IMAGE, 1), Request()).evidence
print(seen.text)
assert chosen.follows("counter:1") and not chosen.follows("count:1")
device = chosen.readings("counter:1")
device.open()
print(device.read().decode().splitlines()[0])
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the example installed."""
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    subprocess.run([*command, "--target", folder, ROOT / "examples" / "plugin"], check=True)
    return folder


def run(site: Path, *command: str) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join([str(site), os.environ.get("PYTHONPATH", "")])
    return subprocess.run(
        [sys.executable, *command], env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True
    )


def test_a_verb_of_a_plugin_runs(site: Path) -> None:
    done = run(site, "-m", "edge_assistant.cli.main", "folders")
    assert (done.returncode, done.stdout) == (0, f"{os.environ['EDGE_ASSISTANT_HOME']}\n")


def test_a_sense_and_a_device_of_a_plugin_are_used(site: Path, tmp_path: Path) -> None:
    Image.new("RGB", (64, 64), (10, 10, 10)).save(tmp_path / "night.png")
    done = run(site, "-c", PERCEIVES, str(tmp_path / "night.png"))
    assert done.stdout.splitlines() == ["The picture is dark: mean brightness 10 of 255.", "time,count"], done.stderr


def test_a_plugin_that_cannot_be_loaded_is_named(site: Path, tmp_path: Path) -> None:
    (tmp_path / "edge_assistant_example").mkdir()
    (tmp_path / "edge_assistant_example" / "__init__.py").write_text("raise RuntimeError('made for another version')")
    (tmp_path / "edge_assistant_example-0.1.0.dist-info").symlink_to(site / "edge_assistant_example-0.1.0.dist-info")
    broken = run(tmp_path, "-m", "edge_assistant.cli.main", "folders")
    said = "error: the plugin folders of edge-assistant-example 0.1.0 cannot be loaded (RuntimeError: made for another"
    assert broken.returncode == 2
    assert broken.stderr.startswith(said)
    assert len(broken.stderr.splitlines()) == 1
