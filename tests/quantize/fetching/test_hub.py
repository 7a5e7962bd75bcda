"""A model from the hub into a folder: what comes, what does not, and what happens when it breaks off."""

from __future__ import annotations

import hashlib
import tomllib

import pytest

from edge_assistant.core.errors import PullFailed
from edge_assistant_quantize import room
from edge_assistant_quantize.cli.main import main
from edge_assistant_quantize.errors import InputMissing, StorageFull, UsageError, WeightsRefused
from edge_assistant_quantize.fetching import hub as fetching

PARTS = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"]
WANTED = {
    *("config.json", "tokenizer.json", "tokenizer.model", "merges.txt", "chat_template.jinja", "README.md", "LICENSE"),
    *("1_Pooling/config.json", "model.safetensors.index.json", *PARTS),
}


def fetch(folder, revision=None, repo="owner/tiny"):
    steps = []
    fetching.fetch(repo, folder, revision=revision, watch=steps.append)
    return steps


def names(folder):
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def refused(folder, kind, **options):
    with pytest.raises(kind) as caught:
        fetch(folder, **options)
    assert "\n" not in str(caught.value)
    assert not folder.exists()
    return str(caught.value)


def test_the_data_comes_with_commit_and_sums_and_no_code(hub, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    hub.files["../config.json"] = b"{}"  # leads out
    hub.publish("v1")
    steps = fetch(tmp_path / "models" / "tiny", "v1")
    assert names(tmp_path / "models") == {f"tiny/{name}" for name in WANTED | {"source.toml"}}
    assert steps[-1].done == steps[-1].total
    assert [step.done for step in steps] == sorted({step.done for step in steps})
    source = tomllib.loads((tmp_path / "models" / "tiny" / "source.toml").read_text())
    assert (source["repo"], source["revision"]) == ("owner/tiny", hub.commit)
    assert source["files"] == {name: hashlib.sha256(hub.files[name]).hexdigest() for name in WANTED}
    assert {authorization for _, _, authorization in hub.web.seen} == {"Bearer hf_secret"}


def test_one_set_of_weights_comes(hub, tmp_path):
    hub.files["model.safetensors"] = b"the same again"
    hub.publish()
    fetch(tmp_path / "parts")
    assert "model.safetensors" not in names(tmp_path / "parts")
    del hub.files["model.safetensors.index.json"]
    hub.publish()
    fetch(tmp_path / "whole")
    assert {name for name in names(tmp_path / "whole") if name.endswith(".safetensors")} == {"model.safetensors"}


def test_a_break_in_the_middle_of_a_file_is_gone_on_with(hub, tmp_path):
    before = 1 + len(WANTED) - 2  # requests: the list, and the files that are smaller
    hub.web.cuts = [1 << 20] * (before + 1) + [0] * 3  # it breaks off and off again within the first part
    assert "it goes on where it was" in refused(tmp_path / "tiny", PullFailed)
    hub.web.cuts, hub.web.seen = [], []
    fetch(tmp_path / "tiny")
    asked = [(path.rpartition("/")[2], begin) for path, begin, _ in hub.web.seen[1:]]
    assert asked == [(PARTS[0], f"bytes={1 << 20}-"), (PARTS[1], None)]
    assert names(tmp_path / "tiny") == WANTED | {"source.toml"}
    with pytest.raises(UsageError, match="tiny is there already - name a folder that is not there yet"):
        fetch(tmp_path / "tiny")


@pytest.mark.parametrize("path", ["config.json", PARTS[1]], ids=["of git", "of LFS"])
def test_another_content_than_the_hub_states_is_refused(hub, tmp_path, path):
    hub.stated[path] = hub.files[path][:-1] + b"?"
    hub.publish()
    assert f"{path} of owner/tiny cannot be fetched (it sends another content" in refused(tmp_path / "tiny", PullFailed)


def test_a_repository_without_weights_is_none_of_a_model(hub, tmp_path):
    hub.files = {name: body for name, body in hub.files.items() if not name.endswith(".safetensors")}
    hub.publish()
    assert "pytorch_model.bin only: pickled weights can run code" in refused(tmp_path / "tiny", WeightsRefused)
    hub.files = {"config.json": b"{}", "README.md": b"", "tiny.gguf": b""}
    hub.publish()
    assert "owner/tiny holds no safetensors" in refused(tmp_path / "tiny", InputMissing)


@pytest.mark.parametrize(
    ("status", "code", "said"),
    [
        (404, "RepoNotFound", "there is no such model"),
        (404, "RevisionNotFound", "it has no such revision"),
        (403, "GatedRepo", "its licence has to be accepted"),
        (500, "", "the hub answers 500"),
    ],
)
def test_what_the_hub_refuses_is_a_reason(hub, tmp_path, status, code, said):
    hub.web.statuses, hub.web.error_code = [status] * 9, code
    reason = refused(tmp_path / "tiny", PullFailed)
    assert said in reason
    assert "check the name" in reason


def test_a_hub_that_says_nonsense_is_a_reason(hub, tmp_path):
    hub.web.files = dict.fromkeys(hub.web.files, b"<html>")
    said = refused(tmp_path / "tiny", PullFailed)
    assert "owner/tiny cannot be fetched" in said
    assert "check the name" in said
    hub.commit = "main"
    hub.publish()
    assert "the hub names no commit" in refused(tmp_path / "tiny", PullFailed)
    for repo in ("", "a/b/c", "../etc", "owner/..", "owner/na me", "-owner/x"):
        refused(tmp_path / "tiny", UsageError, repo=repo)


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("HF_ENDPOINT", "http://127.0.0.1:9", "no answer from 127.0.0.1"),
        ("http_proxy", "http://127.0.0.1:9", "cannot be fetched"),  # behind a proxy that does not answer
        ("HF_HUB_OFFLINE", "1", "HF_HUB_OFFLINE is set"),
    ],
)
def test_without_a_network_the_hint_is_not_to_check_the_name(hub, tmp_path, monkeypatch, variable, value, said):
    if variable == "http_proxy":
        monkeypatch.setenv("HF_ENDPOINT", "http://hub.invalid")
        monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.setenv(variable, value)
    reason = refused(tmp_path / "tiny", PullFailed)
    assert said in reason
    assert reason.endswith("fetch where there is one, and copy the folder that is made to this machine")


def test_a_disk_without_room_is_seen_before_anything_comes(hub, tmp_path, monkeypatch):
    monkeypatch.setattr(room.shutil, "disk_usage", lambda folder: type("Usage", (), {"free": 5_000_000}))
    assert "owner/tiny needs 5.7 MiB and 4.8 MiB are free" in refused(tmp_path / "tiny", StorageFull)
    assert len(hub.web.seen) == 1


def test_a_disk_that_does_not_take_a_file_has_a_hint_about_this_folder(hub, tmp_path):
    (tmp_path / f".tiny-{hub.commit[:12]}.part" / "LICENSE").mkdir(parents=True)
    assert refused(tmp_path / "tiny", StorageFull).endswith(" - free some space, or name another folder")


def test_a_repository_of_more_files_than_a_model_has_is_refused(hub, tmp_path, monkeypatch):
    monkeypatch.setattr(fetching, "MAX_FILES", 10)
    assert "owner/tiny holds 11 files - name the repository of one model" in refused(tmp_path / "tiny", InputMissing)
    assert len(hub.web.seen) == 1


def test_the_command_says_what_came(hub, home, tmp_path, capsys):
    words = ["fetch", "owner/tiny", "--output", str(tmp_path / "tiny")]
    assert main(words) == 0
    assert "12 files, 5.7 MiB; source.toml names the commit" in capsys.readouterr().out
    assert main(["fetch", "nobody/nothing", "--output", str(tmp_path / "none")]) == 4
    assert "error: nobody/nothing cannot be fetched" in capsys.readouterr().err
    (home / "config").mkdir()
    (home / "config" / "policy.toml").write_text("[offline]\npull = false\n")
    for verb in (words, ["tools"]):
        assert main(verb) == 5
        assert "no pull of models" in capsys.readouterr().err
