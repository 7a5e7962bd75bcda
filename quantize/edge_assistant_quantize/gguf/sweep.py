"""A model in several types, each measured against a reference: which type to take.

What is finished is kept in the folder with a key over all that it was made from, so that a sweep that was interrupted,
or that is given more types, does only what is missing.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from edge_assistant.storage import atomic
from edge_assistant_quantize import record, room
from edge_assistant_quantize.candidate import sha256_of
from edge_assistant_quantize.errors import InputMissing, UsageError
from edge_assistant_quantize.gguf import header, imatrix, kinds, perplexity, quantize, speed, text
from edge_assistant_quantize.gguf.perplexity import TextQuality
from edge_assistant_quantize.gguf.speed import Speed
from edge_assistant_quantize.progress import Step, Watch
from edge_assistant_quantize.record import File, Measure, Record, Variant

MATRIX, _STATES, _PREDICTIONS = "imatrix.gguf", "states", "predictions"
MEASURES = {  # what reports decide by stands first: perplexity may fall by chance where a model was damaged
    "kl-divergence": Measure(lower_is_better=True, unit="nats"),
    "perplexity": Measure(lower_is_better=True, unit=""),
    "token-agreement": Measure(lower_is_better=False, unit="share"),
}


@dataclass(frozen=True, slots=True)
class Sweep:
    """What is asked for.

    Attributes:
        model: a GGUF file, best in F16.
        types: of `kinds.MODELS`, in the order in which they are made.
        text: that the forms are measured on.
        folder: for the forms and the record.
        matrix: importance matrix that is there already.
        calibration: text that one is computed over; not together with `matrix`.
        reference: GGUF file that forms are compared with; None for the model itself.
        context: tokens of a chunk of the text.
        chunks: the most that are taken; None for all.
        overrides: type by expression, see `quantize.quantize`.
        allow_requantize: also from a quantized model.
        threads: that compute.
        versions: of the libraries that take part; another one makes everything anew.
        machine: that it is measured on; on another one everything is made anew.
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
    """What is finished of one form.

    Attributes:
        made: key over what its file was made from.
        file: the file, with its sum.
        measured: key over what it was measured with; empty where it was not.
        variant: what was measured.
    """

    made: str
    file: File | None = None
    measured: str = ""
    variant: Variant | None = None


def run(sweep: Sweep, watch: Watch) -> Record:
    """Make and measure what is missing, and write the record into the folder.

    Args:
        sweep: what is asked for.
        watch: is told what is done.

    Raises:
        UsageError: a type is unknown or stands twice, or another sweep runs in the folder.
        StorageFull: the disk has no room for the forms; looked at before the first is made.
        EdgeAssistantError: see `quantize.quantize`, `imatrix.compute`, `perplexity.measure` and `speed.measure`.
    """
    _check(sweep)
    with atomic.storing(sweep.folder.name, "name another folder"):
        (sweep.folder / _STATES).mkdir(parents=True, exist_ok=True)
    with _alone(sweep.folder):
        return _Run(sweep, watch).record()


def _check(sweep: Sweep) -> None:
    for kind in sweep.types:
        kinds.of_model(kind)
    if not sweep.types or len(set(sweep.types)) != len(sweep.types):
        raise UsageError("the types are none, or one stands twice", "name each once: --types Q2_K,Q4_K_M")
    if sweep.matrix and sweep.calibration:
        raise UsageError("an importance matrix and a text for one are given", "give --imatrix or --calibration")
    text.check_context(sweep.context)


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    from filelock import FileLock, Timeout

    try:
        with FileLock(folder / _STATES / "lock", timeout=0):
            yield
    except Timeout:
        raise UsageError(f"another sweep runs in {folder.name}", "wait for it, or name another folder") from None


class _Run:
    """One run of a sweep, whose inputs are summed once."""

    def __init__(self, sweep: Sweep, watch: Watch) -> None:
        self._sweep = sweep
        self._watch = watch
        self._reference = sweep.reference or sweep.model
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

    def record(self) -> Record:
        """Do what is missing; the record is written once all is done."""
        sweep = self._sweep
        self._calibrate()
        pending = [kind for kind in sweep.types if self._finished(kind) is None]
        self._check_room(pending)
        reference = self._measured_reference(anew=bool(pending))
        variants = []
        for number, kind in enumerate(sweep.types):
            self._watch(Step("sweep", number, len(sweep.types)))
            variants.append(self._variant(kind, reference))
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

    @property
    def _predictions(self) -> Path:
        return self._sweep.folder / _PREDICTIONS

    def _calibrate(self) -> None:
        """Compute the importance matrix where a text for one is given."""
        if self._sweep.calibration is None:
            return
        self._matrix = self._sweep.folder / MATRIX
        key = self._key("model", "calibration", more=["imatrix", self._sweep.context])
        state = self._state("imatrix")
        if not _is_whole(self._matrix, state.file) or state.made != key:
            given = self._sweep
            imatrix.compute(
                given.model,
                given.calibration or given.text,
                self._matrix,
                context=given.context,
                threads=given.threads,
                watch=self._watch,
            )
            state = _State(key, _file(self._matrix))
            self._keep("imatrix", state)
        assert state.file is not None
        self._sums["imatrix"] = state.file.sha256

    def _check_room(self, pending: list[str]) -> None:
        """Look whether the disk has room for all that is missing, and whether every type can be made."""
        sweep = self._sweep
        sizes = [
            quantize.estimate(
                sweep.model,
                kind,
                imatrix=self._matrix,
                overrides=self._overrides(kind),
                allow_requantize=sweep.allow_requantize,
            )
            for kind in pending
            if self._made(kind) is None
        ]
        room.check_disk("the quantized models", sum(sizes), sweep.folder)

    def _measured_reference(self, *, anew: bool) -> Variant:
        """The reference, measured; its predictions are kept as long as a form is to be compared with them."""
        sweep = self._sweep
        key = self._measuring("reference")
        state = self._state("reference")
        there = not anew or (self._predictions.is_file() and state.made == key)
        if there and state.measured == key and state.variant is not None:
            return state.variant
        quality = perplexity.keep(
            self._reference,
            sweep.text,
            self._predictions,
            context=sweep.context,
            chunks=sweep.chunks,
            threads=sweep.threads,
            watch=self._watch,
        )
        variant = state.variant if state.measured == key else None
        if variant is None:
            measured = speed.measure(self._reference, threads=sweep.threads, watch=self._watch)
            file = File(self._reference.name, self._reference.stat().st_size, self._sums["reference"])
            variant = _variant(self._reference.stem, "reference", file, quality, measured, self._reference)
        self._keep("reference", _State(key, None, key, variant))
        return variant

    def _variant(self, kind: str, reference: Variant) -> Variant:
        """A form, made and measured where it is not finished."""
        if (finished := self._finished(kind)) is not None:
            return finished
        file = self._made(kind) or self._make(kind)
        sweep, path = self._sweep, self._path(kind)
        quality = perplexity.measure(
            path,
            sweep.text,
            reference=self._predictions,
            context=sweep.context,
            chunks=sweep.chunks,
            threads=sweep.threads,
            watch=self._watch,
        )
        measured = speed.measure(path, threads=sweep.threads, watch=self._watch)
        variant = _variant(kind, kind, file, quality, measured, path)
        figures = variant.speed | {"ratio": reference.speed["decode_tokens_per_s"] / measured.decode_tokens_per_s}
        twice = any(tensor.quantized for tensor in header.read(sweep.model).tensors)
        note = "from a model that was quantized already" if twice else ""
        variant = msgspec.structs.replace(variant, speed=figures, note=note)
        self._keep(kind, _State(self._making(kind), file, self._measuring(kind), variant))
        return variant

    def _make(self, kind: str) -> File:
        sweep = self._sweep
        quantize.quantize(
            sweep.model,
            self._path(kind),
            kind,
            imatrix=self._matrix,
            overrides=self._overrides(kind),
            allow_requantize=sweep.allow_requantize,
            threads=sweep.threads,
            watch=self._watch,
        )
        file = _file(self._path(kind))
        self._keep(kind, _State(self._making(kind), file))
        return file

    def _overrides(self, kind: str) -> Mapping[str, str]:
        return {} if kind in kinds.FLOATS else self._sweep.overrides

    def _path(self, kind: str) -> Path:
        return self._sweep.folder / f"{self._sweep.model.stem}-{kind}.gguf"

    def _made(self, kind: str) -> File | None:
        """The file of a form where it is there as it was made from the same inputs."""
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


def _variant(name: str, method: str, file: File, quality: TextQuality, measured: Speed, path: Path) -> Variant:
    found = quality.divergence
    metrics = {"perplexity": quality.perplexity, "perplexity-uncertainty": quality.uncertainty}
    if found is not None:
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
    figures = {
        "prefill_tokens_per_s": measured.prefill_tokens_per_s,
        "decode_tokens_per_s": measured.decode_tokens_per_s,
        "load_s": measured.load_s,
    }
    return Variant(name, method, {"model": file}, metrics, speed=figures, peak_mib=measured.peak_mib)


def _file(path: Path) -> File:
    return File(path.name, path.stat().st_size, sha256_of(path))


def _is_whole(path: Path, file: File | None) -> bool:
    """Whether a file is there as it was."""
    if file is None or not path.is_file() or path.stat().st_size != file.bytes:
        return False
    return sha256_of(path) == file.sha256


def _sum(path: Path) -> str:
    try:
        return sha256_of(path)
    except OSError as error:
        raise InputMissing(f"{path.name} cannot be read ({error.strerror})", "name a file that is there") from None
