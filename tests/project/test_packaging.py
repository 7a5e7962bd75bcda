"""The wheel holds what a user needs and nothing else."""

import subprocess
import zipfile

import pytest


@pytest.fixture(scope="session")
def wheel(root, tmp_path_factory) -> zipfile.ZipFile:
    from hatchling.builders.wheel import WheelBuilder

    folder = tmp_path_factory.mktemp("wheel")
    (built,) = WheelBuilder(str(root)).build(directory=str(folder), versions=["standard"])
    return zipfile.ZipFile(built)


def test_both_packages_are_typed(wheel):
    names = wheel.namelist()
    assert "edge_assistant/py.typed" in names
    assert "edge_assistant_models/py.typed" in names


def test_every_file_of_the_packages_is_in_it(wheel, root):
    tracked = subprocess.run(
        ["git", "ls-files", "edge_assistant", "models"], cwd=root, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    assert any(name.endswith(".toml") for name in tracked)
    assert {name.removeprefix("models/") for name in tracked} <= set(wheel.namelist())


def test_nothing_else_is_in_it(wheel):
    tops = {name.split("/")[0] for name in wheel.namelist()}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"edge_assistant", "edge_assistant_models"}
    assert not [name for name in wheel.namelist() if name.endswith((".onnx", ".gguf", ".bin"))]


def test_the_command_and_the_licence_are_declared(wheel):
    (info,) = {name.split("/")[0] for name in wheel.namelist() if ".dist-info/" in name}
    assert "edge-assistant = edge_assistant.cli.main:main" in wheel.read(f"{info}/entry_points.txt").decode()
    assert f"{info}/licenses/LICENSE" in wheel.namelist()
