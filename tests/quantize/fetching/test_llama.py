"""llama.cpp's converter out of a source distribution: what is pinned, what is unpacked, and what is not run."""

from __future__ import annotations

import hashlib
import io
import re
import tarfile
import tomllib

import pytest

from edge_assistant_quantize.cli.main import main
from edge_assistant_quantize.errors import InputMissing, ToolMissing
from edge_assistant_quantize.fetching import llama
from edge_assistant_quantize.provenance import sum_of_path

VERSION = "0.3.36"
ROOT = f"llama_cpp_python-{VERSION}"
SOURCES = f"{ROOT}/vendor/llama.cpp"
CONVERTER = {
    f"{SOURCES}/convert_hf_to_gguf.py": b"print('converts')",
    f"{SOURCES}/conversion/base.py": b"BASE = 1",
    f"{SOURCES}/gguf-py/gguf/vocab.py": b"VOCAB = 1",
    f"{SOURCES}/LICENSE": b"MIT",
}
PACKAGE = {
    f"{ROOT}/pyproject.toml": b'[build-system]\nrequires = []\nbuild-backend = "scikit_build_core.build"\n'
    b'[project]\nname = "llama-cpp-python"\nversion = "0.3.36"\n',
    f"{ROOT}/PKG-INFO": f"Metadata-Version: 2.1\nName: llama-cpp-python\nVersion: {VERSION}\n".encode(),
    f"{ROOT}/setup.py": b"raise SystemExit('it is run')",
    f"{SOURCES}/src/llama.cpp": b"int main() {}",
    f"{SOURCES}/conversion/notes.txt": b"not wanted",
}


@pytest.fixture
def archive(tmp_path):
    """Writes a source distribution with these members, and links where a name has a target."""

    def write(members=None, links=None):
        folder = tmp_path / "packages"
        folder.mkdir(exist_ok=True)
        path = folder / f"{ROOT}.tar.gz"
        with tarfile.open(path, "w:gz") as made:
            for name, content in (members or {**PACKAGE, **CONVERTER}).items():
                header = tarfile.TarInfo(name)
                header.size = len(content)
                made.addfile(header, io.BytesIO(content))
            for name, target in (links or {}).items():
                header = tarfile.TarInfo(name)
                header.type, header.linkname = tarfile.SYMTYPE, target
                made.addfile(header)
        return path

    return write


@pytest.fixture
def pin(archive, tmp_path, monkeypatch):
    """What is pinned is the archive as `archive()` writes it, and pip finds that."""
    path = archive()
    unpacked = llama.unpack(path, tmp_path / "unpacked")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    made = llama.Pinned(VERSION, digest, sum_of_path(unpacked))
    monkeypatch.setattr(llama, "pinned", lambda: made)
    monkeypatch.setenv("PIP_FIND_LINKS", str(path.parent))
    return made


def names(folder):
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_the_pin_is_the_locks(pytestconfig):
    root = pytestconfig.rootpath
    lock = (root / "locks" / "demo.txt").read_text()
    found = re.search(r"^llama-cpp-python==(\S+) \\\n    --hash=sha256:([0-9a-f]{64})$", lock, re.MULTILINE)
    dependencies = tomllib.loads((root / "pyproject.toml").read_text())["project"]["dependencies"]
    pinned = llama.pinned()
    assert found is not None
    assert (pinned.version, pinned.archive) == found.groups()
    assert f"llama-cpp-python=={pinned.version}" in dependencies


def test_the_converter_in_the_cache_is_the_pinned_one(converter):
    assert (converter / "convert_hf_to_gguf.py").is_file()
    assert {"conversion/base.py", "gguf-py/gguf/gguf_writer.py", "LICENSE"} <= names(converter)


def test_pip_brings_it_once_and_nothing_of_it_is_run(pin, archive, tmp_path, monkeypatch, capsys):
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "pip.py").write_text("raise SystemExit('the pip of the working folder was run')\n")
    monkeypatch.chdir(tmp_path / "here")
    assert main(["tools"]) == 0
    said = capsys.readouterr()
    assert said.out == "llama.cpp's converter 0.3.36 is ready\n"
    assert "llama.cpp's converter of llama-cpp-python 0.3.36: done" in said.err
    folder = llama.source()
    assert names(folder) == {"convert_hf_to_gguf.py", "conversion/base.py", "gguf-py/gguf/vocab.py", "LICENSE"}
    assert {path.name for path in folder.parent.iterdir()} == {VERSION, f"{VERSION}.lock"}
    assert main(["tools"]) == 0
    assert capsys.readouterr().err == ""
    (folder / "LICENSE").unlink()
    path = archive({**PACKAGE, **CONVERTER, f"{SOURCES}/convert_hf_to_gguf.py": b"print('another')"})
    with pytest.raises(ToolMissing, match=r"is not the source of llama-cpp-python 0\.3\.36"):
        llama.bring(path)
    said = r"cannot be fetched .* - bring the file: edge-quantize tools --from"
    with pytest.raises(ToolMissing, match=said):  # pip compares the sum, too
        llama.bring()
    with pytest.raises(InputMissing):
        llama.bring(tmp_path / "none.tar.gz")


@pytest.mark.parametrize("change", ["changed", "added", "removed"])
def test_code_that_was_changed_in_the_cache_is_not_run(pin, tmp_path, change):
    archive = tmp_path / "packages" / f"{ROOT}.tar.gz"
    folder = llama.bring(archive)
    module = folder / "conversion" / "base.py"
    if change == "changed":
        module.write_bytes(b"BASE = 2")
    elif change == "added":
        (folder / "conversion" / "torch.py").write_bytes(b"")
    else:
        module.unlink()
    with pytest.raises(ToolMissing, match="is not what was fetched - bring it with a network: edge-quantize tools"):
        llama.source()
    assert llama.bring(archive) == llama.source()


def test_without_it_the_hint_is_the_command(home):
    with pytest.raises(ToolMissing, match="is not here - bring it with a network: edge-quantize tools"):
        llama.source()


def test_members_that_lead_out_stay_out(archive, tmp_path):
    hostile = {
        f"{SOURCES}/../../../escaped.py": b"",
        f"{SOURCES}/conversion/../../escaped.py": b"",
        "/vendor/llama.cpp/escaped.py": b"",
        f"/{SOURCES}/escaped.py": b"",
        "escaped.py": b"",
    }
    links = {f"{SOURCES}/linked.py": "/etc/passwd", f"{SOURCES}/gguf-py": str(tmp_path)}
    folder = tmp_path / "a" / "b"
    found = llama.unpack(archive({**hostile, **CONVERTER}, links), folder)
    assert names(found) == {"convert_hf_to_gguf.py", "conversion/base.py", "gguf-py/gguf/vocab.py", "LICENSE"}
    assert [path.name for path in tmp_path.rglob("escaped.py")] == []


def test_another_version_than_is_pinned_is_said(monkeypatch):
    monkeypatch.setattr(llama.importlib.metadata, "version", lambda name: "9.9")
    with pytest.raises(ToolMissing, match=r"the source of llama-cpp-python 9.9 is not pinned - install one that is"):
        llama.pinned()
