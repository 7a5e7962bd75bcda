"""llama.cpp's own converter, of the very version that loads what it makes.

It is in the source distribution of llama-cpp-python and in no wheel. pip brings that by name, and its sum is compared
before anything looks into it; of its thousands of files those that convert are unpacked, and none is compiled. What was
unpacked is code that will run, so its sum is compared each time that it is used.
"""

from __future__ import annotations

import importlib.metadata
import re
import shutil
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import NamedTuple

from edge_assistant.storage.atomic import storing
from edge_assistant_models import paths
from edge_assistant_models.archives import only_file, run_client
from edge_assistant_models.transfer import PullRun, Refused
from edge_assistant_quantize import progress
from edge_assistant_quantize.candidate import sha256_of
from edge_assistant_quantize.errors import InputMissing, ToolMissing
from edge_assistant_quantize.progress import Watch
from edge_assistant_quantize.provenance import sum_of_path
from edge_assistant_quantize.room import check_disk

PACKAGE = "llama-cpp-python"
_ARCHIVE_BYTES = 144 << 20  # what a source distribution and the converter take on the disk while they are fetched
_BRING = "bring it with a network: edge-quantize tools"
_FOLDER = r"llama_cpp_python-[\d.]+/vendor/llama\.cpp/"  # in the archive
_WANTED = re.compile(_FOLDER + r"(\w+\.py|(conversion|gguf-py)/[\w/-]+\.py|(gguf-py/)?LICENSE)")

# What stands for the builder of llama-cpp-python while pip asks for its name and version, which pip does of every
# source that it downloads: so nothing of the archive is run, and CMake and a compiler are not asked for.
_BUILDER = """from pathlib import Path


def prepare_metadata_for_build_wheel(metadata_directory, config_settings=None):
    folder = Path(metadata_directory, "llama_cpp_python-{version}.dist-info")
    folder.mkdir()
    text = "Metadata-Version: 2.1\\nName: llama-cpp-python\\nVersion: {version}\\n"
    folder.joinpath("METADATA").write_text(text, "utf-8")
    return folder.name
"""


class Pinned(NamedTuple):
    """One version of llama-cpp-python."""

    version: str
    archive: str  # sha256 of its source distribution, which locks/demo.txt has too
    files: str  # what `sum_of_path` gives of what is unpacked from it


_PINNED = Pinned(
    "0.3.36",
    "832db0699007f1be95a7e41ef12e88926b02ba836461e36a36372db2760c1a2e",
    "a0e767bb35c131e1030e839f9c2d0ef48ab113fa18342a5de9ab95ad421da019",
)


def pinned() -> Pinned:
    """The version that is installed.

    Raises:
        ToolMissing: its sums are not known.
    """
    version = importlib.metadata.version(PACKAGE)
    if version != _PINNED.version:
        raise ToolMissing(f"the source of {PACKAGE} {version} is not pinned", f"install one that is: {_PINNED.version}")
    return _PINNED


def source() -> Path:
    """The folder with `convert_hf_to_gguf.py`, `conversion` and `gguf-py`, as it was unpacked.

    Raises:
        ToolMissing: it has not been fetched, or was changed since.
    """
    pin = pinned()
    folder = paths.cache_dir() / "llama.cpp" / pin.version
    if not folder.is_dir():
        raise ToolMissing(f"llama.cpp's converter of {PACKAGE} {pin.version} is not here", _BRING)
    if sum_of_path(folder) != pin.files:
        raise ToolMissing(f"llama.cpp's converter in {folder.name} is not what was fetched", _BRING)
    return folder


def bring(archive: Path | None = None, watch: Watch = progress.ignore) -> Path:
    """Fetch the converter, or unpack it from a source distribution that is here; returns its folder.

    Args:
        archive: the source distribution; None lets pip bring it.
        watch: is told what is done.

    Raises:
        ToolMissing: pip does not bring it, or the archive is another than is pinned.
        InputMissing: there is no such archive.
        StorageFull: the disk is full.
    """
    from filelock import FileLock

    pin = pinned()
    folder = paths.cache_dir() / "llama.cpp" / pin.version
    with storing("llama.cpp's converter", "free some space, or set EDGE_ASSISTANT_HOME to another folder"):
        folder.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(folder.with_name(f"{pin.version}.lock")):
            if folder.is_dir() and sum_of_path(folder) == pin.files:
                return folder
            what = f"llama.cpp's converter of {PACKAGE} {pin.version}"
            temporary = tempfile.TemporaryDirectory(prefix=f".{pin.version}-", dir=folder.parent)
            with progress.stage(what, watch), temporary as work:
                made = unpack(_checked(archive or _download(pin, Path(work)), pin), Path(work, "unpacked"))
                shutil.rmtree(folder, ignore_errors=True)
                made.replace(folder)
    return folder


def _download(pin: Pinned, work: Path) -> Path:
    """Let pip bring the archive and compare it; nothing of it is built or run."""
    check_disk("the source of llama.cpp", _ARCHIVE_BYTES, work)
    builder, wanted, brought = work / "builder", work / "wanted.txt", work / "brought"
    package = builder / "scikit_build_core"
    package.mkdir(parents=True)
    brought.mkdir()
    (package / "__init__.py").write_text("", "utf-8")
    (package / "build.py").write_text(_BUILDER.format(version=pin.version), "utf-8")
    wanted.write_text(f"{PACKAGE}=={pin.version} --hash=sha256:{pin.archive}\n", "utf-8")
    command = [sys.executable, "-P", "-m", "pip", "download", "--quiet"]  # -P: not the pip of the working folder
    command += ["--disable-pip-version-check", "--no-input"]
    command += ["--no-deps", "--no-binary", PACKAGE, "--no-build-isolation", "--no-cache-dir"]
    command += ["--timeout", "15", "--retries", "2", "--require-hashes", "--requirement", str(wanted)]
    try:
        run_client("pip", [*command, "--dest", str(brought)], PullRun(work), {"PYTHONPATH": str(builder)})
        return only_file(brought, "*.tar.gz")
    except Refused as refused:
        named = f"llama_cpp_python-{pin.version}.tar.gz"
        raise ToolMissing(
            f"llama.cpp's converter cannot be fetched ({refused})",
            f"bring the file: edge-quantize tools --from {named}",
        ) from None


def _checked(archive: Path, pin: Pinned) -> Path:
    """The archive, if its sum is the pinned one."""
    try:
        digest = sha256_of(archive)
    except OSError as error:
        raise InputMissing(f"{archive.name} cannot be read ({error.strerror})", "name a file that is there") from None
    if digest != pin.archive:
        raise ToolMissing(
            f"{archive.name} is not the source of {PACKAGE} {pin.version}",
            f"take llama_cpp_python-{pin.version}.tar.gz, whose sha256 is {pin.archive}",
        )
    return archive


def unpack(archive: Path, folder: Path) -> Path:
    """Unpack what converts into a new folder: plain files, at their own places; the one below it that they lie in."""
    with tarfile.open(archive, "r:gz") as content:
        wanted = [member for member in content if member.isreg() and _WANTED.fullmatch(member.name)]
        content.extractall(folder, wanted, filter="data")
    return next(folder.glob("*/vendor/llama.cpp"))
