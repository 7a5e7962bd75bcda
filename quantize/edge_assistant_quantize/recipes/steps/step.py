"""What every step is: its parameters, what it needs, and how it makes files of files."""

from __future__ import annotations

import importlib
import pkgutil
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar

from edge_assistant_models.schema import NAME, Table
from edge_assistant_quantize.candidate import Candidate
from edge_assistant_quantize.progress import Watch
from edge_assistant_quantize.record import Layer


@dataclass(frozen=True, slots=True)
class Form:
    """A model at some point of a recipe.

    Attributes:
        name: of the recipe.
        role: of the model.
        files: by key; empty where there are only weights yet.
        sums: sha256 of each file, by key.
        options: what whoever loads it is told.
        weights: a folder of Hugging Face, for the steps that convert; None where the source is none.
        weights_sum: one sum over its files.
        aside: what is no part of the model and used by later steps, such as an importance matrix.
        aside_sums: sha256 of each of these.
        excluded: nodes that were left as they are.
        layers: which nodes hurt, where a step has measured that.
        notes: what else the steps said.
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
        """Size of all its files, or of the weights where there are only these."""
        weights = (path for path in self.weights.rglob("*") if path.is_file()) if self.weights else ()
        return sum(path.stat().st_size for path in (*self.files.values(), *weights))

    @property
    def identity(self) -> dict[str, object]:
        """What makes it do what it does: its files by content, and its options."""
        weights = {"weights": self.weights_sum} if self.weights_sum else {}
        return {"role": self.role, "files": dict(self.sums), "options": dict(self.options), **weights}

    def candidate(self) -> Candidate:
        """As senses take it; its files may lie in different folders."""
        folder = next(iter(self.files.values())).parent
        return Candidate(self.name, self.role, folder, {k: str(path) for k, path in self.files.items()}, self.options)

    def models(self) -> tuple[str, ...]:
        """The keys of the files that hold a model, and no vocabulary or labels."""
        return tuple(key for key, path in self.files.items() if path.suffix in {".onnx", ".gguf"})

    def with_file(self, key: str, path: Path, digest: str) -> Form:
        """With another file in the place of one."""
        return replace(self, files={**self.files, key: path}, sums={**self.sums, key: digest})


@dataclass(frozen=True, slots=True)
class Work:
    """What a step is given to work with.

    Attributes:
        form: the model before the step.
        key: the file that it works on; empty for a step over the whole model.
        folder: an empty folder for what it makes.
        kept: a folder that outlasts an interruption, for what a long step knows already.
        calibration: the data table, or None.
        accepts: whether the model with this file in the place of its own is accepted.
        threads: cores to keep to.
        watch: is told how far it is.
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
        """The file that it works on."""
        return self.form.files[self.key]

    def output(self, suffix: str = "") -> Path:
        """Where the file goes that takes the place of the one it works on."""
        return self.folder / f"{self.key}{suffix or self.file.suffix}"


@dataclass(frozen=True, slots=True)
class Made:
    """What a step made.

    Attributes:
        files: by key, in the step's folder.
        aside: likewise, of what is no part of the model.
        options: that whoever loads the model is told besides.
        excluded: nodes that were left as they are.
        layers: which nodes hurt, worst first, where it has measured that.
        note: one line for the record.
    """

    files: Mapping[str, Path] = field(default_factory=dict)
    aside: Mapping[str, Path] = field(default_factory=dict)
    options: Mapping[str, object] = field(default_factory=dict)
    excluded: tuple[str, ...] = ()
    layers: tuple[Layer, ...] = ()
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step(ABC):
    """One step of a recipe.

    Attributes:
        NAME: what `do` calls it.
        WHOLE: whether it is done once over the whole model, and not for each file.
        REVISION: raised where the same input gives other tensors than before.
        files: the keys that it works on; empty for every file that holds a model.
    """

    NAME: ClassVar[str]
    WHOLE: ClassVar[bool] = False
    REVISION: ClassVar[int] = 1

    files: tuple[str, ...] = ()

    @classmethod
    @abstractmethod
    def parse(cls, table: Table) -> Step:
        """Read its own keys out of a table from which `do` was taken; the caller looks for what is left.

        Raises:
            CatalogInvalid: a key is wrong.
        """

    @abstractmethod
    def make(self, work: Work) -> Made:
        """Do it.

        Raises:
            EdgeAssistantError: it cannot be done.
        """

    @property
    def label(self) -> str:
        """What it is called in messages and progress."""
        return self.NAME

    @property
    def libraries(self) -> tuple[str, ...]:
        """The distributions whose versions shape what it makes."""
        return ()

    @property
    def calibrates(self) -> bool:
        """Whether it needs calibration data."""
        return False

    @property
    def searches(self) -> bool:
        """Whether it asks for acceptance while it works."""
        return False

    @property
    def uses_aside(self) -> bool:
        """Whether what earlier steps laid aside shapes what it makes."""
        return False

    def parameters(self) -> dict[str, Any]:
        """What shapes its result, for the key that the result is kept under."""
        return {key: value for key, value in asdict(self).items() if key != "files"}

    def output_bytes(self, given: int) -> int:
        """The most that the model has after it, of so many bytes before."""
        return given

    def written_bytes(self, given: int) -> int:
        """The most that it puts on the disk for so many bytes of input."""
        return self.output_bytes(given)

    def memory_bytes(self, given: int) -> int:
        """The memory that it takes for so many bytes of input."""
        return 2 * given


def keys(table: Table) -> tuple[str, ...]:
    """The keys that a step's table names: `file` is one, `files` a list of them; none where it names none.

    Raises:
        CatalogInvalid: it has both, or they are no keys.
    """
    one = table.optional_text("file", NAME)
    many = table.texts("files", NAME, required=False)
    if one is not None and many:
        raise table.invalid("it has both 'file' and 'files'")
    return (one,) if one is not None else many


def all_steps() -> dict[str, type[Step]]:
    """Every step by name: the modules of this package that have a `STEP`."""
    folder = importlib.import_module("edge_assistant_quantize.recipes.steps")
    names = sorted(module.name for module in pkgutil.iter_modules(folder.__path__))
    modules = [importlib.import_module(f"{folder.__name__}.{name}") for name in names]
    found: list[type[Step]] = [module.STEP for module in modules if hasattr(module, "STEP")]
    return {step.NAME: step for step in found}
