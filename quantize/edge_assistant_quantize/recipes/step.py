"""A recipe's step: its keys, what it needs, and how it makes files of a model's files."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar

import msgspec

from edge_assistant_quantize import decoding
from edge_assistant_quantize.candidate import Candidate
from edge_assistant_quantize.decoding import Name
from edge_assistant_quantize.progress import Watch
from edge_assistant_quantize.record import Layer

IMATRIX = "imatrix"  # key of an importance matrix that is laid aside


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

    @classmethod
    def of(cls, model: Candidate) -> Form:
        """A model as it is.

        Raises:
            WeightsRefused: see `Candidate.sums`.
        """
        return cls(model.name, model.role, model.paths, model.sums(), model.options)

    @property
    def identity(self) -> dict[str, object]:
        """Everything that its output depends on: files by content, and options."""
        weights = {"weights": self.weights_sum} if self.weights_sum else {}
        return {"role": self.role, "files": dict(self.sums), "options": dict(self.options), **weights}

    def inputs(self, where: str) -> dict[str, str]:
        """The sums of what a run reads of it, by name."""
        weights = {"weights": self.weights_sum} if self.weights_sum else {}
        return {f"{where}/{key}": digest for key, digest in {**self.sums, **self.aside_sums, **weights}.items()}

    def candidate(self, name: str = "") -> Candidate:
        """As senses take it, under its own or another name; its files may lie in different folders."""
        folder = next(iter(self.files.values())).parent
        files = {key: str(path) for key, path in self.files.items()}
        return Candidate(name or self.name, self.role, folder, files, self.options)

    def models(self) -> tuple[str, ...]:
        """The keys of the files that hold a model, not a vocabulary or labels."""
        return tuple(key for key, path in self.files.items() if path.suffix in {".onnx", ".gguf"})

    def with_file(self, key: str, path: Path, digest: str) -> Form:
        """With one file replaced."""
        return replace(self, files={**self.files, key: path}, sums={**self.sums, key: digest})

    def after(self, made: Made, folder: Path, sums: Mapping[str, str]) -> Form:
        """The model after a step whose output lies in a folder, with the sha256 of each file by name."""
        changed = replace(
            self,
            files={**self.files, **{key: folder / name for key, name in made.files.items()}},
            sums={**self.sums, **{key: sums[name] for key, name in made.files.items()}},
            options={**self.options, **made.options},
            aside={**self.aside, **{key: folder / name for key, name in made.aside.items()}},
            aside_sums={**self.aside_sums, **{key: sums[name] for key, name in made.aside.items()}},
            excluded=(*self.excluded, *made.excluded),
            layers=(*self.layers, *made.layers),
            notes=(*self.notes, *([made.note] if made.note else [])),
        )
        return replace(changed, weights=None, weights_sum="") if made.files else changed


@dataclass(frozen=True, slots=True)
class StepInput:
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

    @property
    def computing(self) -> dict[str, Any]:
        """The arguments `threads` and `watch` of what computes."""
        return {"threads": self.threads, "watch": self.watch}


class Made(msgspec.Struct, frozen=True):
    """The output of a step.

    Attributes:
        files: names in the step's folder by key.
        aside: likewise, of files that are no part of the model.
        options: to add to the model's.
        excluded: nodes that were not quantized.
        layers: loss by node, worst first, if the step has measured it.
        note: one line for the record.
    """

    files: dict[str, str] = {}
    aside: dict[str, str] = {}
    options: dict[str, object] = {}
    excluded: tuple[str, ...] = ()
    layers: tuple[Layer, ...] = ()
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Needs:
    """What a step needs.

    Attributes:
        label: its name in messages and progress.
        libraries: distributions whose versions its output depends on.
        calibrates: whether it needs calibration data.
        searches: whether it asks for acceptance while it works.
        aside: whether its output depends on files that earlier steps laid aside.
    """

    label: str
    libraries: tuple[str, ...] = ()
    calibrates: bool = False
    searches: bool = False
    aside: bool = False


class Step:
    """One step of a recipe; no struct itself, which msgspec would decode without `decode`.

    Attributes:
        do: the key `do` of its table.
        types: values of the key `type` that select this class among those with the same `do`; empty without a `type`.
    """

    __slots__ = ()
    do: ClassVar[str]
    types: ClassVar[tuple[str, ...]] = ()

    @property
    def needs(self) -> Needs:
        """What it needs."""
        raise NotImplementedError

    def make(self, work: StepInput) -> Made:
        """Do it, or raise an EdgeAssistantError."""
        raise NotImplementedError

    @property
    def keys(self) -> tuple[str, ...]:
        """The files that it names; none for every file that holds a model, and of a step over the whole model."""
        return ()

    @property
    def parameters(self) -> dict[str, Any]:
        """The keys of its table that its output depends on."""
        return {key: value for key, value in msgspec.structs.asdict(self).items() if key not in {"file", "files"}}  # type: ignore[arg-type]


class WholeStep(msgspec.Struct, Step, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A step that is done once over the whole model."""


class FileStep(msgspec.Struct, Step, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A step that works on one file at a time: `file`, or `files`, or every file that holds a model."""

    file: Name | None = None
    files: tuple[Name, ...] = ()

    def __post_init__(self) -> None:
        if self.file and self.files:
            raise ValueError("it has both 'file' and 'files'")
        if len(set(self.files)) != len(self.files):
            raise ValueError("'files' names something twice")

    @property
    def keys(self) -> tuple[str, ...]:
        """The files that it names; none for every file that holds a model."""
        return (self.file,) if self.file else self.files


def decode(table: object, known: Sequence[type[Step]]) -> Step:
    """A step from its table.

    Raises:
        ValueError: there is no such step, or a key is wrong.
    """
    if not isinstance(table, dict):
        raise ValueError("a step is a table")
    values = dict(table)
    name = values.pop("do", None)
    found = [kind for kind in known if kind.do == name]
    if not found:
        raise ValueError(f"unknown step {name!r} (there are {', '.join(dict.fromkeys(kind.do for kind in known))})")
    if found[0].types:
        types = ", ".join(name for kind in found for name in kind.types)
        if "type" not in values:
            raise ValueError(f"'type' is missing (one of {types})")
        found = [kind for kind in found if values["type"] in kind.types]
        if not found:
            raise ValueError(f"unknown type {values['type']!r} (there are {types})")
    return decoding.convert(values, found[0])
