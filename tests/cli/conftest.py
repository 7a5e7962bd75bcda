"""What tests of the command stand on."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers import few_layers, plain_model, systemd
from helpers.commands import Command, Here, Ran
from PIL import Image

from edge_assistant.cli.main import main
from edge_assistant_models.model import InstalledModel


@pytest.fixture(scope="session")
def allergies(tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config) -> Path:
    """The part of a form that says "Allergies: none", which is read in half the time."""
    path = tmp_path_factory.mktemp("form") / "form.png"
    with Image.open(pytestconfig.rootpath / "examples" / "clinic" / "form.jpg") as form:
        form.crop((60, 600, 660, 1108)).save(path)
    return path


@pytest.fixture(scope="session")
def boots(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Skips where systemd cannot run as PID 1 in namespaces, with a service that has a user of its own."""
    if lacks := systemd.missing():
        pytest.skip(lacks)
    try:
        systemd.try_boot(tmp_path_factory.mktemp("tried"))
    except AssertionError as error:
        pytest.skip(f"systemd starts no service in namespaces here: {error}")


@pytest.fixture
def small_command(tmp_path_factory: pytest.TempPathFactory, store: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    """Runs the real command in a process of its own, with the models of the profile `test`."""
    monkeypatch.setenv("EDGE_ASSISTANT_MODELS", str(store))
    monkeypatch.setenv("EDGE_ASSISTANT_PROFILE", "test")
    return Command(tmp_path_factory.mktemp("ran"))


@pytest.fixture
def few_command(
    small_command: Command, few: InstalledModel, home: Path, store: Path, monkeypatch: pytest.MonkeyPatch
) -> Command:
    """The same, but with few layers of the language model: to read its instructions takes the whole one seconds."""
    monkeypatch.delenv("EDGE_ASSISTANT_MODELS")
    few_layers.install(home, few.files["model"], store)
    return small_command


@pytest.fixture
def command(small_command: Command, monkeypatch: pytest.MonkeyPatch) -> Command:
    """As `small_command`, but a plain model reads in place of the language model."""
    plain_model.use(monkeypatch)
    return small_command


@pytest.fixture
def here(command: Command, capfd: pytest.CaptureFixture[str]) -> Here:
    """As `command`, in this process: a tenth of the time, where the process does not matter; libraries are heard."""

    def run(*arguments: str | Path) -> Ran:
        try:
            status = main([str(argument) for argument in arguments])
        except SystemExit as end:  # of a help
            status = int(end.code or 0)
        return Ran(status, *capfd.readouterr(), None)

    return run
