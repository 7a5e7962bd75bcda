"""A recipe's step: a kind with its options, and functions that say what it needs and make files of files."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any, Generic, TypeVar

import msgspec

from edge_assistant_quantize import decoding
from edge_assistant_quantize.candidate import Candidate
from edge_assistant_quantize.decoding import Name
from edge_assistant_quantize.progress import Watch
from edge_assistant_quantize.record import Layer

AnyOptions = TypeVar("AnyOptions", bound="Options")


@dataclass(frozen=True, slots=True)
class Form:
    """A model at some point of a recipe.

    Attributes:
        name: of the recipe.
        role: of the model.
        files: by key; empty if there are only weights yet.
        sums: sha256 of each file, by key.
        options: for the code that loads it.
        weights: a Hugging Face folder that is not converted yet, or None.
        weights_sum: sum over its files.
        aside: files that later steps use and that are no part of the model, such as an importance matrix.
        aside_sums: sha256 of each of these.
        excluded: nodes that were not quantized.
        layers: loss by node, if a step has measured it.
        notes: of the steps.
    """

    name: str
    role: str
    files: Mapping[str, Path] = field(default_factory=dict)
    sums: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, object] = field(default_factory=dict)
    weights: Path | None = None
    weights_sum: str = ""
    aside: Mapping[str, Path] = field(default_factory=dict)
    aside_sums: Mapping[str, str] = field(default_factory=dict)
    excluded: tuple[str, ...] = ()
    layers: tuple[Layer, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def bytes(self) -> int:
        """Size of all its files, or of the weights if there are only these."""
        weights = (path for path in self.weights.rglob("*") if path.is_file()) if self.weights else ()
        return sum(path.stat().st_size for path in (*self.files.values(), *weights))

    @property
    def identity(self) -> dict[str, object]:
        """Everything that its output depends on: files by content, and options."""
        weights = {"weights": self.weights_sum} if self.weights_sum else {}
        return {"role": self.role, "files": dict(self.sums), "options": dict(self.options), **weights}

    def candidate(self) -> Candidate:
        """As senses take it; its files may lie in different folders."""
        folder = next(iter(self.files.values())).parent
        return Candidate(self.name, self.role, folder, {k: str(path) for k, path in self.files.items()}, self.options)

    def models(self) -> tuple[str, ...]:
        """The keys of the files that hold a model, not a vocabulary or labels."""
        return tuple(key for key, path in self.files.items() if path.suffix in {".onnx", ".gguf"})

    def with_file(self, key: str, path: Path, digest: str) -> Form:
        """With one file replaced."""
        return replace(self, files={**self.files, key: path}, sums={**self.sums, key: digest})


@dataclass(frozen=True, slots=True)
class Work:
    """The input of a step.

    Attributes:
        form: the model before the step.
        key: the file to work on; empty for a step over the whole model.
        folder: an empty folder for the output.
        kept: a folder that survives an interruption, for the partial results of a long step.
        calibration: the data table, or None.
        accepts: whether the model is accepted with this file in place of its own.
        threads: cores to use.
        watch: receives progress.
    """

    form: Form
    key: str
    folder: Path
    kept: Path
    calibration: Mapping[str, object] | None
    accepts: Callable[[Path], bool]
    threads: int
    watch: Watch

    @property
    def file(self) -> Path:
        """The file to work on."""
        return self.form.files[self.key]

    @property
    def output(self) -> Path:
        """Where its replacement goes."""
        return self.folder / f"{self.key}{self.file.suffix}"


@dataclass(frozen=True, slots=True)
class Made:
    """The output of a step.

    Attributes:
        files: by key, in the step's folder.
        aside: likewise, of files that are no part of the model.
        options: to add to the model's.
        excluded: nodes that were not quantized.
        layers: loss by node, worst first, if the step has measured it.
        note: one line for the record.
    """

    files: Mapping[str, Path] = field(default_factory=dict)
    aside: Mapping[str, Path] = field(default_factory=dict)
    options: Mapping[str, object] = field(default_factory=dict)
    excluded: tuple[str, ...] = ()
    layers: tuple[Layer, ...] = ()
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Needs:
    """What a step needs and costs.

    Attributes:
        label: its name in messages and progress; empty for that of its kind.
        libraries: distributions whose versions its output depends on.
        calibrates: whether it needs calibration data.
        searches: whether it asks for acceptance while it works.
        aside: whether its output depends on files that earlier steps laid aside.
        growth: bytes of the model after it for each byte before, at most.
        written: bytes on the disk for each byte of input; None for as many as `growth`.
        memory: bytes of memory for each byte of input.
        fixed_memory: bytes of memory besides.
    """

    label: str = ""
    libraries: tuple[str, ...] = ()
    calibrates: bool = False
    searches: bool = False
    aside: bool = False
    growth: float = 1.0
    written: float | None = None
    memory: float = 2.0
    fixed_memory: int = 0


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The keys of a step's table besides `do`, for a step over the whole model."""


class FileOptions(Options, frozen=True, kw_only=True):
    """The keys of a step that works on one file at a time: `file`, or `files`, or every file that holds a model."""

    file: Name | None = None
    files: tuple[Name, ...] = ()

    def __post_init__(self) -> None:
        if self.file and self.files:
            raise ValueError("it has both 'file' and 'files'")
        if len(set(self.files)) != len(self.files):
            raise ValueError("'files' names something twice")


@dataclass(frozen=True, slots=True)
class Kind(Generic[AnyOptions]):
    """A kind of step.

    Attributes:
        name: the value of `do`.
        options: type of its table.
        make: does it; raises EdgeAssistantError.
        needs: what it needs with these options.
        types: values of the key `type` that select this kind among those of the same name; empty if it has no `type`.
        revision: raised if the same input gives other tensors than before.
    """

    name: str
    options: type[AnyOptions]
    make: Callable[[AnyOptions, Work], Made]
    needs: Callable[[AnyOptions], Needs]
    types: tuple[str, ...] = ()
    revision: int = 1


class Step:
    """One step of a recipe; no dataclass, which msgspec would decode without `decode`."""

    __slots__ = ("kind", "options")

    def __init__(self, kind: Kind[Any], options: Options) -> None:
        self.kind = kind
        self.options = options

    @property
    def needs(self) -> Needs:
        """What it needs."""
        found: Needs = self.kind.needs(self.options)
        return found if found.label else replace(found, label=self.kind.name)

    @property
    def files(self) -> tuple[str, ...]:
        """The keys that it names; none for every file that holds a model, and of a step over the whole model."""
        if not isinstance(self.options, FileOptions):
            return ()
        return (self.options.file,) if self.options.file else self.options.files

    @property
    def whole(self) -> bool:
        """Whether it is done once over the whole model, and not for each file."""
        return not isinstance(self.options, FileOptions)

    @property
    def parameters(self) -> dict[str, Any]:
        """Options that its output depends on."""
        return {key: value for key, value in msgspec.structs.asdict(self.options).items() if key not in _PLACES}


_PLACES = FileOptions.__struct_fields__


@cache
def kinds() -> tuple[Kind[Any], ...]:
    """Every kind of step: the modules of this package that have a `STEP`."""
    folder = importlib.import_module("edge_assistant_quantize.recipes.steps")
    names = sorted(module.name for module in pkgutil.iter_modules(folder.__path__))
    modules = [importlib.import_module(f"{folder.__name__}.{name}") for name in names]
    return tuple(module.STEP for module in modules if hasattr(module, "STEP"))


def decode(table: object, known: Sequence[Kind[Any]]) -> Step:
    """A step from its table.

    Raises:
        ValueError: there is no such step, or a key is wrong.
    """
    if not isinstance(table, dict):
        raise ValueError("a step is a table")
    values = dict(table)
    name = values.pop("do", None)
    found = [kind for kind in known if kind.name == name]
    if not found:
        there = ", ".join(dict.fromkeys(kind.name for kind in known))
        raise ValueError(f"unknown step {name!r} (there are {there})")
    if found[0].types:
        types = ", ".join(name for kind in found for name in kind.types)
        if "type" not in values:
            raise ValueError(f"'type' is missing (one of {types})")
        found = [kind for kind in found if values["type"] in kind.types]
        if not found:
            raise ValueError(f"unknown type {values['type']!r} (there are {types})")
    return Step(found[0], decoding.convert(values, found[0].options))
