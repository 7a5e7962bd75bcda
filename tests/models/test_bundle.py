"""One archive out, the same models in; and nothing in that the catalog does not pin."""

from __future__ import annotations

import io
import json
import os
import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edge_assistant_models.errors import BundleInvalid, ModelCorrupt, ModelMissing, StorageFull
from edge_assistant_models.portfolio import Portfolio
from edge_assistant_models.store import ModelState

Members = list[tuple[tarfile.TarInfo, bytes]]


@pytest.fixture
def bundle(catalog: Any, content: bytes, tmp_path: Path) -> Path:
    """An archive with two models, exported from another store than the one that tests import into."""
    catalog.file("large")
    catalog.file("small", b"small")
    there = Portfolio(root=tmp_path / "there")
    there.pull(["large", "small"])
    path = tmp_path / "models.tar"
    there.export(["large", "small"], path)
    return path


def read(path: Path) -> Members:
    with tarfile.open(path) as archive:
        return [(entry, (stream.read() if (stream := archive.extractfile(entry)) else b"")) for entry in archive]


def write(path: Path, members: Members) -> None:
    with tarfile.open(path, "w") as archive:
        for header, body in members:
            header.size = len(body)
            archive.addfile(header, io.BytesIO(body))


def edit(path: Path, change: Callable[[dict[str, Any]], None]) -> None:
    """Change the manifest."""
    members = read(path)
    manifest = json.loads(members[0][1])
    change(manifest)
    write(path, [(members[0][0], json.dumps(manifest).encode()), *members[1:]])


def refused(path: Path) -> str:
    portfolio = Portfolio()
    with pytest.raises(BundleInvalid) as caught:
        portfolio.load(path)
    assert caught.value.exit_status == 3
    assert "\n" not in str(caught.value)
    assert portfolio.state("large") is not ModelState.INSTALLED
    assert not list((portfolio.store.root / ".partial").glob(".bundle*"))
    return caught.value.message


def test_what_goes_out_comes_in(bundle: Path, content: bytes) -> None:
    portfolio = Portfolio()
    assert portfolio.load(bundle) == ("large", "small")
    assert portfolio.open("large").files["model"].read_bytes() == content
    assert portfolio.open("small").files["model"].read_bytes() == b"small"
    assert not any((portfolio.store.root / ".partial").iterdir())


def test_equal_models_give_equal_archives(bundle: Path, catalog: Any, tmp_path: Path) -> None:
    other = Portfolio(root=tmp_path / "other")
    other.pull(["small", "large"])
    for name in ("large", "small"):
        os.utime(other.open(name).files["model"], (0, 0))
    other.export(["large", "small"], tmp_path / "again.tar")
    assert (tmp_path / "again.tar").read_bytes() == bundle.read_bytes()


def test_an_archive_that_cannot_be_written(bundle: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for folder in (tmp_path / "file", tmp_path / "nowhere"):
        with pytest.raises(StorageFull, match="the folder cannot be written"):
            Portfolio(root=tmp_path / "there").export(["small"], folder / "models.tar")


def test_room_is_looked_for_first(bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(total=0, used=0, free=10))
    with pytest.raises(StorageFull, match=r"models\.tar needs 4\.9 MiB"):
        Portfolio().load(bundle)


def test_only_sound_models_go_out(bundle: Path, tmp_path: Path) -> None:
    there = Portfolio(root=tmp_path / "there")
    with pytest.raises(ModelMissing):
        there.export(["silero-vad"], tmp_path / "other.tar")
    there.open("large").files["model"].write_bytes(b"other")
    with pytest.raises(ModelCorrupt):
        there.export(["large"], tmp_path / "other.tar")
    assert sorted(path.name for path in tmp_path.glob("*.tar*")) == ["models.tar"]


@pytest.mark.parametrize("name", ["../outside", "/tmp/outside", "large/../../outside", "large/more.bin", "large"])
def test_a_path_of_its_own_choice_is_refused(bundle: Path, tmp_path: Path, name: str) -> None:
    members = read(bundle)
    write(bundle, [members[0], (tarfile.TarInfo(name), b"x"), *members[1:]])
    assert "its manifest does not name" in refused(bundle)
    assert not list(tmp_path.rglob("outside"))


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE, tarfile.FIFOTYPE])
def test_only_plain_files_are_taken(bundle: Path, kind: bytes) -> None:
    members = read(bundle)
    header = tarfile.TarInfo("large/model.bin")
    header.type, header.linkname = kind, "/etc/passwd"
    write(bundle, [members[0], (header, b""), *members[2:]])
    assert "its manifest does not name" in refused(bundle)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda manifest: manifest["models"][0].update(name="unknown\n"), "the catalog has no model 'unknown\\n'"),
        (lambda manifest: manifest["models"][0].update(name=["large"]), "the catalog has no model"),
        (lambda manifest: manifest["models"][0].update(files=None), "does not have the files of large"),
        (lambda manifest: manifest["models"][0]["files"].append({"path": "more"}), "does not have the files of large"),
        (lambda manifest: manifest["models"][0]["files"][0].update(bytes=-1), "is not what the catalog pins"),
        (lambda manifest: manifest["models"][0]["files"][0].update(bytes="5"), "is not what the catalog pins"),
        (lambda manifest: manifest.update(models=[]), "names no models"),
        (lambda manifest: manifest.update(models="large"), "names no models"),
        (lambda manifest: manifest.update(format="edge-assistant-models/99"), "of another format"),
    ],
)
def test_a_manifest_that_does_not_fit_is_refused(bundle: Path, change: Any, said: str) -> None:
    edit(bundle, change)
    assert said in refused(bundle)


@pytest.mark.parametrize("size", [0, 100, 600, 3_000_000])
def test_an_archive_that_breaks_off_is_refused(bundle: Path, size: int) -> None:
    bundle.write_bytes(bundle.read_bytes()[:size])
    refused(bundle)


def test_what_is_no_archive_is_refused(bundle: Path, tmp_path: Path) -> None:
    assert "there is no file" in refused(tmp_path / "nothing.tar")
    assert "cannot be read" in refused(tmp_path)
    os.mkfifo(tmp_path / "pipe.tar")
    assert "pipe.tar cannot be read (Not a regular file)" in refused(tmp_path / "pipe.tar")
    write(bundle, read(bundle)[1:])
    assert "does not begin with a manifest" in refused(bundle)
    write(bundle, [(tarfile.TarInfo("manifest.json"), b" " * (2 << 20))])
    assert "does not begin with a manifest" in refused(bundle)  # one too large is not read


def test_a_missing_file_is_refused(bundle: Path) -> None:
    write(bundle, read(bundle)[:2])
    assert refused(bundle) == "the archive lacks small/model.bin"


def test_what_a_killed_import_left_is_cleared(bundle: Path) -> None:
    portfolio = Portfolio()
    left = portfolio.store.staging(".bundle-4711") / "large"
    left.mkdir(parents=True)
    portfolio.load(bundle)
    assert not list((portfolio.store.root / ".partial").iterdir())


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=20)
@given(st.integers(0, 4000), st.binary(min_size=1, max_size=64))
def test_a_damaged_archive_is_refused_or_whole(bundle: Path, content: bytes, at: int, noise: bytes) -> None:
    damaged = bundle.with_name("damaged.tar")
    body = bytearray(bundle.read_bytes())
    body[at : at + len(noise)] = noise
    damaged.write_bytes(body)
    portfolio = Portfolio()
    try:
        names = portfolio.load(damaged)
    except BundleInvalid:
        return
    for name in names:
        assert portfolio.open(name).files["model"].read_bytes() == (content if name == "large" else b"small")


def test_an_import_is_compared_by_its_tensors(catalog: Any, importer: Path, home: Path, tmp_path: Path) -> None:
    from edge_assistant_models.tensors import tensor_digest

    rest = (
        '{tested}\n[importer]\nname = "made_up"\n[[importer.inputs]]\nkey = "raw"\npath = "raw.bin"\nbytes = 3\n'
        'sha256 = "039058c6f2c0cb492c533b0a4d14ef77cc0f78abccced5287d84a1a2011cfb81"\n'
        '[[files]]\nkey = "model"\npath = "model.onnx"\nbytes = 200\n{pin}\n'
        '[[sources]]\ntype = "file"\npath = "raw.bin"\n'
    )
    (home / "raw.bin").write_bytes(b"\x01\x02\x03")
    catalog.write_text("large", "vad", rest.format(tested="tested = false", pin=""))
    there = Portfolio(root=tmp_path / "there")
    there.pull(["large"])
    with pytest.raises(BundleInvalid, match="no catalog pins what large was converted to"):
        there.export(["large"], tmp_path / "models.tar")

    digest = tensor_digest(there.open("large").files["model"])
    catalog.write_text("large", "vad", rest.format(tested="", pin=f'tensors_sha256 = "{digest}"'))
    there = Portfolio(root=tmp_path / "there")
    there.pull(["large"])
    there.export(["large"], tmp_path / "models.tar")
    assert Portfolio().load(tmp_path / "models.tar") == ("large",)

    Portfolio().store.remove(Portfolio().entry("large"))
    catalog.write_text("large", "vad", rest.format(tested="", pin=f'tensors_sha256 = "{"0" * 64}"'))
    assert "model.onnx has the tensors" in refused(tmp_path / "models.tar")
