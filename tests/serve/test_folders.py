"""Files that a client names: what is in the folders of the policy is opened, and nothing else, however it is named."""

from __future__ import annotations

import errno
import itertools
import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from helpers.gateways import serving
from helpers.platforms import needs_lock
from helpers.scripted_resident import HANGS
from helpers.wyoming_clients import talk
from wyoming.asr import Transcript

from edge_assistant.core.errors import (
    EdgeAssistantError,
    InputMissing,
    InputUnreadable,
    InputUnsupported,
    PolicyRefused,
)
from edge_assistant.serve import folders


@pytest.fixture
def shared(tmp_path: Path) -> Path:
    """A folder that a policy could name, beside one that it does not."""
    for name in ("shared/inner", "secret"):
        (tmp_path / name).mkdir(parents=True)
    for name in ("shared/form.txt", "shared/inner/form.txt", "secret/form.txt"):
        (tmp_path / name).write_text(name)
    return tmp_path / "shared"


def read(path: Path | str, *allowed: Path) -> str:
    """What is in a file that a client names."""
    with os.fdopen(folders.opened(os.fspath(path), [os.fspath(folder) for folder in allowed])) as file:
        return file.read()


def test_what_is_in_a_folder_is_opened_and_links_within_it_are_followed(shared: Path) -> None:
    (shared / "link.txt").symlink_to("inner/form.txt")
    (shared / "deep").symlink_to("inner")
    (shared.parent / "named").symlink_to(shared)
    assert read(shared / "form.txt", shared) == "shared/form.txt"
    assert read(shared / "link.txt", shared) == "shared/inner/form.txt"
    assert read(shared / "deep" / "form.txt", shared) == "shared/inner/form.txt"
    assert read(f"{shared}/inner/../form.txt", shared) == "shared/form.txt"
    assert read(shared.parent / "named" / "form.txt", shared.parent / "named") == "shared/form.txt", "of the policy"
    assert read(f"{shared}/inner/../form.txt", shared / "inner", shared) == "shared/form.txt", "the outermost counts"


@pytest.mark.parametrize(
    "path",
    [
        "../secret/form.txt",
        "inner/../../secret/form.txt",
        "out.txt",
        "whole.txt",
        "away/form.txt",
        "chain.txt",
        "self",
        "loop",
        "/etc/passwd",
        "/proc/self/fd/0",
        "form.txt/../../secret/form.txt",
        "file:///etc/passwd",
    ],
)
def test_what_leads_out_of_the_folders_is_refused_in_one_line(shared: Path, path: str) -> None:
    (shared / "out.txt").symlink_to("../secret/form.txt")
    (shared / "whole.txt").symlink_to(shared.parent / "secret" / "form.txt")
    (shared / "away").symlink_to(shared.parent / "secret")
    (shared / "chain.txt").symlink_to("inner/chain.txt")
    (shared / "inner" / "chain.txt").symlink_to("../out.txt")
    (shared / "self").symlink_to("/proc/self/fd/0")
    (shared / "loop").symlink_to("loop")
    named = path if path.startswith(("/", "file:")) else f"{shared}/{path}"
    with pytest.raises((PolicyRefused, InputMissing)) as refused:
        read(named, shared)
    assert "\n" not in refused.value.message
    assert "secret" not in str(refused.value), "nothing is told of what is outside"
    if path != "form.txt/../../secret/form.txt":  # a file is no folder
        assert "(serve.folders)" in refused.value.message


def test_magic_links_are_refused_even_in_a_folder_that_the_policy_names() -> None:
    with open(__file__) as file, pytest.raises(PolicyRefused):  # noqa: PTH123
        read(f"/proc/self/fd/{file.fileno()}", Path("/proc/self"))


def test_whether_a_file_outside_is_there_is_not_told(shared: Path) -> None:
    def refusal(path: str) -> str:
        with pytest.raises(EdgeAssistantError) as refused:
            read(path, shared)
        return str(refused.value)

    assert refusal("/etc/passwd") == refusal("/etc/no such file")
    assert refusal(f"{shared}/../secret/form.txt") == refusal(f"{shared}/../secret/none.txt")


@pytest.mark.parametrize("name", ["none.txt", "form.txt\0.png", "\ud800.txt", "x" * 300, "form.txt/more"])
def test_what_is_not_there_is_missing(shared: Path, name: str) -> None:
    with pytest.raises(EdgeAssistantError) as missing:
        read(f"{shared}/{name}", shared)
    assert isinstance(missing.value, InputMissing) or len(name) == 300


def test_folders_and_pipes_are_not_opened(shared: Path) -> None:
    os.mkfifo(shared / "pipe.txt")
    (shared / "device.txt").symlink_to("pipe.txt")
    for name in ("", "inner", "pipe.txt", "device.txt"):
        with pytest.raises(InputUnsupported):
            read(shared / name, shared)


def test_a_folder_that_is_swapped_for_a_link_leads_nowhere_else(shared: Path) -> None:
    """A racing rename opens what is in the folder or nothing, never what is outside."""
    (shared / "evil").symlink_to(shared.parent / "secret")
    ended = threading.Event()

    def swap() -> None:
        while not ended.is_set():
            for one, other in (("inner", "aside"), ("evil", "inner"), ("inner", "evil"), ("aside", "inner")):
                (shared / one).rename(shared / other)

    swapping = threading.Thread(target=swap)
    swapping.start()
    try:
        seen, both = set[str](), {"shared/inner/form.txt", "PolicyRefused"}
        end = time.monotonic() + HANGS
        for number in itertools.count():
            if time.monotonic() > end or (number > 2_000 and both <= seen):
                break
            try:
                seen.add(read(shared / "inner" / "form.txt", shared))
            except EdgeAssistantError as error:
                seen.add(type(error).__name__)
    finally:
        ended.set()
        swapping.join()
    assert "secret/form.txt" not in seen
    assert both <= seen, "both were there"


def test_a_refusal_is_recorded_once_a_minute(
    shared: Path, hold: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    from edge_assistant.governance.policy import policy

    hold(f'[serve]\nfolders = ["{shared}"]\n')
    recorded: list[object] = []
    monkeypatch.setattr(policy.current(), "record", recorded.append)
    for _ in range(3):
        with pytest.raises(PolicyRefused, match=r"\(serve\.folders\)"):
            read("/etc/passwd", shared)
    assert recorded == [{"event": "refused", "rule": "serve.folders", "about": "outside"}]


def test_the_files_of_a_folder_are_those_that_can_be_perceived(shared: Path) -> None:
    (shared / "a.txt").write_text("a")
    (shared / ".hidden.txt").write_text("x")
    (shared / "raw").write_bytes(b"\xff\x00\xfe\x01" * 8)
    (shared / "link.txt").symlink_to("inner/form.txt")
    (shared / "out.txt").symlink_to("../secret/form.txt")
    (shared / "gone.txt").symlink_to("nowhere")
    os.mkfifo(shared / "pipe.txt")
    before = len([*Path("/proc/self/fd").iterdir()])
    with folders.within(os.fspath(shared), 9) as found:
        assert {name: os.pread(one, 99, 0) for name, one in found.items()} == {
            "a.txt": b"a",
            "form.txt": b"shared/form.txt",
            "link.txt": b"shared/inner/form.txt",
        }
    with folders.within(os.fspath(shared), 2) as found:
        assert [*found] == ["a.txt", "form.txt"]
    with folders.within(None, 9) as found:
        assert found == {}
    with pytest.raises(InputUnreadable), folders.within(os.fspath(shared / "nowhere"), 9):
        pass
    assert len([*Path("/proc/self/fd").iterdir()]) == before


def test_a_file_that_cannot_be_read_is_one_clear_error(shared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*given: object) -> bytes:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with monkeypatch.context() as patch:
        patch.setattr(os, "pread", broken)
        told = pytest.raises(InputUnreadable, match=r"form\.txt cannot be read \(Input/output error\)")
        with told, folders.within(os.fspath(shared / "inner"), 9):
            pass
    opens = os.open
    monkeypatch.setattr(os, "open", lambda path, *given: broken() if "/fd/" in str(path) else opens(path, *given))
    with pytest.raises(InputUnreadable, match=r"form\.txt cannot be read \(Input/output error\)"):
        read(shared / "form.txt", shared)


@needs_lock
def test_wyoming_asks_over_the_files_that_are_in_its_folder_just_now(
    homes: Iterator[Path], store: Path, tmp_path: Path
) -> None:
    asked = Transcript("Which allergies are known?", language="en", context={"conversation_id": "one"})

    def said() -> str:
        return str(talk(gateway.port, asked, end="handled")[-1].data["text"])

    folder = tmp_path / "ward"
    policy = f'[serve]\naddresses = ["127.0.0.1"]\nwyoming_folder = "{folder}"\n'
    with serving(next(homes), store, "wyoming", policy=policy) as gateway:
        assert "cannot be read" in said()
        folder.mkdir()
        assert "latex" not in said()
        (folder / "form.txt").write_text("The allergies of the patient are latex.")
        assert "latex" in said()
        (folder / "letter.txt").write_text("The allergies of the patient are penicillin.")
        assert all(word in (found := said()) for word in ("latex", "penicillin")), found
        (folder / "form.txt").unlink()
        assert "latex" not in said()
