"""Models whose sources are converted: by an importer that is installed, or not at all where a mirror has them."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path
from typing import Any

import pytest

from edge_assistant_models import transfer
from edge_assistant_models.errors import CatalogInvalid, ImporterMissing, ModelCorrupt
from edge_assistant_models.portfolio import Portfolio
from edge_assistant_models.store import ModelState
from edge_assistant_models.tensors import tensor_digest

IMPORTED = """
[importer]
name = "made_up"

[[importer.inputs]]
key = "raw"
path = "raw.bin"
bytes = 3
sha256 = "039058c6f2c0cb492c533b0a4d14ef77cc0f78abccced5287d84a1a2011cfb81"

[[files]]
key = "model"
path = "model.onnx"
bytes = 200
{pin}

[[sources]]
type = "file"
path = "raw.bin"
"""


@pytest.fixture
def digest(importer: Path, catalog: Any, home: Path) -> str:
    """The digest of what the importer makes, learned from a first, unpinned pull."""
    (home / "raw.bin").write_bytes(b"\x01\x02\x03")
    catalog.write_text("first", "vad", "tested = false\n" + IMPORTED.format(pin=""))
    portfolio = Portfolio()
    portfolio.pull(["first"])
    return tensor_digest(portfolio.open("first").files["model"])


def test_an_import_is_pinned_by_its_tensors(digest: str, catalog: Any) -> None:
    catalog.write_text("mine", "vad", IMPORTED.format(pin=f'tensors_sha256 = "{digest}"'))
    portfolio, events = Portfolio(), []
    portfolio.pull(["mine"], events.append)
    assert transfer.Converting("mine") in events
    folder = portfolio.store.folder("mine")
    assert sorted(path.name for path in folder.iterdir()) == ["installed.json", "model.onnx"]
    assert portfolio.open("mine").sha256 == digest
    assert [check.problem for check in portfolio.verify("mine")] == [""]
    assert not any((portfolio.store.root / ".partial").iterdir())
    catalog.write_text("mine", "vad", IMPORTED.format(pin=f'tensors_sha256 = "{"0" * 64}"'))
    assert Portfolio().state("mine") is ModelState.CORRUPT, "the catalog pins another version now"


def test_an_import_that_is_not_what_is_pinned_is_refused(digest: str, catalog: Any, importer: Path) -> None:
    catalog.write_text("mine", "vad", IMPORTED.format(pin=f'tensors_sha256 = "{digest}"'))
    # The space makes it longer: a file of the same length in the same second would be taken from the compiled one.
    importer.write_text(importer.read_text().replace('"Add",', '"Mul", '))
    sys.modules.pop("made_up_importer")
    portfolio = Portfolio()
    with pytest.raises(ModelCorrupt, match=r"model\.onnx has the tensors .*, not .* - report it"):
        portfolio.pull(["mine"])
    assert portfolio.state("mine") is not ModelState.INSTALLED


def test_an_importer_that_is_not_installed_is_named_before_anything_is_fetched(catalog: Any) -> None:
    catalog.write_text("mine", "vad", "tested = false\n" + IMPORTED.format(pin=""))
    portfolio, events = Portfolio(), []
    with pytest.raises(ImporterMissing, match="'made_up' is not installed - install ") as caught:
        portfolio.pull(["mine"], events.append)
    assert caught.value.exit_status == 4
    assert events == []


@pytest.mark.parametrize("code", ["import no_such_library", "convert = print"])
def test_an_importer_that_cannot_be_loaded_is_named(importer: Path, catalog: Any, code: str) -> None:
    importer.write_text(code)
    catalog.write_text("mine", "vad", "tested = false\n" + IMPORTED.format(pin=""))
    with pytest.raises(ImporterMissing, match=r"the plugin made_up of made-up 1.0 cannot be loaded \(.*Error: "):
        Portfolio().pull(["mine"])


def test_an_importer_has_its_inputs(importer: Path, catalog: Any) -> None:
    text = IMPORTED.format(pin="").replace('key = "raw"', 'key = "cooked"')
    catalog.write_text("mine", "vad", "tested = false\n" + text)
    with pytest.raises(CatalogInvalid, match=r"mine\.toml: the importer 'made_up' needs the input 'raw'"):
        Portfolio().pull(["mine"])


def mirrored(catalog: Any, digest: str, content: bytes, address: str) -> None:
    """An entry whose mirror has the converted file."""
    mirror = (
        f'[mirror]\n[[mirror.files]]\nkey = "model"\npath = "model.onnx"\nbytes = {len(content)}\n'
        f'sha256 = "{hashlib.sha256(content).hexdigest()}"\n'
        f'[[mirror.sources]]\ntype = "url"\nkey = "model"\nurl = "{address}"\n'
    )
    catalog.write_text("mine", "vad", IMPORTED.format(pin=f'tensors_sha256 = "{digest}"') + mirror)


def test_a_mirror_has_it_converted(digest: str, catalog: Any, web: Any, home: Path, importer: Path) -> None:
    content = Portfolio().open("first").files["model"].read_bytes()
    web.files["/model.onnx"] = content
    mirrored(catalog, digest, content, f"{web.address}/model.onnx")
    (home / "raw.bin").unlink()
    importer.unlink()
    portfolio, events = Portfolio(), []
    portfolio.pull(["mine"], events.append)
    assert portfolio.open("mine").files["model"].read_bytes() == content
    assert not [event for event in events if isinstance(event, transfer.Converting)]
    assert portfolio.entry("mine").asked == (f"{web.address}/model.onnx",)


@pytest.mark.parametrize("served", [{}, {"/model.onnx": b"x"}])
def test_without_its_mirror_it_is_converted(digest: str, catalog: Any, web: Any, served: dict[str, bytes]) -> None:
    web.files.update(served)
    mirrored(catalog, digest, Portfolio().open("first").files["model"].read_bytes(), f"{web.address}/model.onnx")
    portfolio, events = Portfolio(), []
    portfolio.pull(["mine"], events.append)
    assert [type(event) for event in events if isinstance(event, transfer.Refusal | transfer.Converting)] == [
        transfer.Refusal,
        transfer.Converting,
    ]
    assert {path.name for path in portfolio.store.folder("mine").iterdir()} == {"model.onnx", "installed.json"}


def test_nobody_asks_a_mirror_that_was_not_confirmed(digest: str, catalog: Any, web: Any) -> None:
    mirrored(catalog, digest, b"x", f"{web.address}/model.onnx")
    Portfolio().pull(["mine"], local_only=["mine"])
    assert web.seen == []


def test_a_flipped_bit_in_an_import_is_found(digest: str) -> None:
    portfolio = Portfolio()
    path = portfolio.open("first").files["model"]
    content = bytearray(path.read_bytes())
    content[100] ^= 1
    path.write_bytes(content)
    with pytest.raises(ModelCorrupt):
        portfolio.open("first")
    assert portfolio.verify("first")[0].problem
