"""Where the app may write: a person's documents and where it was started, not where other programs look."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from helpers.platforms import needs_landlock

from edge_assistant_tui import writable_folders

TRIES = """
import sys
from pathlib import Path
from edge_assistant.governance.offline import bounds, lock
from edge_assistant_tui import writable_folders
bounds.ALWAYS = ("/dev", "/proc/self")
lock.engage()
writable_folders.keep("file:" + sys.argv[1])
for name in sys.argv[2:]:
    try:
        Path(name, "new").touch()
        print("done")
    except PermissionError:
        print("refused")
with open(sys.argv[1], "w+b") as file:  # as a speaker begins, and goes on
    file.write(b"done")
print(open(sys.argv[1], "r+").read())
print(writable_folders.writable())
"""


@pytest.fixture
def person(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home folder with what people have in it."""
    for folder in ("Documents", "Downloads", ".config/pip", "project/.git", "bin", "spoken", "tmp"):
        (tmp_path / folder).mkdir(parents=True)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    monkeypatch.setenv("EDGE_ASSISTANT_HOME", str(tmp_path / ".edge-assistant"))
    return tmp_path


@needs_landlock
@pytest.mark.parametrize(
    ("here", "saves"), [("project", "project"), ("", "Documents"), (".config", "Documents"), ("Downloads", "Downloads")]
)
def test_the_app_writes_where_a_person_keeps_things(person: Path, here: str, saves: str) -> None:
    written = ["Documents", "Downloads", ".edge-assistant", ".edge-assistant/config", "tmp"]
    kept = ["", ".config", ".config/pip", "bin", "spoken"]
    names = [str(person / name) for name in [*written, *kept, "project"]]
    command = [sys.executable, "-P", "-c", TRIES, str(person / "spoken" / "out.wav"), *names]
    ran = subprocess.run(command, cwd=person / here, capture_output=True, text=True, check=True)
    *found, folder = ran.stdout.split()
    assert found == ["done"] * 5 + ["refused"] * 5 + ["done" if here == "project" else "refused"] + ["done"]
    assert Path(folder) == person / saves


@pytest.mark.parametrize("speaker", ["", "USB Audio", "file:.bashrc", "file:.config/autostart/x.desktop"])
def test_the_setting_of_a_speaker_lets_no_other_file_be_written(person: Path, speaker: str) -> None:
    """The app, which may be taken over, writes that setting."""
    name = speaker.replace("file:", f"file:{person}/")
    assert writable_folders._spoken(name) == []
    assert not (person / ".bashrc").exists()


def test_the_installation_is_no_place_to_save_in(person: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(person / "project")
    monkeypatch.setattr(sys, "prefix", str(person / "project" / ".venv"))
    assert writable_folders.writable() == person / "Documents"
    (person / "Documents").rmdir()
    (person / "Downloads").rmdir()
    assert writable_folders.writable() == person / ".edge-assistant" / "exports"


@pytest.mark.parametrize(("here", "saves"), [("bin", "Documents"), ("bin/deep", "Documents"), ("project", "project")])
def test_a_folder_of_commands_is_no_place_to_save_in(
    person: Path, monkeypatch: pytest.MonkeyPatch, here: str, saves: str
) -> None:
    (person / here).mkdir(exist_ok=True)
    monkeypatch.chdir(person / here)
    monkeypatch.setenv("PATH", f"/usr/bin:{person}/bin:.")
    assert writable_folders.writable() == person / saves
