"""A model in several types, each measured against a reference: which type to take.

Each finished form has a state in the folder, with a key over all its inputs. A sweep that was interrupted, or that is
given more types, does only what is missing.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from edge_assistant.storage import atomic
from edge_assistant_quantize import record, room
from edge_assistant_quantize.candidate import sha256_of
from edge_assistant_quantize.errors import InputMissing, UsageError
from edge_assistant_quantize.gguf import header, imatrix, kinds, perplexity, quantize, speed, text
from edge_assistant_quantize.gguf.perplexity import TextQuality
from edge_assistant_quantize.progress import Step, Watch
from edge_assistant_quantize.record import File, Measure, Record, Variant

MATRIX, _STATES, _PREDICTIONS = "imatrix.gguf", "states", "predictions.npy"
MEASURES = {  # reports decide by the first: perplexity may fall by chance if a model was damaged
    "kl-divergence": Measure(lower_is_better=True, unit="nats"),
    "perplexity": Measure(lower_is_better=True, unit=""),
    "token-agreement": Measure(lower_is_better=False, unit="share"),
}


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
        versions, machine: of the libraries, and of this machine; if one differs everything is made anew.
        commands: the command line, for the record.
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
    versions: Mapping[str, str] = field(default_factory=dict)
    machine: Mapping[str, str] = field(default_factory=dict)
    commands: tuple[str, ...] = ()


class _State(msgspec.Struct, frozen=True):
    """The state of one form.

    Attributes:
        made: key over the inputs of its file.
        file: the file, with its sum.
        measured: key over the inputs of its measurement; empty if it was not measured.
        variant: the measurement.
    """

    made: str
    file: File | None = None
    measured: str = ""
    variant: Variant | None = None


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
    from filelock import FileLock, Timeout

    for kind in sweep.types:
        kinds.of_model(kind)
    if not sweep.types or len(set(sweep.types)) != len(sweep.types):
        raise UsageError("the types are none, or one stands twice", "name each once: --types Q2_K,Q4_K_M")
    if sweep.matrix and sweep.calibration:
        raise UsageError("an importance matrix and a text for one are given", "give --imatrix or --calibration")
    text.check_context(sweep.context)
    with atomic.storing(sweep.folder.name, "name another folder"):
        (sweep.folder / _STATES).mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(sweep.folder / _STATES / "lock", timeout=0):
            return _Run(sweep, watch).record()
    except Timeout:
        raise UsageError(f"another sweep runs in {sweep.folder.name}", "wait for it, or name another folder") from None


class _Run:
    """One run of a sweep, which sums its inputs once."""

    def __init__(self, sweep: Sweep, watch: Watch) -> None:
        self._sweep = sweep
        self._watch = watch
        self._reference = sweep.reference or sweep.model
        self._predictions = sweep.folder / _PREDICTIONS
        self._matrix = sweep.matrix
        self._there: dict[str, File | None] = {}  # forms whose sums were compared
        given = {
            "model": sweep.model,
            "text": sweep.text,
            "reference": self._reference,
            "imatrix": sweep.matrix,
            "calibration": sweep.calibration,
        }
        self._sums = {name: _sum(path) for name, path in given.items() if path is not None}
        over: dict[str, Any] = {"context": sweep.context, "chunks": sweep.chunks, "threads": sweep.threads}
        self._measured_with = {**over, "watch": watch}

    def record(self) -> Record:
        """Do what is missing; the record is written at the end."""
        sweep = self._sweep
        if sweep.calibration is not None:
            self._calibrate(sweep.calibration)
        pending = [kind for kind in sweep.types if self._finished(kind) is None]
        self._check_room(pending)
        reference = self._measured_reference(anew=bool(pending))
        variants = []
        for number, kind in enumerate(sweep.types):
            self._watch(Step("sweep", number, len(sweep.types)))
            variants.append(self._finished(kind) or self._variant(kind, reference))
        self._watch(Step("sweep", len(sweep.types), len(sweep.types)))
        found = Record(
            name=f"sweep of {sweep.model.stem}",
            role="language",
            recipe="",
            commands=list(sweep.commands),
            versions=dict(sweep.versions),
            machine=dict(sweep.machine),
            inputs=self._sums,
            reference=reference,
            variants=variants,
            measures=MEASURES,
        )
        record.write(found, sweep.folder / record.FILE)
        self._predictions.unlink(missing_ok=True)
        return found

    def _calibrate(self, calibration: Path) -> None:
        """Compute the importance matrix, unless it is there."""
        sweep = self._sweep
        self._matrix = sweep.folder / MATRIX
        key = self._key("model", "calibration", more=["imatrix", sweep.context])
        state = self._state("imatrix")
        if state.made != key or not _is_whole(self._matrix, state.file):
            how = {"context": sweep.context, "threads": sweep.threads}
            imatrix.compute(sweep.model, calibration, self._matrix, watch=self._watch, **how)
            state = _State(key, _file(self._matrix))
            self._keep("imatrix", state)
        assert state.file is not None
        self._sums["imatrix"] = state.file.sha256

    def _check_room(self, pending: list[str]) -> None:
        """Check that the disk has room for all missing forms, and that each can be made."""
        missing = [kind for kind in pending if self._made(kind) is None]
        sizes = [quantize.estimate(self._sweep.model, kind, **self._quantized_with(kind)) for kind in missing]
        room.check_disk("the quantized models", sum(sizes), self._sweep.folder)

    def _quantized_with(self, kind: str) -> dict[str, Any]:
        again = self._sweep.allow_requantize
        return {"imatrix": self._matrix, "overrides": self._overrides(kind), "allow_requantize": again}

    def _overrides(self, kind: str) -> Mapping[str, str]:
        return {} if kind in kinds.FLOATS else self._sweep.overrides

    def _measured_reference(self, *, anew: bool) -> Variant:
        """The reference, measured; its predictions stay as long as a form is to be compared with them."""
        key, state = self._measuring("reference"), self._state("reference")
        there = not anew or (self._predictions.is_file() and state.made == key)
        variant = state.variant if state.measured == key else None
        if there and variant is not None:
            return variant
        quality = perplexity.store(self._reference, self._sweep.text, self._predictions, **self._measured_with)
        if variant is None:
            file = File(self._reference.name, self._reference.stat().st_size, self._sums["reference"])
            variant = self._figures(self._reference.stem, "reference", file, quality, self._reference)
        self._keep("reference", _State(key, None, key, variant))
        return variant

    def _variant(self, kind: str, reference: Variant) -> Variant:
        """A form, measured; made if it is not there."""
        path, file = self._path(kind), self._made(kind)
        if file is None:
            how = {**self._quantized_with(kind), "threads": self._sweep.threads, "watch": self._watch}
            quantize.quantize(self._sweep.model, path, kind, **how)
            file = _file(path)
            self._keep(kind, _State(self._making(kind), file))
        quality = perplexity.measure(path, self._sweep.text, predictions=self._predictions, **self._measured_with)
        variant = self._figures(kind, kind, file, quality, path)
        ratio = reference.speed["decode_tokens_per_s"] / variant.speed["decode_tokens_per_s"]
        twice = any(tensor.quantized for tensor in header.read(self._sweep.model).tensors)
        note = "from a model that was quantized already" if twice else ""
        variant = msgspec.structs.replace(variant, speed=variant.speed | {"ratio": ratio}, note=note)
        self._keep(kind, _State(self._making(kind), file, self._measuring(kind), variant))
        return variant

    def _figures(self, name: str, method: str, file: File, quality: TextQuality, path: Path) -> Variant:
        """All figures of a form or of the reference; its speed is measured here."""
        measured = asdict(speed.measure(path, threads=self._sweep.threads, watch=self._watch))
        peak = measured.pop("peak_mib")
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
        weights = sum(math.prod(tensor.shape) for tensor in header.read(path).tensors)
        metrics["bits-per-weight"] = 8 * file.bytes / weights
        return Variant(name, method, {"model": file}, metrics, speed=measured, peak_mib=peak)

    def _path(self, kind: str) -> Path:
        return self._sweep.folder / f"{self._sweep.model.stem}-{kind}.gguf"

    def _made(self, kind: str) -> File | None:
        """The file of a form, if it was made from the same inputs and is unchanged."""
        if kind not in self._there:
            state = self._state(kind)
            if state.made != self._making(kind) or not _is_whole(self._path(kind), state.file):
                return None
            self._there[kind] = state.file
        return self._there[kind]

    def _finished(self, kind: str) -> Variant | None:
        state = self._state(kind)
        return state.variant if state.measured == self._measuring(kind) and self._made(kind) else None

    def _making(self, kind: str) -> str:
        return self._key("model", "imatrix", more=[kind, list(self._overrides(kind).items())])

    def _measuring(self, kind: str) -> str:
        sweep = self._sweep
        more = [self._making(kind), sweep.context, sweep.chunks, sweep.threads, dict(sweep.machine)]
        return self._key("text", "reference", more=more)

    def _key(self, *inputs: str, more: object) -> str:
        """A sum over inputs by their sums, the libraries' versions, and whatever else."""
        over = [[self._sums.get(name, "") for name in inputs], dict(self._sweep.versions), more]
        return hashlib.sha256(json.dumps(over, sort_keys=True).encode()).hexdigest()

    def _state(self, name: str) -> _State:
        try:
            return msgspec.json.decode(self._place(name).read_bytes(), type=_State)
        except (OSError, msgspec.DecodeError):
            return _State("")

    def _keep(self, name: str, state: _State) -> None:
        with atomic.storing(name, "free some space"), atomic.writing(self._place(name)) as file:
            file.write(msgspec.json.encode(state))

    def _place(self, name: str) -> Path:
        return self._sweep.folder / _STATES / f"{name}.json"


def _file(path: Path) -> File:
    return File(path.name, path.stat().st_size, sha256_of(path))


def _is_whole(path: Path, file: File | None) -> bool:
    """Whether a file is there, unchanged."""
    return file is not None and path.is_file() and path.stat().st_size == file.bytes and sha256_of(path) == file.sha256


def _sum(path: Path) -> str:
    try:
        return sha256_of(path)
    except OSError as error:
        raise InputMissing(f"{path.name} cannot be read ({error.strerror})", "name a file that is there") from None
