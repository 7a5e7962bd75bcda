"""What is loaded is what was hashed, and what a library sees has had its headers checked once."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from helpers.hostile_models import NODE, RAW, Gguf, message, model, number, tensor, weight

from edge_assistant.compute.runtime import Runtime
from edge_assistant_models import headers, loading, tensors
from edge_assistant_models import store as stores
from edge_assistant_models.errors import BundleInvalid, ModelCorrupt
from edge_assistant_models.headers import HeaderFormat
from edge_assistant_models.loading import Stamps
from edge_assistant_models.model import InstalledModel
from edge_assistant_models.portfolio import Portfolio
from edge_assistant_models.sources import FileSpec

SOUND = Gguf().bytes()
HOSTILE = {
    "evil.gguf": Gguf(tensors=(tensor(b"t", [5], 1 << 62),)).bytes(),
    "evil.onnx": model(NODE, message(5, weight(RAW, message(13, message(2, b"../../etc/passwd"))))),
}


def entry(catalog: Any, name: str, file: str, body: bytes, sha256: str) -> str:
    """Add a model of one file with a name of its own."""
    (catalog.home / "incoming").mkdir(exist_ok=True)
    (catalog.home / "incoming" / file).write_bytes(body)
    return catalog.write_text(
        name,
        "vad",
        f'[[files]]\nkey = "model"\npath = "{file}"\nbytes = {len(body)}\nsha256 = "{sha256}"\n'
        '[[sources]]\ntype = "file"\npath = "incoming"\n',
    )


@pytest.fixture
def add(catalog: Any) -> Callable[..., str]:
    import hashlib

    return lambda name, file, body: entry(catalog, name, file, body, hashlib.sha256(body).hexdigest())


@pytest.fixture
def mine(add: Callable[..., str]) -> Portfolio:
    """A store that holds a sound model of one GGUF file."""
    add("mine", "model.gguf", SOUND)
    portfolio = Portfolio()
    portfolio.pull(["mine"])
    return portfolio


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the files whose headers are read."""
    seen: list[str] = []
    real = headers.check
    monkeypatch.setattr(headers, "check", lambda file, form, name: seen.append(name) or real(file, form, name))
    return seen


@pytest.fixture(autouse=True)
def forgotten() -> Iterator[None]:
    """What this process has hashed is not known to the next test."""
    yield
    loading._hashed.clear()


@pytest.mark.parametrize("form", list(headers.HeaderFormat))
def test_what_is_wrong_is_one_line_with_the_files_name(tmp_path: Path, form: headers.HeaderFormat) -> None:
    path = tmp_path / f"a.{form}"
    for content in (b"", b"\n\x1b[31m\xff" * 50):
        path.write_bytes(content)
        with path.open("rb") as file, pytest.raises(ModelCorrupt, match=rf"^a\.{form} cannot be loaded \(") as caught:
            headers.check(file, form, path.name)
        assert str(caught.value).isprintable()


@pytest.mark.parametrize("file", HOSTILE)
def test_a_hostile_file_that_is_in_the_store_is_not_opened(
    add: Callable[..., str], monkeypatch: pytest.MonkeyPatch, file: str
) -> None:
    add("evil", file, HOSTILE[file])
    portfolio = Portfolio()
    with monkeypatch.context() as patch:  # as a release did that did not check yet
        patch.setattr(headers, "form_of", lambda name: None)
        portfolio.pull(["evil"])
        portfolio.open("evil")
    with pytest.raises(ModelCorrupt, match="cannot be loaded"):
        portfolio.open("evil")
    assert "cannot be loaded" in portfolio.verify("evil")[0].problem


def test_a_hostile_file_in_an_archive_is_not_imported(
    add: Callable[..., str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    add("evil", "evil.onnx", HOSTILE["evil.onnx"])
    there = Portfolio(root=tmp_path / "there")
    with monkeypatch.context() as patch:
        patch.setattr(headers, "form_of", lambda name: None)
        there.pull(["evil"])
        there.export(["evil"], tmp_path / "models.tar")
    with pytest.raises(BundleInvalid, match=r"evil\.onnx cannot be loaded"):
        Portfolio(root=tmp_path / "here").load(tmp_path / "models.tar")


def test_headers_are_checked_before_a_file_is_parsed_for_its_digest(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(tensors, "tensor_digest", lambda path: pytest.fail("it was parsed"))
    (tmp_path / "evil.onnx").write_bytes(HOSTILE["evil.onnx"])
    spec = FileSpec("model", "evil.onnx", 100, tensors_sha256="0" * 64)
    with pytest.raises(ModelCorrupt, match=r"evil\.onnx cannot be loaded"):
        stores.check(spec, tmp_path / "evil.onnx", Stamps(tmp_path / "stamps.json"))


def test_headers_are_read_once_a_content(mine: Portfolio, looks: list[str]) -> None:
    mine.open("mine")
    Portfolio().open("mine")
    with loading.held(mine.open("mine").files["model"], HeaderFormat.GGUF):
        assert looks == [], "they were read when the model was pulled"
    os.utime(mine.open("mine").files["model"])
    mine.open("mine")
    mine.open("mine")
    assert looks == ["model.gguf"]


def test_a_check_that_was_added_is_made_up_for(
    mine: Portfolio, looks: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(headers, "CHECKS", headers.CHECKS + 1)
    mine.open("mine")
    mine.open("mine")
    assert looks == ["model.gguf"]


def test_sums_that_an_earlier_release_remembered_are_taken(mine: Portfolio, looks: list[str], reads: list[str]) -> None:
    stamps = mine.store.root / ".stamps.json"
    rows = {path: row[:5] for path, row in json.loads(stamps.read_text()).items()}
    stamps.write_text(json.dumps(rows))
    mine.open("mine")
    mine.open("mine")
    assert (looks, reads) == (["model.gguf"], [])


def test_what_the_store_did_not_hash_is_checked_each_time(tmp_path: Path, looks: list[str]) -> None:
    path = tmp_path / "some.bin"
    path.write_bytes(SOUND)
    for _ in range(2):
        with loading.held(path, HeaderFormat.GGUF) as name:
            assert Path(name).read_bytes() == SOUND
    assert looks == ["some.bin"] * 2
    with pytest.raises(ModelCorrupt, match="cannot be loaded"), loading.held(path, HeaderFormat.ONNX):
        pytest.fail("it was let through")


def test_a_file_whose_name_says_nothing_is_checked_for_its_library(add: Callable[..., str], looks: list[str]) -> None:
    add("odd", "odd.bin", SOUND)
    portfolio = Portfolio()
    portfolio.pull(["odd"])
    with loading.held(portfolio.open("odd").files["model"], HeaderFormat.GGUF):
        assert looks == ["odd.bin"]


def test_a_file_that_took_the_place_of_the_hashed_one_is_refused(mine: Portfolio) -> None:
    path = mine.open("mine").files["model"]
    other = path.with_name("other")
    other.write_bytes(SOUND)
    other.replace(path)
    for form in HeaderFormat:
        with pytest.raises(ModelCorrupt, match="has changed since its checksum"), loading.held(path, form):
            pytest.fail("it was let through")
    mine.open("mine")
    with loading.held(path, HeaderFormat.GGUF) as name:
        assert Path(name).read_bytes() == SOUND


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux names an open file")
def test_a_library_opens_the_hashed_file_whatever_the_path_leads_to(mine: Portfolio, tmp_path: Path) -> None:
    path = mine.open("mine").files["model"]
    evil = tmp_path / "evil"
    evil.mkdir()
    (evil / path.name).write_bytes(b"evil")
    with loading.held(path, HeaderFormat.GGUF) as name:
        path.parent.rename(tmp_path / "good")
        evil.rename(path.parent)
        assert path.read_bytes() == b"evil"
        assert Path(name).read_bytes() == SOUND


def test_a_file_that_is_written_to_while_it_is_loaded_is_refused(mine: Portfolio) -> None:
    path = mine.open("mine").files["model"]
    with (
        pytest.raises(ModelCorrupt, match=r"model\.gguf changed while it was loaded"),
        loading.held(path, HeaderFormat.GGUF),
        path.open("ab") as file,
    ):
        file.write(b"\0")


def test_errors_name_the_file_and_no_descriptor(tmp_path: Path) -> None:
    path = tmp_path / "odd.onnx"
    path.write_bytes(model(NODE, message(5, weight(RAW))))
    with pytest.raises(ModelCorrupt, match=r"^odd\.onnx cannot be loaded \(") as caught:
        Runtime(1).session(path)
    assert "/proc" not in str(caught.value)
    assert str(tmp_path) not in str(caught.value)


def test_what_a_library_cannot_load_is_raised_and_not_printed(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    graphs = model(message(1, message(4, b"Abs") + message(1, b"\xff\xfe") + message(2, b"\xff")))
    padding = message(4, b"Conv") + message(1, b"x") + message(1, b"w") + message(2, b"y")
    padding += message(5, message(1, b"auto_pad") + message(4, b"SOME") + number(20, 3))
    for content in (graphs, model(message(1, padding), message(5, weight(RAW)))):
        path = tmp_path / "odd.onnx"
        path.write_bytes(content)
        with pytest.raises(ModelCorrupt, match=r"odd\.onnx cannot be loaded"):
            Runtime(1).session(path)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(("mode", "trusted"), [(0o755, True), (0o775, False), (0o757, False)])
def test_what_others_can_write_is_not_believed(add: Callable[..., str], home: Path, mode: int, trusted: bool) -> None:
    add("mine", "model.gguf", SOUND)
    root = home / "shared"
    root.mkdir()
    root.chmod(mode)
    portfolio = Portfolio(root=root)
    portfolio.pull(["mine"])
    assert portfolio.open("mine").name == "mine"
    assert (root / ".stamps.json").exists() is trusted
    assert (home / "cache" / "stamps.json").exists() is not trusted


@pytest.mark.parametrize(
    ("function", "answer"), [("geteuid", lambda: os.getuid() + 1), ("access", lambda path, mode: False)]
)
def test_a_store_of_another_owner_opens_and_is_not_believed(
    mine: Portfolio, home: Path, monkeypatch: pytest.MonkeyPatch, reads: list[str], function: str, answer: Any
) -> None:
    """As is one that cannot be written: what is known of its files is kept in this user's cache."""
    monkeypatch.setattr(os, function, answer)
    (mine.store.root / ".stamps.json").write_text("kept")
    assert Portfolio().open("mine").name == "mine"
    assert (mine.store.root / ".stamps.json").read_text() == "kept"
    assert (home / "cache" / "stamps.json").exists()


TEMPLATE = (
    b"{% for i in range(10**9) %}{% for j in range(10**9) %}{% endfor %}{% endfor %}{{ raise_exception('evil') }}"
)


def test_a_models_own_chat_template_is_never_used(models: Callable[[str], InstalledModel], tmp_path: Path) -> None:
    """One that would run for ever takes the place of the real one: the same question gives the same text."""
    from edge_assistant.language.chat import Message, Role
    from edge_assistant.language.engine import LlamaEngine

    real = models("language")
    path = tmp_path / "model.gguf"
    shutil.copyfile(real.files["model"], path)
    with path.open("r+b") as file:
        head = file.read(4 << 20)
        begin = head.index(b"tokenizer.chat_template") + len(b"tokenizer.chat_template") + 4
        size = int.from_bytes(head[begin : begin + 8], "little")
        assert size >= len(TEMPLATE)
        file.seek(begin + 8)
        file.write(TEMPLATE.ljust(size))
    said = []
    for opened in (real, InstalledModel(real.name, real.sha256, {"model": path}, real.options)):
        engine = LlamaEngine(opened, Runtime(1), 256)
        said.append("".join(engine.stream([Message(Role.USER, "What colour is the sky?")], max_tokens=8)))
        engine.close()
    assert said[0] == said[1] != ""


def test_small_files_are_read_as_they_were_hashed(add: Callable[..., str], monkeypatch: pytest.MonkeyPatch) -> None:
    add("mine", "labels.txt", b"cat\ndog\n")
    portfolio = Portfolio()
    portfolio.pull(["mine"])
    path = portfolio.open("mine").files["model"]
    assert loading.read(path) == b"cat\ndog\n"
    monkeypatch.setattr(loading, "MAX_BYTES", 7)
    with pytest.raises(ModelCorrupt, match=r"labels\.txt has more than 0\.0 KiB"):
        loading.read(path)
    path.write_bytes(b"cat\ncat\n")
    with pytest.raises(ModelCorrupt, match=r"labels\.txt has changed since its checksum was compared"):
        loading.read(path)


def test_sums_that_cannot_be_kept_are_remembered_for_this_process(
    mine: Portfolio, monkeypatch: pytest.MonkeyPatch, looks: list[str]
) -> None:
    shutil.rmtree(mine.store.root / ".partial", ignore_errors=True)
    (mine.store.root / ".stamps.json").unlink()
    monkeypatch.setattr(Path, "write_text", _refuse)
    mine.open("mine")
    mine.open("mine")
    assert looks == ["model.gguf"]


def _refuse(self: Path, text: str) -> int:
    raise PermissionError(13, "Permission denied")


def test_a_file_that_is_gone(tmp_path: Path) -> None:
    with pytest.raises(ModelCorrupt, match="cannot be read"), loading.held(tmp_path / "no.gguf", HeaderFormat.GGUF):
        pytest.fail("it was let through")
