"""The catalog: one TOML file a model. Adding a model is adding one file."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from importlib import resources
from pathlib import Path

from edge_assistant_models import regular, sources
from edge_assistant_models.errors import CatalogInvalid
from edge_assistant_models.schema import HTTP_URL, MAX_TOML_BYTES, NAME, TomlTable, printable
from edge_assistant_models.sources import DownloadSource, FileSpec

REFERENCE = "reference"  # what benches compare with; no profile has it and no sense uses it
ROLES = (
    "language",
    "speech",
    "vad",
    "writing",
    "detector",
    "classifier",
    "faces",
    "embedder",
    "vision-language",
    "voice",
    REFERENCE,
)


@dataclass(frozen=True, slots=True)
class ImportRule:
    """How fetched files become the files of a model.

    Attributes:
        name: of an entry point, see `conversion`.
        inputs: what it reads; fetched, and not kept.
        quantization: name of the quantization of what it writes; None for none.
    """

    name: str
    inputs: tuple[FileSpec, ...]
    quantization: str | None = None


@dataclass(frozen=True, slots=True)
class Mirror:
    """Where a model lies converted; tried before its importer.

    Attributes:
        files: all files of the model, by the sums of their bytes.
        sources: where they come from, in order.
    """

    files: tuple[FileSpec, ...]
    sources: tuple[DownloadSource, ...]


@dataclass(frozen=True, slots=True)
class Entry:
    """A model in the catalog.

    Attributes:
        name: unique.
        role: what it does, one of `ROLES`.
        licence: SPDX identifier.
        licence_url: where it stands.
        home: its official page.
        description: one line.
        files: what is in the store.
        sources: where what is fetched comes from, in order.
        importer: how what is fetched becomes `files`; None where it is `files`.
        mirror: where `files` can be fetched instead; None for nowhere.
        memory_mib: memory that it needs to run.
        tested: whether this project runs it.
        figures: measured, for people.
        options: what whoever loads it is told; `family` and `context` of a language model among them.
        profiles: in which it comes first for its role; only an entry of the user's own names any.
        origin: the catalog file, for messages.
        own: whether it is the user's own, and did not come with the package.
    """

    name: str
    role: str
    licence: str
    licence_url: str
    home: str
    description: str
    files: tuple[FileSpec, ...]
    sources: tuple[DownloadSource, ...]
    memory_mib: int
    importer: ImportRule | None = None
    mirror: Mirror | None = None
    tested: bool = True
    figures: Mapping[str, object] = field(default_factory=dict)
    options: Mapping[str, object] = field(default_factory=dict)
    profiles: tuple[str, ...] = ()
    origin: str = ""
    own: bool = False

    @property
    def fetched(self) -> tuple[FileSpec, ...]:
        """The files that sources give."""
        return self.importer.inputs if self.importer else self.files

    @property
    def doubts(self) -> tuple[str, ...]:
        """What a person should know who chooses it, in words."""
        said = {"not tested here": not self.tested, "not accepted": self.figures.get("accepted") is False}
        return tuple(words for words, holds in said.items() if holds)

    @property
    def places(self) -> tuple[DownloadSource, ...]:
        """The sources of its mirror, and its own."""
        return (*(self.mirror.sources if self.mirror else ()), *self.sources)

    @property
    def asked(self) -> tuple[str, ...]:
        """All that its sources and its mirror ask a network for, whole."""
        return tuple(line for source in self.places for line in source.asked)

    @property
    def pinned(self) -> bool:
        """Whether the catalog pins every file of it, and not only what an importer makes them from."""
        return all(file.pin for file in self.files)

    @property
    def bytes(self) -> int:
        """Size in the store."""
        return sum(file.bytes for file in self.files)

    @property
    def sha256(self) -> str:
        """The pin of its file, or the sum of the pins of its files where it has several.

        Where an importer's output is not pinned, its inputs are.
        """
        pinned = self.files if self.pinned else self.fetched
        if len(pinned) == 1:
            return pinned[0].pin
        lines = sorted(f"{file.key} {file.pin}\n" for file in pinned)
        return hashlib.sha256("".join(lines).encode()).hexdigest()


def parse(content: bytes, origin: str) -> Entry:
    """Read one catalog file.

    Raises:
        CatalogInvalid: it breaks the schema; the message names file and key.
    """
    table = TomlTable.parse(content, origin)
    family, context = table.optional_text("family", NAME), table.optional_positive("context")
    said = {"family": family, "context": context}
    entry = Entry(
        name=table.text("name", NAME),
        role=table.text("role"),
        licence=table.text("licence"),
        licence_url=table.text("licence_url", HTTP_URL),
        home=table.text("home", HTTP_URL),
        description=table.text("description"),
        memory_mib=table.positive("memory_mib"),
        tested=table.flag("tested", default=True),
        figures=table.free("figures"),
        options={key: value for key, value in said.items() if value is not None} | table.free("options"),
        profiles=table.texts("profiles", NAME, required=False),
        importer=_importer(table.optional_table("importer")),
        mirror=_mirror(table.optional_table("mirror")),
        files=tuple(FileSpec.parse(file) for file in table.tables("files")),
        sources=tuple(sources.parse(source) for source in table.tables("sources")),
        origin=origin,
    )
    table.end()
    _check(entry, table)
    return entry


def _importer(table: TomlTable | None) -> ImportRule | None:
    """Read the `[importer]` table."""
    if table is None:
        return None
    importer = ImportRule(
        table.text("name", NAME),
        tuple(FileSpec.parse(file) for file in table.tables("inputs")),
        table.optional_text("quantization", NAME),
    )
    table.end()
    return importer


def _mirror(table: TomlTable | None) -> Mirror | None:
    """Read the `[mirror]` table."""
    if table is None:
        return None
    mirror = Mirror(
        tuple(FileSpec.parse(file) for file in table.tables("files")),
        tuple(sources.parse(source) for source in table.tables("sources")),
    )
    table.end()
    return mirror


def _check(entry: Entry, table: TomlTable) -> None:
    """What a single key does not show."""
    if entry.role not in ROLES:
        raise table.invalid(f"unknown role '{entry.role}' (there are {', '.join(ROLES)})")
    if entry.role == REFERENCE and entry.profiles:
        raise table.invalid("'profiles' is not for a reference, which no profile has")
    if entry.role == "language" and not {"family", "context"} <= set(entry.options):
        raise table.invalid("a language model needs 'family' and 'context'")
    for files in (entry.files, entry.fetched):
        if len({file.key for file in files}) != len(files) or len({file.path.lower() for file in files}) != len(files):
            raise table.invalid("two files have the same key or path")
    if not entry.pinned and (entry.tested or entry.importer is None):
        raise table.invalid("a file has neither 'sha256' nor 'tensors_sha256'")
    _check_sources(entry.fetched, entry.sources, table)
    if entry.mirror is not None:
        _check_sources(entry.mirror.files, entry.mirror.sources, table)
        converted = {(file.key, file.path) for file in entry.files}
        if entry.importer is None or {(file.key, file.path) for file in entry.mirror.files} != converted:
            raise table.invalid("'mirror' has the files that an importer writes, all of them")


def _check_sources(files: tuple[FileSpec, ...], origins: tuple[DownloadSource, ...], table: TomlTable) -> None:
    if not all(file.sha256 for file in files):
        raise table.invalid("a fetched file is pinned by 'sha256', an imported one by 'tensors_sha256'")
    for file in files:
        if not any(source.offers(file) for source in origins):
            raise table.invalid(f"no source offers '{file.key}'")
    unknown = {key for source in origins for key in source.places} - {file.key for file in files}
    if unknown:
        raise table.invalid(f"a source names '{min(unknown)}', which is no file's key")


def shipped() -> Iterator[tuple[str, bytes]]:
    """Name and content of every catalog file that comes with the package."""
    folder = resources.files("edge_assistant_models") / "catalog"
    for file in sorted(folder.iterdir(), key=lambda file: file.name):
        if file.name.endswith(".toml"):
            yield file.name, file.read_bytes()


def load() -> dict[str, Entry]:
    """Every model that comes with the package, by name.

    Raises:
        CatalogInvalid: a file breaks the schema, two carry the same name, or one says in which profiles it comes first,
            which the profiles themselves say.
    """
    entries: dict[str, Entry] = {}
    for origin, content in shipped():
        entry = _new(parse(content, origin), entries)
        if entry.profiles:
            raise CatalogInvalid(f"{origin}: 'profiles' is for the user's own entries", "name it in the profile")
        entries[entry.name] = entry
    return entries


def load_own(
    folder: Path, entries: Mapping[str, Entry], profiles: Collection[str]
) -> tuple[dict[str, Entry], list[CatalogInvalid]]:
    """The user's own models by name, and what is wrong with files that are left out.

    Args:
        folder: of the user's own catalog.
        entries: models that come with the package, by name.
        profiles: names of those that an entry may come first in.
    """
    own: dict[str, Entry] = {}
    wrong: list[CatalogInvalid] = []
    for path in sorted(folder.glob("*.toml")):
        try:
            content = regular.read(path, MAX_TOML_BYTES)
            entry = _new(parse(content, f"{folder.name}/{path.name}"), {**entries, **own})
            _check_profiles(entry, profiles)
            own[entry.name] = replace(entry, own=True)
        except CatalogInvalid as error:
            wrong.append(error)
        except OSError as error:
            what = f"{printable(path.name)}: cannot be read ({error.strerror})"
            wrong.append(CatalogInvalid(what, "correct or remove it"))
    return own, wrong


def _new(entry: Entry, entries: Mapping[str, Entry]) -> Entry:
    """An entry whose name no other one has; raises CatalogInvalid."""
    if entry.name in entries:
        other = entries[entry.name].origin
        raise CatalogInvalid(f"{entry.origin} and {other} both describe '{entry.name}'", "give yours another name")
    return entry


def _check_profiles(entry: Entry, profiles: Collection[str]) -> None:
    for name in entry.profiles:
        if name not in profiles:
            there = f"there is none, of {', '.join(profiles)} one may be named"
            raise CatalogInvalid(f"{entry.origin}: 'profiles' names '{name}': {there}", "correct the file")
