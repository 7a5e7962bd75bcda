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
from edge_assistant_quantize.errors import RecipeInvalid
from edge_assistant_quantize.onnx import graphs
from edge_assistant_quantize.progress import Watch
from edge_assistant_quantize.record import Layer

WEIGHTS = "weights"  # key of a Hugging Face folder that is not converted yet
IMATRIX = "imatrix"  # key of an importance matrix


@dataclass(frozen=True, slots=True)
class Form:
    """A model at some point of a recipe.

    Attributes:
        name: for people.
        role: of the model.
        files: by key; empty if there are only weights yet.
        sums: sha256 of each file, by key.
        options: for the code that loads it.
        beside: what steps read and is no part of the model, by key: `WEIGHTS`, `IMATRIX`.
        beside_sums: sha256 of each of these.
        history: what steps made, in order.
    """

    name: str
    role: str
    files: Mapping[str, Path] = field(default_factory=dict)
    sums: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, object] = field(default_factory=dict)
    beside: Mapping[str, Path] = field(default_factory=dict)
    beside_sums: Mapping[str, str] = field(default_factory=dict)
    history: tuple[Made, ...] = ()

    @classmethod
    def of(cls, model: Candidate) -> Form:
        """A model as it is.

        Raises:
            WeightsRefused: an .onnx file keeps weights in other files, which no sum covers.
        """
        for path in model.paths.values():
            graphs.check_one_file(path)
        return cls(model.name, model.role, model.paths, model.sums(), model.options)

    @property
    def identity(self) -> dict[str, object]:
        """Everything that its output depends on: files by content, and options."""
        return {"role": self.role, "files": dict(self.sums), "options": dict(self.options)}

    def inputs(self, where: str) -> dict[str, str]:
        """The sums of what a run reads of it, by name."""
        return {f"{where}/{key}": digest for key, digest in {**self.sums, **self.beside_sums}.items()}

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
        return replace(
            self,
            files={**self.files, **{key: folder / name for key, name in made.files.items()}},
            sums={**self.sums, **{key: sums[name] for key, name in made.files.items()}},
            options={**self.options, **made.options},
            beside={**self.beside, **{key: folder / name for key, name in made.beside.items()}},
            beside_sums={**self.beside_sums, **{key: sums[name] for key, name in made.beside.items()}},
            history=(*self.history, made),
        )


@dataclass(frozen=True, slots=True)
class StepInput:
    """The input of a step.

    Attributes:
        form: the model before the step.
        key: the file to work on; empty for a step over the whole model.
        output: the file to write; an empty folder for a step over the whole model.
        kept: a folder that survives an interruption, for the partial results of a long step.
        calibration: the data table, or None.
        accepts: whether the model is accepted with this file in place of its own.
        threads: cores to use.
        watch: receives progress.
    """

    form: Form
    key: str
    output: Path
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
    def text(self) -> Path:
        """The calibration text."""
        assert self.calibration is not None
        return Path(str(self.calibration["path"]))

    @property
    def computing(self) -> dict[str, Any]:
        """The arguments `threads` and `watch` of what computes."""
        return {"threads": self.threads, "watch": self.watch}


class Made(msgspec.Struct, frozen=True):
    """The output of a step.

    Attributes:
        files: names in the step's folder by key.
        beside: likewise, of files that are no part of the model.
        options: to add to the model's.
        excluded: nodes that were not quantized.
        layers: loss by node, worst first, if the step has measured it.
        note: one line for the record.
        facts: the same and more for programs.
    """

    files: dict[str, str] = {}
    beside: dict[str, str] = {}
    options: dict[str, object] = {}
    excluded: tuple[str, ...] = ()
    layers: tuple[Layer, ...] = ()
    note: str = ""
    facts: dict[str, object] = {}


class Step:
    """One step of a recipe; no struct itself, which msgspec would decode without `decode`.

    Attributes:
        do: the key `do` of its table.
        types: values of the key `type` that select this class among those with the same `do`; empty without a `type`.
        libraries: distributions whose versions its output depends on.
        calibrates: whether it needs calibration data.
        searches: whether it asks for acceptance while it works.
    """

    __slots__ = ()
    do: ClassVar[str]
    types: ClassVar[tuple[str, ...]] = ()
    libraries: ClassVar[tuple[str, ...]] = ()

    def keys(self, form: Form) -> tuple[str, ...]:
        """The files of a model that it works on, one at a time; one empty key for a step over the whole model."""
        return ("",)

    def make(self, work: StepInput) -> Made:
        """Do it, or raise an EdgeAssistantError."""
        raise NotImplementedError

    @property
    def label(self) -> str:
        """Its name in messages and progress."""
        return str(getattr(self, "kind", self.do))

    @property
    def calibrates(self) -> bool:
        """Whether it needs calibration data."""
        return False

    @property
    def searches(self) -> bool:
        """Whether it asks for acceptance while it works."""
        return False

    @property
    def parameters(self) -> dict[str, Any]:
        """The keys of its table that its output depends on."""
        return {key: value for key, value in msgspec.structs.asdict(self).items() if key != "file"}  # type: ignore[arg-type]


class WholeStep(msgspec.Struct, Step, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A step that is done once over the whole model."""


class FileStep(msgspec.Struct, Step, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A step that works on one file at a time: `file`, or every file that holds a model."""

    file: Name | None = None

    def keys(self, form: Form) -> tuple[str, ...]:
        """That file, or each that holds a model.

        Raises:
            RecipeInvalid: the model has no such file, or no model file at all.
        """
        found, has = form.models(), ", ".join(form.files) or "none"
        if self.file and self.file not in form.files:
            what = f"{self.label} works on '{self.file}', which {form.name} has not (its files: {has})"
            raise RecipeInvalid(what, "correct 'file' of the step")
        if not self.file and not found:
            what = f"no model among its files ({has})" if form.files else "weights that are not converted yet"
            hint = 'put a step before it that makes one: prepare = [{ do = "convert" }], or "export"'
            raise RecipeInvalid(f"{self.label} finds {what}", hint)
        return (self.file,) if self.file else found


def decode(table: object, known: Sequence[type[Step]]) -> Step:
    """A step from its table.

    Raises:
        ValueError: there is no such step, or a key is wrong.
    """
    values = dict(table) if isinstance(table, dict) else {}
    name, kind = values.pop("do", None), values.get("type")
    found = [each for each in known if each.do == name]
    if not found:
        raise ValueError(f"unknown step {name!r} (there are {', '.join(dict.fromkeys(each.do for each in known))})")
    fitting = [each for each in found if not each.types or kind in each.types]
    if not fitting:
        raise ValueError(f"unknown type {kind!r} (there are {', '.join(one for each in found for one in each.types)})")
    return decoding.convert(values, fitting[0])
