"""A model from the hub into a folder: what comes, what does not, and what happens when it breaks off."""

from __future__ import annotations

import hashlib
import tomllib
from pathlib import Path
from typing import Any

import pytest

from edge_assistant.core.errors import PullFailed
from edge_assistant_quantize import room
from edge_assistant_quantize.cli.main import main
from edge_assistant_quantize.errors import InputMissing, StorageFull, UsageError, WeightsRefused
from edge_assistant_quantize.fetching import hub as fetching
from edge_assistant_quantize.progress import Step

WANTED = {
    "config.json",
    "tokenizer.json",
    "tokenizer.model",
    "merges.txt",
    "chat_template.jinja",
    "README.md",
    "LICENSE",
    "1_Pooling/config.json",
    "model.safetensors.index.json",
    "model-00001-of-00002.safetensors",
    "model-00002-of-00002.safetensors",
}


def fetch(folder: Path, revision: str | None = None, repo: str = "owner/tiny") -> list[Step]:
    steps: list[Step] = []
    fetching.fetch(repo, folder, revision=revision, watch=steps.append)
    return steps


def names(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def refused(folder: Path, kind: type[Exception], **options: Any) -> str:
    with pytest.raises(kind) as caught:
        fetch(folder, **options)
    assert "\n" not in str(caught.value)
    assert not folder.exists()
    return str(caught.value)


def test_the_data_comes_and_no_code(hub: Any, tmp_path: Path) -> None:
    steps = fetch(tmp_path / "models" / "tiny")
    assert names(tmp_path / "models" / "tiny") == WANTED | {"source.toml"}
    assert [path.name for path in (tmp_path / "models").iterdir()] == ["tiny"]
    assert steps[-1].done == steps[-1].total
    assert [step.done for step in steps] == sorted({step.done for step in steps})


def test_the_commit_and_the_sums_are_kept(hub: Any, tmp_path: Path) -> None:
    hub.publish("v1")
    fetch(tmp_path / "tiny", "v1")
    source = tomllib.loads((tmp_path / "tiny" / "source.toml").read_text())
    assert (source["repo"], source["revision"]) == ("owner/tiny", hub.commit)
    assert source["files"] == {name: hashlib.sha256(hub.files[name]).hexdigest() for name in WANTED}


def test_the_token_goes_to_the_hub(hub: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    fetch(tmp_path / "tiny")
    assert {authorization for _, _, authorization in hub.web.seen} == {"Bearer hf_secret"}


def test_one_set_of_weights_comes(hub: Any, tmp_path: Path) -> None:
    hub.files["model.safetensors"] = b"the same again"
    hub.publish()
    fetch(tmp_path / "parts")
    assert "model.safetensors" not in names(tmp_path / "parts")
    del hub.files["model.safetensors.index.json"]
    hub.publish()
    fetch(tmp_path / "whole")
    assert {name for name in names(tmp_path / "whole") if name.endswith(".safetensors")} == {"model.safetensors"}


def test_a_break_in_the_middle_of_a_file_is_gone_on_with(hub: Any, tmp_path: Path) -> None:
    before = 1 + len(WANTED) - 2  # requests: the list, and the files that are smaller
    hub.web.cuts = [1 << 20] * (before + 1) + [0] * 3  # it breaks off and off again within the first part
    assert "it goes on where it was" in refused(tmp_path / "tiny", PullFailed)
    hub.web.cuts, hub.web.seen = [], []
    fetch(tmp_path / "tiny")
    asked = [(path.rpartition("/")[2], begin) for path, begin, _ in hub.web.seen[1:]]
    assert asked == [
        ("model-00001-of-00002.safetensors", f"bytes={1 << 20}-"),
        ("model-00002-of-00002.safetensors", None),
    ]
    assert names(tmp_path / "tiny") == WANTED | {"source.toml"}


def test_a_folder_that_has_it_is_left_as_it_is(hub: Any, tmp_path: Path) -> None:
    fetch(tmp_path / "tiny")
    before = len(hub.web.seen)
    steps = fetch(tmp_path / "tiny")
    assert len(hub.web.seen) == before + 1  # the list, which says what the revision stands for
    assert steps[-1].done == steps[-1].total
    hub.commit = "f" * 40
    hub.publish()
    with pytest.raises(UsageError, match="does not hold owner/tiny at ffff"):
        fetch(tmp_path / "tiny")


@pytest.mark.parametrize("path", ["config.json", "model-00002-of-00002.safetensors"], ids=["of git", "of LFS"])
def test_another_content_than_the_hub_states_is_refused(hub: Any, tmp_path: Path, path: str) -> None:
    hub.stated[path] = hub.files[path][:-1] + b"?"
    hub.publish()
    assert f"{path} of owner/tiny cannot be fetched (it sends another content" in refused(tmp_path / "tiny", PullFailed)


def test_pickles_alone_are_refused(hub: Any, tmp_path: Path) -> None:
    hub.files = {name: body for name, body in hub.files.items() if not name.endswith(".safetensors")}
    hub.publish()
    assert "pytorch_model.bin only: pickled weights can run code" in refused(tmp_path / "tiny", WeightsRefused)


def test_a_repository_without_weights_is_none_of_a_model(hub: Any, tmp_path: Path) -> None:
    hub.files = {"config.json": b"{}", "README.md": b"", "tiny.gguf": b""}
    hub.publish()
    assert "owner/tiny holds no safetensors" in refused(tmp_path / "tiny", InputMissing)


def test_a_path_that_leads_out_does_not_come(hub: Any, tmp_path: Path) -> None:
    hub.files["../config.json"] = b"{}"
    hub.publish()
    fetch(tmp_path / "models" / "tiny")
    assert names(tmp_path / "models") == {f"tiny/{name}" for name in WANTED | {"source.toml"}}


@pytest.mark.parametrize(
    ("status", "code", "said"),
    [
        (404, "RepoNotFound", "there is no such model"),
        (404, "RevisionNotFound", "it has no such revision"),
        (403, "GatedRepo", "its licence has to be accepted"),
        (500, "", "the hub answers 500"),
    ],
)
def test_what_the_hub_refuses_is_a_reason(hub: Any, tmp_path: Path, status: int, code: str, said: str) -> None:
    hub.web.statuses, hub.web.error_code = [status] * 9, code
    assert said in refused(tmp_path / "tiny", PullFailed)


def test_a_hub_that_says_nonsense_is_a_reason(hub: Any, tmp_path: Path) -> None:
    hub.web.files = dict.fromkeys(hub.web.files, b"<html>")
    assert "owner/tiny cannot be fetched" in refused(tmp_path / "tiny", PullFailed)
    hub.commit = "main"
    hub.publish()
    assert "the hub names no commit" in refused(tmp_path / "tiny", PullFailed)


def test_without_a_network_it_is_said_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    assert "no answer from 127.0.0.1" in refused(tmp_path / "tiny", PullFailed)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert "HF_HUB_OFFLINE is set" in refused(tmp_path / "tiny", PullFailed)


@pytest.mark.parametrize("repo", ["", "a/b/c", "../etc", "owner/..", "owner/na me", "-owner/x"])
def test_a_name_that_is_none_is_refused(tmp_path: Path, repo: str) -> None:
    refused(tmp_path / "tiny", UsageError, repo=repo)


def test_a_disk_without_room_is_seen_before_anything_comes(
    hub: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = type("Usage", (), {"free": 5_000_000})
    monkeypatch.setattr(room.shutil, "disk_usage", lambda folder: usage)
    assert "owner/tiny needs 5.7 MiB and 4.8 MiB are free" in refused(tmp_path / "tiny", StorageFull)
    assert len(hub.web.seen) == 1


def test_the_command_says_what_came(hub: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fetch", "owner/tiny", "--output", str(tmp_path / "tiny")]) == 0
    assert "12 files, 5.7 MiB; source.toml names the commit" in capsys.readouterr().out
    assert main(["fetch", "nobody/nothing", "--output", str(tmp_path / "none")]) == 4
    assert "error: nobody/nothing cannot be fetched" in capsys.readouterr().err


@pytest.mark.parametrize("verb", [["fetch", "owner/tiny", "--output", "tiny"], ["tools"]], ids=lambda words: words[0])
def test_a_policy_that_forbids_pulls_forbids_this(
    home: Path, verb: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    (home / "config").mkdir()
    (home / "config" / "policy.toml").write_text("[offline]\npull = false\n")
    assert main(verb) == 5
    assert "no pull of models" in capsys.readouterr().err
