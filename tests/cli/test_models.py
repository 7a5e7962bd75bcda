"""The verb `models`: what it prints, what it returns, what it raises."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from helpers import pulled, webserver
from helpers.commands import at_terminal
from helpers.platforms import needs_lock

from edge_assistant.cli import models
from edge_assistant.cli.main import parser
from edge_assistant.core.errors import (
    BundleInvalid,
    ModelCorrupt,
    ModelMissing,
    ModelUnknown,
    PullFailed,
    StorageForeign,
    UsageError,
)
from edge_assistant.storage import settings
from edge_assistant_models import paths, profile

CONTENT = b"content of a model"


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """Runs the verb; status, stdout and stderr."""

    def run(*arguments: str) -> tuple[int, str, str]:
        args = parser("models").parse_args(["models", *arguments])
        args.settings = settings.load()
        status = models.run(args)
        return status, *capsys.readouterr()

    return run


@pytest.fixture(autouse=True)
def catalog(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user's catalog with the model `mine`, and a profile of it; the file that it comes from."""
    source = home / "mine.source"
    source.write_bytes(CONTENT)
    more = "[figures]\nseconds = 1.5\n[options]\nwords = true\n"
    pulled.entry(home, CONTENT, f'type = "file"\npath = "mine.source"\n{more}')
    shipped = profile.load()
    made = profile.Profile("mine", "made up", {"vad": ("mine",)}, frozenset())
    monkeypatch.setattr(profile, "load", lambda: {**shipped, "mine": made})
    return source


def test_list_shows_role_size_licence_state_and_profiles(run: Any) -> None:
    run("pull", "mine")
    status, out, _ = run("list")
    rows = {line.split()[0]: line for line in out.splitlines()}
    assert status == 0
    assert rows["name"].split() == ["name", "role", "size", "licence", "state", "profiles"]
    assert rows["mine"].split() == ["mine", "vad", "0.0", "KiB", "MIT", "installed", "mine"]
    assert "missing" in rows["whisper-base"]
    assert "not tested here" in rows["qwen3-8b-q4_k_m"]
    row = next(row for row in json.loads(run("list", "--json")[1])["models"] if row["name"] == "mine")
    assert (row.pop("bytes"), row.pop("profiles"), row.pop("tested"), row.pop("own")) == (
        len(CONTENT),
        ["mine"],
        True,
        True,
    )
    assert row == {"name": "mine", "role": "vad", "licence": "MIT", "state": "installed"}


def test_info_tells_all_that_the_catalog_says(run: Any) -> None:
    _, out, _ = run("info", "mine")
    for part in ("https://example.org/licence", "seconds 1.5", "words yes", "file mine.source", "model.bin"):
        assert part in out
    facts = json.loads(run("info", "mine", "--json")[1])
    assert facts["files"][0]["key"] == "model"
    assert facts["options"] == {"words": True}


def test_a_damaged_file_of_the_catalog_is_left_out_and_said(run: Any, home: Path) -> None:
    (home / "catalog" / "broken.toml").write_text("name = ")
    (home / "catalog" / "folder.toml").mkdir()
    status, out, err = run("list")
    assert status == 0
    assert "mine" in out
    assert [line.partition(":")[0] for line in err.splitlines()] == ["warning", "warning"]
    assert "broken.toml: not TOML" in err


def test_a_catalog_cannot_steer_the_terminal(run: Any, home: Path) -> None:
    file = home / "catalog" / "mine.toml"
    text = file.read_text().replace('"made up"', '"made \\u001b[31m up"').replace('"MIT"', '"MIT\\u009b2J\\rfake"')
    file.write_text(text.replace("words = true", 'words = "\\u202eno"'))
    for arguments in (["list"], ["info", "mine"]):
        out = run(*arguments)[1]
        assert "fake" in out
        assert all(line.isprintable() for line in out.split("\n"))


@pytest.mark.parametrize("bars", [True, False])
def test_a_source_cannot_steer_the_terminal(
    run: Any, home: Path, catalog: Path, monkeypatch: pytest.MonkeyPatch, bars: bool
) -> None:
    from edge_assistant.cli import terminal

    monkeypatch.setattr(terminal, "redraws", lambda stream, *, plain=False: bars)
    catalog.rename(home / "mine.\x1b]0;t\x07[or][dim]")
    file = home / "catalog" / "mine.toml"
    file.write_text(file.read_text().replace('"mine.source"', '"mine.\\u001b]0;t\\u0007[or][dim]"'))
    status, _, err = run("pull", "mine")
    assert status == 0
    assert "mine is ready" in err
    assert "\x1b]" not in err


def test_pull_says_what_it_does_on_stderr_only(run: Any) -> None:
    status, out, err = run("pull", "--profile", "mine", "--plain")
    assert (status, out) == (0, "")
    assert err.splitlines() == ["mine: model.bin from file mine.source", "mine is ready"]
    assert run("pull", "mine")[2].splitlines() == ["mine is there already"]
    assert json.loads(run("pull", "--profile", "mine", "--json")[1])["models"] == {"vad": "mine"}


def test_lines_tell_how_far_a_long_pull_is(capsys: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from edge_assistant.cli import _pull_progress
    from edge_assistant_models import transfer

    clock = iter(range(0, 1000, 2))
    monkeypatch.setattr(_pull_progress.time, "monotonic", lambda: float(next(clock)))
    watch = _pull_progress.PullLines()
    watch(transfer.Trying("mine", "model.bin", "url example.org"))
    for done in range(0, 100 << 20, 10 << 20):
        watch(transfer.Moved("mine", "model.bin", done, 100 << 20))
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "mine: model.bin from url example.org"
    assert len(lines) < 8
    assert all(" % of 100 MiB, about " in line and line.endswith(" s left") for line in lines[1:])


def test_verify_as_json_tells_the_error_in_the_same_object(run: Any, home: Path) -> None:
    run("pull", "mine")
    assert "error" not in json.loads(run("verify", "--json")[1])
    (home / "models" / "mine" / "model.bin").write_bytes(CONTENT[:-1] + b"?")
    status, out, err = run("verify", "--json")
    said = {
        "code": "model.corrupt",
        "message": "mine cannot be trusted",
        "hint": "run 'edge-assistant models pull mine'",
    }
    report = json.loads(out)
    assert status == 4
    assert err == f"error: {said['message']} - {said['hint']}\n"
    assert report["error"] == said
    assert report["models"][0]["sound"] is False


def test_remove_export_and_import_and_no_link_is_removed(run: Any, tmp_path: Path) -> None:
    run("pull", "mine")
    archive = tmp_path / "models.tar"
    assert run("export", str(archive), "--plain")[0] == 0
    with pytest.raises(UsageError, match="exists already"):
        run("export", str(archive))
    status, out, _ = run("remove", "mine")
    assert status == 0
    assert re.fullmatch(r"mine is removed \([\d.]+ [KM]iB\)\n", out)
    status, _, err = run("import", str(archive), "--plain")
    assert status == 0
    assert "mine is ready" in err
    assert run("verify", "mine")[1] == "mine: sound\n"
    assert run("export", str(tmp_path / "again.tar"), "--profile", "mine", "--plain")[0] == 0
    folder = paths.models_dir() / "mine"
    folder.rename(tmp_path / "elsewhere")
    folder.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StorageForeign, match="is a symbolic link"):
        run("remove", "mine")
    assert any((tmp_path / "elsewhere").iterdir())


@pytest.mark.parametrize("optional", [True, False])
def test_a_profile_is_exported_with_every_role_that_it_needs(
    run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, optional: bool
) -> None:
    roles = {"vad": ("mine",), "speech": ("whisper-base", "whisper-tiny")}
    made = profile.Profile("mine", "made up", roles, frozenset({"speech"} if optional else ()))
    monkeypatch.setattr(profile, "load", lambda: {"mine": made})
    run("pull", "mine")
    archive = tmp_path / "models.tar"
    if optional:
        assert run("export", str(archive), "--profile", "mine")[0] == 0
    else:
        with pytest.raises(ModelMissing, match="the profile mine has no model here for speech"):
            run("export", str(archive), "--profile", "mine")
    assert archive.exists() is optional


@pytest.mark.parametrize(
    ("arguments", "error", "status"),
    [
        (["info", "whisper-bass"], ModelUnknown, 2),
        (["pull", "nothing"], ModelUnknown, 2),
        (["pull", "--profile", "nothing"], ModelUnknown, 2),
        (["pull", "mine", "--profile", "mine"], UsageError, 2),
        (["verify", "mine"], ModelMissing, 4),
        (["remove", "mine"], ModelMissing, 4),
        (["export", "models.tar"], UsageError, 2),
        (["export", "models.tar", "mine"], ModelMissing, 4),
        (["export", "models.tar", "mine", "--profile", "mine"], UsageError, 2),
        (["export", "models.tar", "--profile", "mine"], ModelMissing, 4),
        (["import", "nothing.tar"], BundleInvalid, 3),
    ],
)
def test_what_cannot_be_done_has_a_status(
    run: Any, arguments: list[str], error: type[Any], status: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(error) as caught:
        run(*arguments)
    assert caught.value.exit_status == status


@pytest.fixture
def outside(catalog: Path, home: Path) -> Iterator[webserver.Web]:
    """A server that the model `mine` would be fetched from."""
    with webserver.serving() as server:
        server.files["/mine?of=somebody"] = CONTENT
        entry = home / "catalog" / "mine.toml"
        source = f'type = "url"\nkey = "model"\nurl = "{server.address}/mine?of=somebody"\n'
        entry.write_text(entry.read_text().replace('type = "file"\npath = "mine.source"\n', source))
        yield server


@pytest.mark.parametrize("what", [("mine",), ("--profile", "mine")])
def test_nobody_asks_the_network_for_an_entry_of_the_users_own_unseen(
    run: Any, outside: webserver.Web, what: tuple[str, ...]
) -> None:
    with pytest.raises(PullFailed, match="nobody confirmed it") as caught:
        run("pull", *what)
    assert caught.value.hint == "run 'edge-assistant models pull mine' in a terminal, or add --own"
    assert outside.seen == []
    assert run("pull", *what, "--own")[0] == 0
    assert run("pull", *what)[0] == 0, "what is there is not asked about"
    assert len(outside.seen) == 1


@pytest.mark.parametrize(("key", "status"), [("y", 0), ("n", 4), ("", 4)])
def test_a_person_sees_all_that_the_network_would_be_asked_for(outside: webserver.Web, key: str, status: int) -> None:
    ended, shown = at_terminal(["models", "pull", "mine"], [("fetch mine? [y/N] ", key)])
    assert f"{outside.address}/mine?of=somebody" in shown
    assert (ended, len(outside.seen)) == (status, status == 0)


@needs_lock
@pytest.mark.parametrize(("given", "said"), [((), "True\n"), (("--no-lock",), "False\n")])
def test_a_pull_is_locked_before_it_reads_what_locked_processes_wrote(given: tuple[str, ...], said: str) -> None:
    """Patterns in the cache, and the model itself; a person's --no-lock holds."""
    code = (
        "import sys\nfrom edge_assistant.cli import main, models\nfrom edge_assistant.governance.offline import lock\n"
        "models._prepare = lambda portfolio, names, settings: print(lock.state().locked)\nsys.exit(main.main())"
    )
    command = [sys.executable, "-c", code, *given, "models", "pull", "mine"]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == said


def test_a_reason_is_said_once(capsys: Any) -> None:
    from edge_assistant.cli import _pull_progress
    from edge_assistant_models import transfer

    watch = _pull_progress.PullLines()
    for file in ("a", "b"):
        watch(transfer.Refusal("mine", file, "hf owner/model", "no answer"))
    watch(transfer.PullWaiting("mine"))
    watch(transfer.Converting("mine"))
    watch(transfer.Skipped("faces", "mine", "npm is not installed"))
    assert capsys.readouterr().err.splitlines() == [
        "hf owner/model gives nothing: no answer",
        "mine: waiting for another process that pulls it",
        "mine: converting",
        "mine (faces) is left out: npm is not installed",
    ]


def test_verify_tells_sound_from_damaged(run: Any, home: Path) -> None:
    assert run("verify")[1] == "no models are installed\n"
    run("pull", "mine")
    assert run("verify")[:2] == (0, "mine: sound\n")
    (home / "models" / "mine" / "model.bin").write_bytes(CONTENT[:-1] + b"?")
    with pytest.raises(ModelCorrupt) as caught:
        run("verify", "mine")
    assert caught.value.hint == "run 'edge-assistant models pull mine'"
