"""A loopback web server that can misbehave, catalogs and packages made on the spot, and an importer of our own."""

from __future__ import annotations

import hashlib
import io
import sys
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from helpers.webserver import Web, serving

from edge_assistant_models import conversion, loading, network
from edge_assistant_models.portfolio import Portfolio

CONTENT = bytes(range(256)) * 20_000  # 5 MB: several chunks


@pytest.fixture
def web(monkeypatch: pytest.MonkeyPatch) -> Iterator[Web]:
    """A server on the loopback address."""
    monkeypatch.setattr(network, "BACKOFF_S", 0.0)
    with serving() as state:
        yield state


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@pytest.fixture
def content() -> bytes:
    """Some megabytes, as a file of a model."""
    return CONTENT


@dataclass
class Catalog:
    """A user's catalog in the temporary home, and the portfolio over it."""

    home: Path

    def write(self, name: str, files: dict[str, bytes], sources: str, extra: str = "", role: str = "vad") -> str:
        """Add an entry whose files are these; `sources` is TOML."""
        rows = [
            f'[[files]]\nkey = "{key}"\npath = "{key}.bin"\nbytes = {len(body)}\nsha256 = "{sha256(body)}"\n'
            for key, body in files.items()
        ]
        return self.write_text(name, role, "\n".join([extra, *rows, sources]))

    def write_text(self, name: str, role: str, rest: str) -> str:
        head = (
            f'name = "{name}"\nrole = "{role}"\nlicence = "MIT"\nlicence_url = "https://example.org/licence"\n'
            'home = "https://example.org"\ndescription = "made up"\nmemory_mib = 1\n'
        )
        folder = self.home / "catalog"
        folder.mkdir(exist_ok=True)
        (folder / f"{name}.toml").write_text(head + rest)
        return name

    def url(self, name: str, address: str, body: bytes = CONTENT) -> str:
        """Add an entry of one file with one address."""
        return self.write(name, {"model": body}, f'[[sources]]\ntype = "url"\nkey = "model"\nurl = "{address}"\n')

    def file(self, name: str, body: bytes = CONTENT) -> str:
        """Add an entry of one file that lies in the home."""
        (self.home / f"{name}.source").write_bytes(body)
        return self.write(name, {"model": body}, f'[[sources]]\ntype = "file"\npath = "{name}.source"\n')

    def portfolio(self) -> Portfolio:
        return Portfolio()


@pytest.fixture
def catalog(home: Path) -> Catalog:
    """The user's catalog, still empty."""
    return Catalog(home)


@pytest.fixture
def write_wheel() -> Callable[[Path, str, dict[str, bytes]], Path]:
    """Writes a wheel of data, version 1.0."""

    def write(folder: Path, package: str, members: dict[str, bytes]) -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        module = package.replace("-", "_")
        path, info = folder / f"{module}-1.0-py3-none-any.whl", f"{module}-1.0.dist-info"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as wheel:
            for member, body in members.items():
                wheel.writestr(member, body)
            wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
            wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
            wheel.writestr(f"{info}/RECORD", "")
        return path

    return write


@pytest.fixture
def npm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[dict[str, bytes]], Path]:
    """Puts an `npm` on the path whose every package is a tarball of these members; returns the log of its calls."""

    def install(members: dict[str, bytes]) -> Path:
        tarball, log, folder = tmp_path / "package.tgz", tmp_path / "npm.log", tmp_path / "bin"
        with tarfile.open(tarball, "w:gz") as archive:
            for member, body in members.items():
                header = tarfile.TarInfo(member)
                header.size = len(body)
                archive.addfile(header, io.BytesIO(body))
        folder.mkdir(exist_ok=True)
        script = (
            f"#!{sys.executable}\nimport os, shutil, sys\n"
            f"open({str(log.with_suffix('.folder'))!r}, 'w').write(os.getcwd())\n"
            f"open({str(log)!r}, 'a').write(' '.join(sys.argv[1:]) + '\\n')\n"
            f"shutil.copy({str(tarball)!r}, sys.argv[sys.argv.index('--pack-destination') + 1])\n"
        )
        (folder / "npm").write_text(script)
        (folder / "npm").chmod(0o755)
        monkeypatch.setenv("PATH", str(folder), prepend=":")
        return log

    return install


IMPORTER = """
from onnx import TensorProto, helper, numpy_helper
import numpy

INPUTS = ("raw",)

def convert(inputs, output, quantization=None):
    weights = numpy.frombuffer(inputs["raw"].read_bytes(), dtype=numpy.uint8).astype(numpy.float32)
    value = helper.make_tensor_value_info("x", TensorProto.FLOAT, [len(weights)])
    result = helper.make_tensor_value_info("y", TensorProto.FLOAT, [len(weights)])
    node = helper.make_node("Add", ["x", "weights"], ["y"])
    graph = helper.make_graph([node], "made", [value], [result], [numpy_helper.from_array(weights, "weights")])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    (output / "model.onnx").write_bytes(model.SerializeToString(deterministic=True))
    (output / "by-product.txt").write_text("not wanted")
"""


@pytest.fixture
def importer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An installed plugin with the importer `made_up`: raw bytes become an ONNX model that adds them."""
    folder = tmp_path / "plugin"
    info = folder / "made_up-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: made-up\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[{conversion.GROUP}]\nmade_up = made_up_importer\n")
    (folder / "made_up_importer.py").write_text(IMPORTER)
    monkeypatch.syspath_prepend(folder)
    yield folder / "made_up_importer.py"
    sys.modules.pop("made_up_importer", None)


@pytest.fixture
def mine(catalog: Catalog) -> Portfolio:
    """A portfolio in whose store lies one model of some megabytes."""
    catalog.file("mine")
    portfolio = Portfolio()
    portfolio.pull(["mine"])
    return portfolio


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the files that are read to be hashed."""
    seen: list[str] = []
    real = loading.Stamps.read
    monkeypatch.setattr(loading.Stamps, "read", lambda self, path: seen.append(path.name) or real(self, path))
    return seen
