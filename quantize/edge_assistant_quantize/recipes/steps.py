"""The steps of recipes, by the key `do` of their tables. A new one is a class here and a name in `STEPS`."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

from msgspec import field
from msgspec.structs import replace

from edge_assistant_quantize import candidate
from edge_assistant_quantize.decoding import Line, Positive
from edge_assistant_quantize.errors import RecipeInvalid, UsageError
from edge_assistant_quantize.export import export
from edge_assistant_quantize.gguf import conversion, imatrix, kinds
from edge_assistant_quantize.gguf import quantize as gguf
from edge_assistant_quantize.gguf import search as gguf_search
from edge_assistant_quantize.onnx import calibration, methods, search
from edge_assistant_quantize.onnx import quantize as onnx
from edge_assistant_quantize.onnx.calibration import Calibration
from edge_assistant_quantize.recipes.step import IMATRIX, FileStep, Made, Needs, Step, StepInput, WholeStep


class Convert(WholeStep, frozen=True, kw_only=True):
    """Hugging Face weights to GGUF, by llama.cpp's own converter. A GGUF source is left as it is.

    Attributes:
        precision: "f16", "bf16", "f32" or "q8_0".
        pre_tokenizer: how the tokenizer splits text, if that is not recognised: "qwen2", "llama-bpe", ...
    """

    do: ClassVar = "convert"
    precision: str = "f16"
    pre_tokenizer: Line | None = None

    def __post_init__(self) -> None:
        if self.precision not in conversion.PRECISIONS:
            raise ValueError(f"there is no precision {self.precision!r} ({', '.join(conversion.PRECISIONS)})")

    @property
    def needs(self) -> Needs:
        """Libraries alone."""
        return Needs(label=self.do, libraries=("llama-cpp-python", "torch", "transformers"))

    def make(self, work: StepInput) -> Made:
        """One GGUF file under the key `model`."""
        if work.form.weights is None:
            return Made()
        output = work.folder / "model.gguf"
        conversion.convert(
            work.form.weights, output, precision=self.precision, pre=self.pre_tokenizer, **work.computing
        )
        return Made({"model": output.name})


class Export(WholeStep, frozen=True, kw_only=True):
    """Hugging Face weights to ONNX, through optimum; Whisper in the layout that the product runs.

    An ONNX source is left as it is.

    Attributes:
        task: by optimum's name; default: what the architecture was made for.
    """

    do: ClassVar = "export"
    task: Line = ""

    @property
    def needs(self) -> Needs:
        """Libraries alone."""
        libraries = ("numpy", "onnx", "optimum", "optimum-onnx", "torch", "transformers")
        return Needs(label=self.do, libraries=libraries)

    def make(self, work: StepInput) -> Made:
        """ONNX files by the keys that the product's senses know, with options if the export knows them."""
        if work.form.weights is None:
            return Made()
        folder = work.folder / "exported"
        done, files = export.export(work.form.weights, folder, task=self.task or None, **work.computing)
        found = candidate.read(folder) if (folder / candidate.FILE).is_file() else None
        paths = {**files, **(found.paths if found else {})}
        names = {key: path.relative_to(work.folder).as_posix() for key, path in paths.items()}
        return Made(names, options=dict(found.options) if found else {}, note=done.note)


class Imatrix(WholeStep, frozen=True, kw_only=True):
    """Importance matrix of a GGUF model over the calibration text, for the steps that quantize it.

    Attributes:
        chunks: maximum of text chunks.
        context: tokens of a chunk; llama.cpp's own default.
    """

    do: ClassVar = "imatrix"
    chunks: Positive | None = None
    context: Positive = 512

    @property
    def needs(self) -> Needs:
        """The calibration text."""
        return Needs(label=self.do, libraries=("llama-cpp-python",), calibrates=True)

    def make(self, work: StepInput) -> Made:
        """Compute the mean square of each column's inputs.

        Raises:
            RecipeInvalid: there is no GGUF model yet.
        """
        model = work.form.files.get("model")
        if model is None or model.suffix != ".gguf":
            hint = 'put a step before it that makes one: prepare = [{ do = "convert" }, { do = "imatrix" }]'
            raise RecipeInvalid("imatrix finds no GGUF model", hint)
        assert work.calibration is not None
        text, output = Path(str(work.calibration["path"])), work.folder / "imatrix.gguf"
        imatrix.compute(model, text, output, context=self.context, chunks=self.chunks, **work.computing)
        return Made(aside={IMATRIX: output.name})


class QuantizeGguf(FileStep, frozen=True, kw_only=True):
    """Another type for a GGUF file, such as "Q4_K_M".

    Attributes:
        kind: the key `type`.
        imatrix: whether to use the importance matrix of the source or of an earlier step.
        overrides: types of single tensors by regular expression, such as { "attn_v" = "Q8_0" }.
        requantize: whether to accept a model that is quantized already, which loses twice.
    """

    do: ClassVar = "quantize"
    types: ClassVar = kinds.MODELS
    kind: str = field(name="type")
    imatrix: bool = False
    overrides: dict[str, Line] = field(default_factory=dict)
    requantize: bool = False

    def __post_init__(self) -> None:
        FileStep.__post_init__(self)
        if unknown := set(self.overrides.values()) - set(kinds.TENSORS):
            raise ValueError(f"there is no type {min(unknown)!r} of tensors ({', '.join(kinds.TENSORS)})")

    @property
    def needs(self) -> Needs:
        """The importance matrix, if it is used."""
        return Needs(label=self.kind, libraries=("llama-cpp-python",), aside=self.imatrix)

    def make(self, work: StepInput) -> Made:
        """Quantize one file.

        Raises:
            RecipeInvalid: it wants an importance matrix, and there is none.
        """
        matrix = _matrix(work, self.kind) if self.imatrix else None
        how: dict[str, Any] = {"imatrix": matrix, "overrides": self.overrides, "allow_requantize": self.requantize}
        fell = gguf.quantize(work.file, work.output, self.kind, **how, **work.computing)
        return Made({work.key: work.output.name}, note=gguf.note(fell))


class SearchGguf(FileStep, frozen=True, kw_only=True):
    """A type for each group of tensors of a GGUF file, by measurement over the calibration text; data judges it.

    Attributes:
        kind: the key `type`.
        bits: the key `bits_per_weight`: the most, over the whole file.
        chunks: of the text that are taken at most.
        imatrix: whether to use the importance matrix of an earlier step.
    """

    do: ClassVar = "quantize"
    types: ClassVar = (kinds.SEARCH,)
    kind: str = field(name="type")
    bits: float = field(name="bits_per_weight")
    chunks: Positive = gguf_search.CHUNKS
    imatrix: bool = False

    @property
    def needs(self) -> Needs:
        """The calibration text, and the importance matrix, if it is used."""
        libraries = ("llama-cpp-python", "gguf")
        return Needs(label=self.kind, libraries=libraries, calibrates=True, aside=self.imatrix)

    def make(self, work: StepInput) -> Made:
        """Search, and quantize one file.

        Raises:
            RecipeInvalid: it wants an importance matrix, and no earlier step has computed one.
        """
        assert work.calibration is not None
        matrix = _matrix(work, self.kind) if self.imatrix else None
        found = gguf_search.search(
            work.file,
            Path(str(work.calibration["path"])),
            bits=self.bits,
            imatrix=matrix,
            chunks=self.chunks,
            folder=work.kept,
            threads=work.threads,
            watch=work.watch,
        )
        gguf.quantize(
            work.file,
            work.output,
            gguf_search.TOP,
            imatrix=matrix,
            overrides=found.overrides,
            threads=work.threads,
            watch=work.watch,
        )
        return Made({work.key: work.output.name}, note=found.note)


def _matrix(work: StepInput, kind: str) -> Path:
    """The importance matrix that an earlier step has laid aside.

    Raises:
        RecipeInvalid: none has computed one.
    """
    matrix = work.form.aside.get(IMATRIX)
    if matrix is None:
        hint = 'put a step before it that computes one: prepare = [{ do = "imatrix" }]'
        raise RecipeInvalid(f"{kind} wants an importance matrix, and no step has computed one", hint)
    return matrix


class QuantizeOnnx(FileStep, frozen=True, kw_only=True):
    """Another precision for an ONNX file, such as "static-int8".

    Attributes:
        method: the key `type`.
        exclude: nodes that are not quantized.
        most: the key `exclude_until_accepted`: exclude up to so many nodes, the worst first, until it is accepted.
        options: of the method, such as { algorithm = "gptq" }.
    """

    do: ClassVar = "quantize"
    types: ClassVar = tuple(methods.METHODS)
    method: str = field(name="type")
    exclude: tuple[Line, ...] = ()
    most: Positive | None = field(name="exclude_until_accepted", default=None)
    options: dict[str, object] = field(default_factory=dict)

    def __post_init__(self) -> None:
        FileStep.__post_init__(self)
        if self.exclude and self.most:
            raise ValueError("'exclude' and 'exclude_until_accepted' do not go together")
        try:
            methods.check_options(self.method, self.options)
        except UsageError as error:
            raise ValueError(f"{error.message} - {error.hint}") from None

    @property
    def needs(self) -> Needs:
        """Calibration data, if the method or a search runs the model over it."""
        searches = self.most is not None
        return Needs(
            label=self.method,
            libraries=("numpy", "onnx", "onnxruntime"),
            calibrates=searches or methods.calibrates(self.method, self.options),
            searches=searches,
        )

    def make(self, work: StepInput) -> Made:
        """Quantize one file; in a search the accepted form, or if there is none that with the most nodes excluded."""
        given = None
        if self.needs.calibrates:
            assert work.calibration is not None
            given = calibration.record(work.form.candidate(), work.key, work.calibration, **work.computing)
        if self.most is None:
            return self._quantize(work, given, self.exclude)
        how: dict[str, Any] = {"accepts": work.accepts, "most": self.most, "options": self.options}
        found = search.quantize_to_accept(
            work.file, work.output, self.method, calibration=given, **how, **work.computing
        )
        layers = tuple(replace(layer, file=work.key) for layer in found.layers)
        tries = f"{len(found.tries)} forms tried" if len(found.tries) > 1 else ""
        if found.taken:
            excluded = tuple(found.taken.excluded)
            return Made({work.key: work.output.name}, excluded=excluded, layers=layers, note=tries)
        excluded = tuple(max(found.tries, key=lambda each: len(each.excluded)).excluded)
        made = self._quantize(work, given, excluded)
        return replace(made, layers=layers, note=f"{tries or 'one form tried'}, none accepted")

    def _quantize(self, work: StepInput, given: Calibration | None, excluded: tuple[str, ...]) -> Made:
        how: dict[str, Any] = {"calibration": given, "exclude": excluded, "options": self.options}
        note = onnx.quantize(work.file, work.output, self.method, **how, **work.computing)
        return Made({work.key: work.output.name}, excluded=excluded, note=note)


STEPS: tuple[type[Step], ...] = (Convert, Export, Imatrix, QuantizeGguf, SearchGguf, QuantizeOnnx)
