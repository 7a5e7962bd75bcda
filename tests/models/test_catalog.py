"""Every shipped catalog and profile file by reflection, and what a wrong one is answered with."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_assistant_models import entries, profile
from edge_assistant_models.errors import CatalogInvalid, ModelUnknown
from edge_assistant_models.machine import Machine
from edge_assistant_models.portfolio import Portfolio

SHIPPED = entries.load()
FLOATS = {"whisper-base-f32", "minilm-l6-f32"}  # what recipes start from, in no profile
PROFILES = profile.load()
FILE_KEYS = {
    "language": {"model"},
    "speech": {"encoder", "decoder", "tokenizer", "config"},
    "vad": {"model"},
    "writing": {"detection", "recognition", "classification"},
    "detector": {"model"},
    "classifier": {"model", "labels"},
    "faces": {"model"},
    "embedder": {"model", "tokenizer"},
    "reference": {"model", "tokenizer", "config", "vocabulary"},
    "vision-language": {"model", "projector"},
    "voice": {"model", "config"},
}


@pytest.mark.parametrize("entry", SHIPPED.values(), ids=lambda entry: entry.name)
def test_a_shipped_entry_is_whole(entry: entries.Entry) -> None:
    assert entry.origin == f"{entry.name}.toml"
    assert {file.key for file in entry.files} == FILE_KEYS[entry.role]
    assert entry.licence in {"Apache-2.0", "MIT"}
    assert len(entry.sha256) == 64
    assert entry.pinned or not entry.tested
    if entry.role == entries.REFERENCE or entry.name in FLOATS:
        return
    assert any(entry.name in names for each in PROFILES.values() for names in each.roles.values())


@pytest.mark.parametrize("each", PROFILES.values(), ids=lambda each: each.name)
def test_a_shipped_profile_names_models_of_its_roles(each: profile.Profile) -> None:
    for role, names in each.roles.items():
        assert {SHIPPED[name].role for name in names} == {role}
    assert {"language", "speech", "vad", "writing"} <= set(each.roles) - each.optional
    assert each.on_request == (set() if each.name == "test" else {"voice"})


VALID = b"""
name = "mine"
role = "vad"
licence = "MIT"
licence_url = "https://example.org/licence"
home = "https://example.org"
description = "mine"
memory_mib = 1

[[files]]
key = "model"
path = "model.onnx"
bytes = 3
sha256 = "%s"

[[sources]]
type = "url"
key = "model"
url = "https://example.org/model.onnx"
""" % (b"a" * 64)


MIRROR = """
[[mirror.files]]
key = "model"
path = "model.onnx"
bytes = 3
sha256 = "%s"
[[mirror.sources]]
type = "file"
path = "converted"
""" % ("b" * 64)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('name = "mine"', 'name = "Mine!"', "'name' is not of the form"),
        ('name = "mine"', "", "'name' is missing"),
        ('name = "mine"', "name = 3", "'name' must be a text"),
        ('role = "vad"', 'role = "taster"', "unknown role 'taster'"),
        ('role = "vad"', 'role = "language"', "needs 'family' and 'context'"),
        ("memory_mib = 1", "memory_mib = 0", "'memory_mib' must be above zero"),
        ("memory_mib = 1", "memory_mib = true", "'memory_mib' must be a whole number"),
        ("memory_mib = 1", "memory_mib = 1\nmemroy = 2", "unknown key 'memroy'"),
        ('path = "model.onnx"', 'path = "../model.onnx"', "'path' is not of the form"),
        ('path = "model.onnx"', 'path = "a/b"', "'path' is not of the form"),
        ("bytes = 3", 'bytes = "3"', "'bytes' must be a whole number"),
        ("a" * 64, "a" * 63, "'sha256' is not of the form"),
        (f'sha256 = "{"a" * 64}"', "", "neither 'sha256' nor 'tensors_sha256'"),
        (f'sha256 = "{"a" * 64}"', f'tensors_sha256 = "{"a" * 64}"', "a fetched file is pinned by 'sha256'"),
        ('type = "url"', 'type = "ftp"', "unknown source type 'ftp'"),
        ('type = "url"', 'type = "../url"', "unknown source type"),
        ('key = "model"\nurl', 'key = "other"\nurl', "no source offers 'model'"),
        ("https://example.org/model.onnx", "file:///etc/passwd", "'url' is not of the form"),
        ("[[sources]]", '[importer]\nname = "os"\n[[sources]]', "'inputs' is missing"),
        ("[[sources]]", f"[mirror]\n{MIRROR}[[sources]]", "'mirror' has the files that an importer writes"),
        ("[[sources]]", f"[mirror]\n{MIRROR.replace('sha256', 'tensors_sha256')}[[sources]]", "pinned by 'sha256'"),
        ('name = "mine"', "name = 'mine", "not TOML"),
        ('name = "mine"', 'name = "mine\\nyours"', "must be one line"),
    ],
)
def test_a_wrong_entry_is_refused_by_name_of_file_and_key(old: str, new: str, said: str) -> None:
    assert entries.parse(VALID, "mine.toml").name == "mine"
    with pytest.raises(CatalogInvalid, match=r"mine\.toml") as caught:
        entries.parse(VALID.decode().replace(old, new).encode(), "mine.toml")
    assert said in caught.value.message
    assert caught.value.exit_status == 2


@pytest.mark.parametrize("content", [b"\xff\xfe", b"a = " + b"[" * 5000, b"#" * (1 << 21)])
def test_what_is_not_toml_is_refused(content: bytes) -> None:
    with pytest.raises(CatalogInvalid):
        entries.parse(content, "mine.toml")


@given(st.binary(max_size=200), st.integers(0, len(VALID)))
def test_no_content_does_more_than_be_refused(noise: bytes, at: int) -> None:
    for content in (noise, VALID[:at] + noise + VALID[at:]):
        with contextlib.suppress(CatalogInvalid):
            entries.parse(content, "mine.toml")


@pytest.mark.parametrize(
    ("sources_toml", "said"),
    [
        ('type = "hf"\nrepo = "a/b"\nrevision = "main"\nfiles = {model = "m"}', "'revision' is not of the form"),
        ('type = "hf"\nrepo = "b"\nrevision = "%s"\nfiles = {model = "m"}' % ("a" * 40), "'repo' is not of the form"),
        ('type = "hf"\nrepo = "a/b"\nrevision = "%s"\nfiles = {model = "../m"}' % ("a" * 40), "leaves the repository"),
        ('type = "npm"\npackage = "@a/b"\nversion = "^1.0.0"\nfiles = {model = "m"}', "'version' is not of the form"),
        ('type = "npm"\npackage = "git+ssh://x"\nversion = "1.0.0"\nfiles = {model = "m"}', "'package' is not"),
        ('type = "npm"\npackage = "@a/b"\nversion = "1.0.0"\nfiles = {model = "/m"}', "leaves the package"),
        ('type = "pypi"\nfiles = {model = [{package = "-r", version = "1", member = "m"}]}', "'package' is not"),
        ('type = "pypi"\nfiles = {model = [{package = "a", version = ">1", member = "m"}]}', "'version' is not"),
        ('type = "pypi"\nfiles = {model = [{package = "a", version = "1", member = "../m"}]}', "leaves the wheel"),
        ('type = "pypi"\nfiles = {model = []}', "'model' must be a list of tables"),
    ],
)
def test_a_source_names_exact_things(sources_toml: str, said: str) -> None:
    head = VALID.decode().partition("[[sources]]")[0]
    with pytest.raises(CatalogInvalid) as caught:
        entries.parse(f"{head}[[sources]]\n{sources_toml}".encode(), "mine.toml")
    assert said in caught.value.message


def test_a_user_adds_models_but_replaces_none(catalog: Any) -> None:
    catalog.file("mine")
    assert "mine" in {entry.name for entry in Portfolio().entries()}
    catalog.write_text("silero-vad", "vad", VALID.decode().partition("memory_mib = 1\n")[2])
    portfolio = Portfolio()
    (fault,) = portfolio.wrong
    assert "catalog/silero-vad.toml and silero-vad.toml both describe 'silero-vad'" in fault.message
    assert not portfolio.entry("silero-vad").own
    assert portfolio.entry("mine").own


@pytest.mark.parametrize(
    ("memory_gib", "cores", "accelerators", "expected"),
    [
        (3.4, 16, ("cuda",), "tiny"),
        (24, 2, (), "starter"),
        (16, 6, (), "standard"),
        (24, 4, ("cuda",), "large"),
    ],
)
def test_auto_is_a_function_of_the_machine(memory_gib: float, cores: int, accelerators: Any, expected: str) -> None:
    memory = int(memory_gib * (1 << 30))
    assert profile.choose(memory, cores, accelerators) == expected
    assert Portfolio(machine=Machine(memory, cores, accelerators)).profile("auto").name == expected


@given(st.integers(0, 1 << 42), st.integers(1, 512), st.sets(st.sampled_from(["cuda", "rocm", "metal"])))
def test_auto_knows_a_profile_for_every_machine(memory: int, cores: int, accelerators: set[str]) -> None:
    assert profile.choose(memory, cores, accelerators) in PROFILES


@pytest.mark.parametrize(
    ("ask", "hint"),
    [
        (lambda portfolio: portfolio.entry("silero-vat"), "did you mean 'silero-vad'"),
        (lambda portfolio: portfolio.entry("\x1b[31m\n\u202e"), "see 'edge-assistant models list'"),
        (lambda portfolio: portfolio.profile("huge"), "choose one of auto, large, standard, starter, test, tiny"),
    ],
)
def test_an_unknown_name_is_answered_with_a_hint(ask: Callable[[Portfolio], object], hint: str) -> None:
    with pytest.raises(ModelUnknown) as caught:
        ask(Portfolio())
    assert caught.value.hint == hint
    assert caught.value.message.isprintable()
    assert caught.value.exit_status == 2


@pytest.mark.parametrize(
    "text",
    [
        'name = "p"\ndescription = "d"\n[roles]\ntaster = ["a"]',
        'name = "p"\ndescription = "d"\noptional = ["faces"]\n[roles]\nvad = ["a"]',
        'name = "p"\ndescription = "d"\non_request = ["vad"]\n[roles]\nvad = ["a"]',
        'name = "p"\ndescription = "d"\n[roles]\nvad = []',
        'name = "p"\ndescription = "d"\n[roles]\nvad = ["a", "a"]',
        'name = "p"\ndescription = "d"\nmore = 1\n[roles]\nvad = ["a"]',
    ],
)
def test_a_wrong_profile_is_refused(text: str) -> None:
    with pytest.raises(CatalogInvalid, match=r"p\.toml"):
        profile.parse(text.encode(), "p.toml")


def test_a_catalog_file_that_cannot_be_read_is_named(home: Path) -> None:
    (home / "catalog" / "folder.toml").mkdir(parents=True)
    (fault,) = Portfolio().wrong
    assert "folder.toml" in fault.message
