"""A model that is not in the store yet: a folder of files with `candidate.toml`, opened as a sense opens its models.

name = "whisper-base-int4"
role = "speech"

[files]                     # what their users call them, and where they lie in the folder
encoder = "encoder.onnx"
decoder = "decoder.onnx"

[options]                   # for the code that loads it, as in a catalog entry
multilingual = true
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import msgspec

from edge_assistant.core.errors import InputMissing
from edge_assistant.core.signals import printable
from edge_assistant_models import regular, toml
from edge_assistant_models.entries import ROLES
from edge_assistant_models.errors import CatalogInvalid
from edge_assistant_models.loading import stamp_of
from edge_assistant_models.model import InstalledModel
from edge_assistant_models.portfolio import Portfolio
from edge_assistant_models.schema import MAX_TOML_BYTES
from edge_assistant_quantize import decoding
from edge_assistant_quantize.decoding import FileName, Name
from edge_assistant_quantize.errors import ModelCorrupt, UsageError

FILE = "candidate.toml"


@dataclass(frozen=True, slots=True)
class Candidate:
    """A model as the toolkit hands it on.

    Attributes:
        name: for people, and of the entry that it may become.
        role: one of `ROLES`.
        folder: where its files lie.
        files: their names by key.
        options: for the code that loads it.
    """

    name: str
    role: str
    folder: Path
    files: Mapping[str, str]
    options: Mapping[str, object] = field(default_factory=dict)

    @property
    def paths(self) -> dict[str, Path]:
        """Its files by key."""
        return {key: self.folder / name for key, name in self.files.items()}

    @property
    def bytes(self) -> int:
        """Size of all its files."""
        return sum(path.stat().st_size for path in self.paths.values())

    def sums(self) -> dict[str, str]:
        """The sha256 of each file by key."""
        return {key: sha256_of(path) for key, path in self.paths.items()}

    @contextmanager
    def held(self) -> Iterator[tuple[InstalledModel, dict[str, str]]]:
        """The model as senses and engines take it, and the sha256 of each file by key.

        A path may lead to another file at any moment. So each file is opened once and hashed through its descriptor,
        and what runs the model gets links to the descriptors, in a folder that only this user can enter.

        Raises:
            InputMissing: a file cannot be opened.
            ModelCorrupt: somebody wrote to a file meanwhile.
        """
        with ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="edge-quantize-")))
            try:
                files = {key: stack.enter_context(regular.opened(path)) for key, path in self.paths.items()}
            except OSError as error:
                what = f"a file of {self.name} cannot be read ({error.strerror})"
                raise InputMissing(what, "name files that are there") from None
            before = [stamp_of(os.fstat(file.fileno())) for file in files.values()]
            sums = {key: hashlib.file_digest(file, "sha256").hexdigest() for key, file in files.items()}
            lines = sorted(f"{key} {digest}\n" for key, digest in sums.items())
            digest = hashlib.sha256("".join(lines).encode()).hexdigest()
            links = _Files({key: folder / key / path.name for key, path in self.paths.items()})
            for key, link in links.items():
                link.parent.mkdir()
                _lead(link, files[key])
            yield InstalledModel(self.name, digest, links, dict(self.options), self.role), sums
            if [stamp_of(os.fstat(file.fileno())) for file in files.values()] != before:
                raise ModelCorrupt(f"a file of {self.name} changed while it was measured", "measure it again")

    def write(self) -> None:
        """Write its `candidate.toml`."""
        import tomlkit

        document = {"name": self.name, "role": self.role, "files": dict(self.files), "options": dict(self.options)}
        (self.folder / FILE).write_text(tomlkit.dumps(document), "utf-8")


class _File(msgspec.Struct, forbid_unknown_fields=True):
    """The content of `candidate.toml`; files that are made of one are called after its key, a plain name, too."""

    name: Name
    role: str
    files: dict[FileName, FileName]
    options: dict[str, object] = {}


class _Files(dict[str, Path]):
    """Files by key; one that a sense looks for and does not find is no fault of ours."""

    def __missing__(self, key: str) -> Path:
        raise InputMissing(f"the model has no file '{key}'", f"name it under [files] of its {FILE}")


def _lead(link: Path, file: BinaryIO) -> None:
    """Make a path lead to an open file, wherever that is moved; to a copy where the system has no such paths."""
    descriptor = Path(f"/proc/self/fd/{file.fileno()}")
    if descriptor.exists():
        link.symlink_to(descriptor)
        return
    file.seek(0)
    with link.open("wb") as copy:
        shutil.copyfileobj(file, copy)


@contextmanager
def loading() -> Iterator[None]:
    """Say of a file that cannot be loaded what helps, as it need not be one of the store.

    Raises:
        ModelCorrupt: the block says that it cannot be loaded.
    """
    try:
        yield
    except ModelCorrupt as error:
        hint = "make or fetch it again, or name another; what lies in the store: edge-assistant models verify"
        raise ModelCorrupt(error.message, hint) from error


def sha256_of(path: Path) -> str:
    """The sum of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read(folder: Path) -> Candidate:
    """The candidate in a folder.

    Raises:
        InputMissing: there is none, or a file of it is missing.
        CatalogInvalid: its `candidate.toml` is wrong.
    """
    try:
        content = (folder / FILE).read_bytes()
    except OSError:
        hint = f"name a folder with {FILE}, a .gguf or .onnx file, or a model of the catalog"
        raise InputMissing(f"{folder.name} holds no {FILE}", hint) from None
    try:
        if len(content) > MAX_TOML_BYTES:
            raise ValueError(f"larger than {MAX_TOML_BYTES} bytes")
        said = decoding.convert(toml.parse(content), _File)
        if said.role not in ROLES:
            raise ValueError(f"unknown role {said.role!r} (there are {', '.join(ROLES)})")
    except ValueError as error:
        what = f"{folder.name}/{FILE}: {printable(str(error))}"
        raise CatalogInvalid(what, "correct the file or make the candidate again") from None
    found = Candidate(said.name, said.role, folder, said.files, said.options)
    for path in found.paths.values():
        if not path.is_file():
            raise InputMissing(f"{path.name} of {found.name} is missing", "make the candidate again")
    return found


def find(named: str, role: str | None = None, portfolio: Portfolio | None = None) -> Candidate:
    """What a command line names: a folder with `candidate.toml`, a lone model file, or a model of the catalog.

    Args:
        named: a path, or a name.
        role: of a lone file; a .gguf is a language model unless said otherwise.
        portfolio: where names are looked up; None for the user's own.

    Raises:
        UsageError: a lone .onnx file, and no role is given.
        InputMissing, CatalogInvalid: see `read`.
        ModelError: the catalog has no such model, or it is not installed or damaged.
    """
    path = Path(named).absolute()  # its files are named from other folders, too
    if path.is_dir():
        return read(path)
    if path.suffix in {".gguf", ".onnx"}:
        if not path.is_file():
            raise InputMissing(f"there is no {path.name}", "name a file that is there")
        files, config = {"model": path.name}, path.with_name(f"{path.name}.json")
        if path.suffix == ".onnx" and config.is_file():  # as voices of Piper lie
            files["config"], role = config.name, role or "voice"
        if role is None and path.suffix == ".onnx":
            raise UsageError(f"nothing says what {path.name} does", "say it: --role speech, detector, embedder, ...")
        options = {"family": "chatml"} if path.suffix == ".gguf" else {}
        return Candidate(model_name(path.stem), role or "language", path.parent, files, options)
    portfolio = portfolio or Portfolio()
    entry, places = portfolio.entry(named), portfolio.open(named).files
    folder = next(iter(places.values())).parent
    return Candidate(named, entry.role, folder, {key: path.name for key, path in places.items()}, entry.options)


def model_name(stem: str) -> str:
    """A file's name as a model's.

    >>> model_name("SmolLM2-135M Instruct.Q4_1")
    'smollm2-135m-instruct.q4_1'
    """
    kept = "".join(letter if letter.isascii() and (letter.isalnum() or letter in "._-") else "-" for letter in stem)
    return kept.lower().strip("._-")[:100] or "model"
