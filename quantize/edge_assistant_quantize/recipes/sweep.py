"""A model in several types, each measured against a reference: which type to take.

Each finished file and measurement is stored under a key over all its inputs. A sweep that was interrupted, or that is
given more types, does only what is missing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from edge_assistant.storage import atomic
from edge_assistant_quantize import provenance, record, room
from edge_assistant_quantize.acceptance import looks, signature
from edge_assistant_quantize.candidate import sha256_of
from edge_assistant_quantize.errors import InputMissing, UsageError
from edge_assistant_quantize.gguf import header, imatrix, kinds, perplexity, quantize, speed, text
from edge_assistant_quantize.gguf.perplexity import TextQuality
from edge_assistant_quantize.metrics.perplexity import of_text
from edge_assistant_quantize.progress import ProgressStep, Watch
from edge_assistant_quantize.provenance import sum_of_values
from edge_assistant_quantize.recipes.workspace import Workspace
from edge_assistant_quantize.record import Measure, ModelFile, Record, Variant

MATRIX, _STATES, _PREDICTIONS = "imatrix.gguf", "states", "predictions.npy"
MEASURES = {  # reports decide by the first: perplexity may fall by chance if a model was damaged
    "kl-divergence": Measure(lower_is_better=True, unit="nats"),
    "perplexity": Measure(lower_is_better=True, unit=""),
    "token-agreement": Measure(lower_is_better=False, unit="share"),
}
_LIBRARIES = ("llama-cpp-python", "numpy")


@dataclass(frozen=True, slots=True)
class Sweep:
    """The order of a sweep.

    Attributes:
        model: a GGUF file, best in F16.
        types: of `kinds.MODELS`, in the order in which they are made.
        text: that the forms are measured on.
        folder: for the forms and the record.
        matrix: an existing importance matrix.
        calibration: text that one is computed over; not together with `matrix`.
        reference: GGUF file that forms are compared with; None for the model itself.
        context: tokens of a chunk of the text.
        chunks: the most to take; None for all.
        overrides: type by expression, see `quantize.quantize`.
        allow_requantize: also from a quantized model.
        threads: that compute.
        command: the command line, for the record.
    """

    model: Path
    types: tuple[str, ...]
    text: Path
    folder: Path
    matrix: Path | None = None
    calibration: Path | None = None
    reference: Path | None = None
    context: int = perplexity.CONTEXT
    chunks: int | None = None
    overrides: Mapping[str, str] = field(default_factory=dict)
    allow_requantize: bool = False
    threads: int = 1
    command: str = ""


def run(sweep: Sweep, watch: Watch) -> Record:
    """Make and measure what is missing, and write the record into the folder.

    Args:
        sweep: the order.
        watch: receives the steps.

    Raises:
        UsageError: a type is unknown or named twice, or another sweep runs in the folder.
        StorageFull: the disk has no room for the forms; checked before the first is made.
        EdgeAssistantError: see `quantize.quantize`, `imatrix.compute`, `perplexity.measure` and `speed.measure`.
    """
    for kind in sweep.types:
        kinds.of_model(kind)
    if not sweep.types or len(set(sweep.types)) != len(sweep.types):
        raise UsageError("the types are none, or one stands twice", "name each once: --types Q2_K,Q4_K_M")
    if sweep.matrix and sweep.calibration:
        raise UsageError("an importance matrix and a text for one are given", "give --imatrix or --calibration")
    text.check_context(sweep.context)
    with atomic.storing(sweep.folder.name, "name another folder"):
        (sweep.folder / _STATES).mkdir(parents=True, exist_ok=True)
    space = Workspace(sweep.folder / _STATES)
    with space.locked(f"another sweep runs in {sweep.folder.name}"):
        return _Run(sweep, space, watch).record()


class _Run:
    """One run of a sweep, which sums its inputs once."""

    def __init__(self, sweep: Sweep, space: Workspace, watch: Watch) -> None:
        self._sweep, self._space, self._watch = sweep, space, watch
        self._reference = sweep.reference or sweep.model
        self._predictions = sweep.folder / _PREDICTIONS
        self._matrix = sweep.matrix
        self._there: dict[str, ModelFile] = {}  # forms whose sums were compared
        self._estimates: dict[str, quantize.Estimate] = {}  # by type
        given = {
            "model": sweep.model,
            "text": sweep.text,
            "reference": self._reference,
            "imatrix": sweep.matrix,
            "calibration": sweep.calibration,
        }
        self._sums = {name: _sum(path) for name, path in given.items() if path is not None}
        self._versions, self._machine = provenance.versions(_LIBRARIES), provenance.machine()
        self._how: dict[str, Any] = {"context": sweep.context, "threads": sweep.threads, "watch": watch}

    def record(self) -> Record:
        """Do what is missing; the record is written at the end."""
        sweep = self._sweep
        if sweep.calibration is not None:
            self._calibrate(sweep.calibration)
        missing = [kind for kind in sweep.types if self._made(kind) is None]
        room.check_disk("the quantized models", sum(self._estimate(kind).bytes for kind in missing), sweep.folder)
        reference = self._measured_reference(any(self._finished(kind) is None for kind in sweep.types))
        variants = []
        for number, kind in enumerate(sweep.types):
            self._watch(ProgressStep("sweep", number, len(sweep.types)))
            variants.append(self._finished(kind) or self._variant(kind, reference))
        self._watch(ProgressStep("sweep", len(sweep.types), len(sweep.types)))
        found = Record(
            name=f"sweep of {sweep.model.stem}",
            role="language",
            recipe="",
            commands=[sweep.command] if sweep.command else [],
            versions=self._versions,
            machine=self._machine,
            inputs=self._sums,
            reference=reference,
            variants=variants,
            measures=MEASURES,
        )
        found = signature.sign(found)
        record.write(found, sweep.folder / record.FILE)
        self._predictions.unlink(missing_ok=True)
        return found

    def _calibrate(self, calibration: Path) -> None:
        """Compute the importance matrix, unless it is there."""
        model, matrix = self._sweep.model, self._sweep.folder / MATRIX
        key = self._key("model", "calibration", more=["imatrix", self._sweep.context])
        file = self._space.file(key, matrix, lambda: imatrix.compute(model, calibration, matrix, **self._how))
        self._matrix, self._sums["imatrix"] = matrix, file.sha256

    def _estimate(self, kind: str) -> quantize.Estimate:
        """The model in a type, without making it; a process of its own says it, so once."""
        if kind not in self._estimates:
            self._estimates[kind] = quantize.estimate(self._sweep.model, kind, **self._quantized_with(kind))
        return self._estimates[kind]

    def _quantized_with(self, kind: str) -> dict[str, Any]:
        again = self._sweep.allow_requantize
        return {"imatrix": self._matrix, "overrides": self._overrides(kind), "allow_requantize": again}

    def _overrides(self, kind: str) -> Mapping[str, str]:
        return {} if kind in kinds.FLOATS else self._sweep.overrides

    def _measured_reference(self, compared: bool) -> Variant:
        """The reference, measured; its predictions are stored if a form has to be compared with them."""
        key, path, sweep = self._measuring("reference"), self._reference, self._sweep
        variant = self._space.find(key, Variant)
        if variant is not None and (not compared or self._predicted(key)):
            return variant
        quality = perplexity.store(path, sweep.text, self._predictions, chunks=sweep.chunks, **self._how)
        self._space.keep(f"{key}-predictions", self._predictions.stat().st_size)
        if variant is None:
            file = ModelFile(path.name, path.stat().st_size, self._sums["reference"])
            variant = self._space.keep(key, self._figures(path.stem, "reference", file, quality, path))
        return variant

    def _predicted(self, key: str) -> bool:
        """Whether the reference's predictions are there; by their size, as they may be tens of gigabytes."""
        size = self._space.find(f"{key}-predictions", int)
        return self._predictions.is_file() and self._predictions.stat().st_size == size

    def _variant(self, kind: str, reference: Variant) -> Variant:
        """A form, measured; made if it is not there."""
        sweep, path = self._sweep, self._path(kind)
        how = {**self._quantized_with(kind), "threads": sweep.threads, "watch": self._watch}
        file = self._made(kind) or self._space.file(
            self._making(kind), path, lambda: quantize.quantize(sweep.model, path, kind, **how)
        )
        self._there[kind] = file
        quality = perplexity.measure(path, sweep.text, predictions=self._predictions, chunks=sweep.chunks, **self._how)
        looks.seen({"model": file.sha256}, of_text(quality))  # a person chooses by it
        variant = self._figures(kind, kind, file, quality, path)
        ratio = reference.speed["decode_tokens_per_s"] / variant.speed["decode_tokens_per_s"]
        again = "from a model that was quantized already" if header.read(sweep.model).quantized else ""
        notes = [again, self._estimate(kind).note]
        variant = replace(variant, speed=variant.speed | {"ratio": ratio}, note="; ".join(filter(None, notes)))
        return self._space.keep(self._measuring(kind), variant)

    def _figures(self, name: str, method: str, file: ModelFile, quality: TextQuality, path: Path) -> Variant:
        """All figures of a form or of the reference; its speed is measured here."""
        measured = speed.measure(path, threads=self._sweep.threads, watch=self._watch)
        metrics = {"perplexity": quality.perplexity, "perplexity-uncertainty": quality.uncertainty}
        if (found := quality.divergence) is not None:
            metrics |= {
                "kl-divergence": found.mean,
                "kl-divergence-median": found.median,
                "kl-divergence-p99": found.p99,
                "token-agreement": found.agreement,
            }
        else:
            metrics |= {"kl-divergence": 0.0, "token-agreement": 1.0}  # the reference's from itself
        metrics["bits-per-weight"] = 8 * file.bytes / header.read(path).weights
        return Variant(name, method, {"model": file}, metrics, speed=measured.speed, peak_mib=measured.peak_mib)

    def _path(self, kind: str) -> Path:
        return self._sweep.folder / f"{self._sweep.model.stem}-{kind}.gguf"

    def _made(self, kind: str) -> ModelFile | None:
        """The file of a form, if it was made from the same inputs and is unchanged."""
        if kind not in self._there and (file := self._space.known(self._making(kind), self._path(kind))):
            self._there[kind] = file
        return self._there.get(kind)

    def _finished(self, kind: str) -> Variant | None:
        return self._space.find(self._measuring(kind), Variant) if self._made(kind) else None

    def _making(self, kind: str) -> str:
        return self._key("model", "imatrix", more=[kind, list(self._overrides(kind).items())])

    def _measuring(self, kind: str) -> str:
        sweep = self._sweep
        more = [self._making(kind), sweep.context, sweep.chunks, sweep.threads, self._machine]
        return self._key("text", "reference", more=more)

    def _key(self, *inputs: str, more: object) -> str:
        """A sum over inputs by their sums, the libraries' versions, and whatever else."""
        return sum_of_values([[self._sums.get(name, "") for name in inputs], self._versions, more])


def _sum(path: Path) -> str:
    try:
        return sha256_of(path)
    except OSError as error:
        raise InputMissing(f"{path.name} cannot be read ({error.strerror})", "name a file that is there") from None
