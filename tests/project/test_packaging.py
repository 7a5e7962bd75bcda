"""The wheel holds what a user needs and nothing else."""

import re
import subprocess
import zipfile

import pytest


@pytest.fixture(scope="session")
def wheel(root, tmp_path_factory) -> zipfile.ZipFile:
    from hatchling.builders.wheel import WheelBuilder

    folder = tmp_path_factory.mktemp("wheel")
    (built,) = WheelBuilder(str(root)).build(directory=str(folder), versions=["standard"])
    return zipfile.ZipFile(built)


PACKAGES = {"edge_assistant", "edge_assistant_models", "edge_assistant_quantize", "edge_assistant_tui"}


def test_the_packages_are_typed(wheel):
    assert {f"{package}/py.typed" for package in PACKAGES} <= set(wheel.namelist())


def test_every_file_of_the_packages_is_in_it(wheel, root):
    tracked = subprocess.run(
        ["git", "ls-files", "edge_assistant", "models", "quantize", "tui", "examples"],
        cwd=root,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    assert any(name.endswith(".toml") for name in tracked)
    files = {name for name in tracked if not (root / name).is_dir()}  # the app's link to the examples is a folder
    within = {
        re.sub("^(models|quantize|tui)/", "", re.sub("^examples/", "edge_assistant_tui/examples/", name))
        for name in files
    }
    assert within <= set(wheel.namelist())


def test_nothing_else_is_in_it(wheel):
    tops = {name.split("/")[0] for name in wheel.namelist()}
    assert {top for top in tops if not top.endswith(".dist-info")} == PACKAGES
    assert not [name for name in wheel.namelist() if name.endswith((".onnx", ".gguf", ".bin"))]


def test_the_command_and_the_licence_are_declared(wheel):
    (info,) = {name.split("/")[0] for name in wheel.namelist() if ".dist-info/" in name}
    scripts = wheel.read(f"{info}/entry_points.txt").decode()
    assert "edge-assistant = edge_assistant.cli.main:main" in scripts
    assert "edge-quantize = edge_assistant_quantize.cli.main:main" in scripts
    assert "[edge_assistant.importers]\nblazeface = edge_assistant_quantize.importers.blazeface\n" in scripts
    assert f"{info}/licenses/LICENSE" in wheel.namelist()
