"""The steps of recipes, by the key `do` of their tables. A new one is a class here and a name in `STEPS`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from msgspec import Meta, field
from msgspec.structs import replace

from edge_assistant_quantize import candidate
from edge_assistant_quantize.decoding import Line, Positive
from edge_assistant_quantize.errors import RecipeInvalid, UsageError
from edge_assistant_quantize.export import export
from edge_assistant_quantize.gguf import conversion, kinds
from edge_assistant_quantize.onnx import methods
from edge_assistant_quantize.recipes.step import IMATRIX, WEIGHTS, FileStep, Made, Step, StepInput, WholeStep

if TYPE_CHECKING:
    from edge_assistant_quantize.onnx.calibration import Calibration

_Precision = Annotated[str, Meta(pattern=rf"^({'|'.join(conversion.PRECISIONS)})\Z")]
_TensorType = Annotated[str, Meta(pattern=rf"^({'|'.join(kinds.TENSORS)})\Z")]


class Convert(WholeStep, frozen=True, kw_only=True):
    """Hugging Face weights to GGUF, by llama.cpp's own converter. A GGUF source is left as it is.

    Attributes:
        precision: one of `conversion.PRECISIONS`.
        pre_tokenizer: how the tokenizer splits text, if that is not recognised: "qwen2", "llama-bpe", ...
    """

    do: ClassVar = "convert"
    libraries: ClassVar = ("llama-cpp-python", "torch", "transformers")
    precision: _Precision = "f16"
    pre_tokenizer: Line | None = None

    def make(self, work: StepInput) -> Made:
        """One GGUF file under the key `model`."""
        if work.form.files:
            return Made()
        output = work.output / "model.gguf"
        how: dict[str, Any] = {"precision": self.precision, "pre": self.pre_tokenizer, **work.computing}
        conversion.convert(work.form.beside[WEIGHTS], output, **how)
        return Made({"model": output.name})


class Export(WholeStep, frozen=True, kw_only=True):
    """Hugging Face weights to ONNX, through optimum; Whisper in the layout that the product runs.

    An ONNX source is left as it is.

    Attributes:
        task: by optimum's name; default: what the architecture was made for.
    """

    do: ClassVar = "export"
    libraries: ClassVar = ("numpy", "onnx", "optimum", "optimum-onnx", "torch", "transformers")
    task: Line = ""

    def make(self, work: StepInput) -> Made:
        """ONNX files by the keys that the product's senses know, with options if the export knows them."""
        if work.form.files:
            return Made()
        folder = work.output / "exported"
        done, files = export.export(work.form.beside[WEIGHTS], folder, task=self.task or None, **work.computing)
        found = candidate.read(folder) if (folder / candidate.FILE).is_file() else None
        paths = {**files, **(found.paths if found else {})}
        names = {key: path.relative_to(work.output).as_posix() for key, path in paths.items()}
        return Made(names, options=dict(found.options) if found else {}, note=done.note)


class Imatrix(WholeStep, frozen=True, kw_only=True):
    """Importance matrix of a GGUF model over the calibration text, for the steps that quantize it.

    Attributes:
        chunks: maximum of text chunks.
        context: tokens of a chunk; llama.cpp's own default.
    """

    do: ClassVar = "imatrix"
    libraries: ClassVar = ("llama-cpp-python",)
    chunks: Positive | None = None
    context: Positive = 512

    @property
    def calibrates(self) -> bool:
        """Over the calibration text."""
        return True

    def make(self, work: StepInput) -> Made:
        """Compute the mean square of each column's inputs.

        Raises:
            RecipeInvalid: there is no GGUF model yet.
        """
        from edge_assistant_quantize.gguf import imatrix

        model = work.form.files.get("model")
        if model is None or model.suffix != ".gguf":
            hint = 'put a step before it that makes one: prepare = [{ do = "convert" }, { do = "imatrix" }]'
            raise RecipeInvalid("imatrix finds no GGUF model", hint)
        output = work.output / "imatrix.gguf"
        imatrix.compute(model, work.text, output, context=self.context, chunks=self.chunks, **work.computing)
        return Made(beside={IMATRIX: output.name})


class QuantizeGguf(FileStep, frozen=True, kw_only=True):
    """Another type for a GGUF file, such as "Q4_K_M"; or a type for each group of its tensors, by a search.

    A search measures over the calibration text; data judges what it finds.

    Attributes:
        kind: the key `type`.
        imatrix: whether to use the importance matrix of the source or of an earlier step.
        overrides: types of single tensors by regular expression, such as { "attn_v" = "Q8_0" }.
        requantize: whether to accept a model that is quantized already, which loses twice.
        bits: the key `bits_per_weight` of a search: the most, over the whole file.
        chunks: of the text that a search takes at most.
        context: tokens of such a chunk.
    """

    do: ClassVar = "quantize"
    types: ClassVar = (*kinds.MODELS, kinds.SEARCH)
    libraries: ClassVar = ("llama-cpp-python", "gguf")
    kind: str = field(name="type")
    imatrix: bool = False
    overrides: dict[str, _TensorType] = field(default_factory=dict)
    requantize: bool = False
    bits: float | None = field(name="bits_per_weight", default=None)
    chunks: Positive | None = None
    context: Positive | None = None

    def __post_init__(self) -> None:
        if self.calibrates and (self.bits is None or self.overrides):
            raise ValueError("a search takes 'bits_per_weight' and no 'overrides', as it chooses the types")
        if not self.calibrates and (self.bits or self.chunks or self.context):
            raise ValueError("'bits_per_weight', 'chunks' and 'context' are keys of type = \"search\"")

    @property
    def calibrates(self) -> bool:
        """A search does."""
        return self.kind == kinds.SEARCH

    def make(self, work: StepInput) -> Made:
        """Quantize one file, after a search for the types if that is asked for.

        Raises:
            RecipeInvalid: it wants an importance matrix, and there is none.
        """
        from edge_assistant_quantize.gguf import perplexity, quantize, search

        how: dict[str, Any] = {"imatrix": None, "allow_requantize": self.requantize, **work.computing}
        if self.imatrix:
            how["imatrix"] = work.form.beside.get(IMATRIX)
            if how["imatrix"] is None:
                hint = 'put a step before it that computes one: prepare = [{ do = "imatrix" }]'
                raise RecipeInvalid(f"{self.kind} wants an importance matrix, and no step has computed one", hint)
        kind, overrides, notes, facts = self.kind, self.overrides, list[str](), dict[str, object]()
        if self.bits is not None:
            over: dict[str, Any] = {"context": self.context or perplexity.CONTEXT, "chunks": self.chunks}
            found = search.search(work.file, work.text, bits=self.bits, folder=work.kept, **over, **how)
            kind, overrides = search.TOP, {group.pattern: kind for group, kind, _ in found}
            types = {group.name: kind for group, kind, _ in found}
            facts = {"losses": {group.name: loss for group, _, loss in found}, "types": types}
            notes = [search.note(types)]
        fell = quantize.quantize(work.file, work.output, kind, overrides=overrides, **how)
        note = "; ".join(filter(None, [*notes, quantize.note(fell)]))
        return Made({work.key: work.output.name}, note=note, facts={"fallbacks": fell, **facts})


class QuantizeOnnx(FileStep, frozen=True, kw_only=True):
    """Another precision for an ONNX file, such as "static-int8".

    Attributes:
        kind: the key `type`.
        exclude: nodes that are not quantized.
        most: the key `exclude_until_accepted`: exclude up to so many nodes, the worst first, until it is accepted.
        options: of the method, such as { algorithm = "gptq" }.
    """

    do: ClassVar = "quantize"
    types: ClassVar = methods.METHODS
    libraries: ClassVar = ("numpy", "onnx", "onnxruntime")
    kind: str = field(name="type")
    exclude: tuple[Line, ...] = ()
    most: Positive | None = field(name="exclude_until_accepted", default=None)
    options: dict[str, object] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.exclude and self.most:
            raise ValueError("'exclude' and 'exclude_until_accepted' do not go together")
        try:
            self.method(self.exclude)
        except UsageError as error:
            raise ValueError(f"{error.message} - {error.hint}") from None

    def method(self, excluded: tuple[str, ...] = ()) -> methods.Method:
        """How, with these nodes excluded.

        Raises:
            UsageError: an option is unknown, or has no such value.
        """
        return methods.parse(self.kind, self.options, excluded)

    @property
    def calibrates(self) -> bool:
        """If the method or a search runs the model over the data."""
        return self.searches or self.method().calibrates

    @property
    def searches(self) -> bool:
        """If nodes are excluded until it is accepted."""
        return self.most is not None

    def make(self, work: StepInput) -> Made:
        """Quantize one file; in a search the accepted form, or if there is none that with the most nodes excluded."""
        from edge_assistant_quantize.onnx import calibration, search

        given = None
        if self.calibrates and work.calibration is not None:
            given = calibration.record(work.form.candidate(), work.key, work.calibration, **work.computing)
        if self.most is None:
            return self._quantize(work, given, self.exclude)
        assert given is not None  # as searches calibrate
        how: dict[str, Any] = {"accepts": work.accepts, "most": self.most}
        found = search.quantize_to_accept(work.file, work.output, self.method(), given, **how)
        layers = tuple(replace(layer, file=work.key) for layer in found.layers)
        tries = f"{len(found.tries)} forms tried" if len(found.tries) > 1 else ""
        if found.taken:
            excluded = tuple(found.taken.excluded)
            return Made({work.key: work.output.name}, excluded=excluded, layers=layers, note=tries)
        excluded = tuple(max(found.tries, key=lambda each: len(each.excluded)).excluded)
        made = self._quantize(work, given, excluded)
        return replace(made, layers=layers, note=f"{tries or 'one form tried'}, none accepted")

    def _quantize(self, work: StepInput, given: Calibration | None, excluded: tuple[str, ...]) -> Made:
        from edge_assistant_quantize.onnx.quantize import quantize

        note = quantize(work.file, work.output, self.method(excluded), calibration=given, threads=work.threads)
        return Made({work.key: work.output.name}, excluded=excluded, note=note)


STEPS: tuple[type[Step], ...] = (Convert, Export, Imatrix, QuantizeGguf, QuantizeOnnx)
