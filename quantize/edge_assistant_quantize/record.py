"""What was measured of a model and its quantized forms: written by recipes and `accept`, read by reports.

One JSON file. It holds all that another person needs to make the same tensors and to judge them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import msgspec

from edge_assistant.core.errors import InputCorrupt, InputMissing, InputTooLarge
from edge_assistant_models import regular
from edge_assistant_quantize.provenance import sum_of_values

FILE = "record.json"
MAX_BYTES = 64 << 20  # of a file that is read; one of a thousand layers has some hundred kilobytes
_ROUNDING = 1e-12  # of sums of shares; a difference of exactly the limit is within it


class Measure(msgspec.Struct, frozen=True):
    """How the values of a metric are read; `Measured` says both.

    Attributes:
        lower_is_better: whether less is better.
        unit: `share` (0 to 1, told as per cent), or another unit, or empty.
    """

    lower_is_better: bool
    unit: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9 %/]{0,24}\Z")] = "share"  # stands in pages as it is


@dataclass(frozen=True, slots=True)
class Measured:
    """What one model did, item by item; its value is the sum of the parts over the sum of the wholes.

    So a word error rate is edits over words, and not the mean of the recordings' rates. Items that hang together share
    a cluster: questions of one scenario, recordings of one speaker, equal content. Intervals count clusters, not items.
    """

    metric: str  # such as `wer`
    items: tuple[str, ...]  # in order: names of recordings, photos, texts
    parts: tuple[float, ...]  # of each item, such as edits
    wholes: tuple[float, ...]  # of each item, such as words; not all zero
    lower_is_better: bool  # whether less is better
    unit: str = "share"  # of the value: `share` (0 to 1), or empty
    clusters: tuple[str, ...] = ()  # cluster of each item, such as its scenario; empty: each item stands alone
    details: Mapping[str, float] = field(default_factory=dict)  # other figures of the same run that nobody decides by

    @property
    def value(self) -> float:
        """The metric over all items."""
        return sum(self.parts) / sum(self.wholes)

    @property
    def measure(self) -> Measure:
        """How its value is read."""
        return Measure(self.lower_is_better, self.unit)

    @property
    def independent(self) -> frozenset[str]:
        """The clusters on which something was measured, or the items where each stands alone."""
        names = self.clusters or self.items
        return frozenset(name for name, whole in zip(names, self.wholes, strict=True) if whole)

    def only(self, wanted: Callable[[str], bool]) -> Measured | None:
        """The items of some clusters; None where nothing is left that could be measured."""
        names = self.clusters or self.items
        kept = [place for place, name in enumerate(names) if wanted(name)]
        rest = replace(
            self,
            items=tuple(self.items[place] for place in kept),
            parts=tuple(self.parts[place] for place in kept),
            wholes=tuple(self.wholes[place] for place in kept),
            clusters=tuple(self.clusters[place] for place in kept) if self.clusters else (),
        )
        return rest if any(rest.wholes) else None


class Bound(StrEnum):
    """What is bounded; the word is the recipe's key. `within_interval` is `at_most_worse` by the metric's margin."""

    AT_MOST_WORSE = "at_most_worse"
    AT_LEAST = "at_least"
    AT_MOST = "at_most"


@dataclass(frozen=True, slots=True)
class Criterion:
    """One thing that must hold.

    Attributes:
        metric: the result it is about, such as `wer`.
        bound: what is bounded.
        limit: by what.
    """

    metric: str
    bound: Bound
    limit: float

    @property
    def compares(self) -> bool:
        """Whether it compares with the reference's value."""
        return self.bound is Bound.AT_MOST_WORSE

    @property
    def text(self) -> str:
        """In words, such as "at most 0.005 worse"."""
        return f"at most {self.limit:g} worse" if self.compares else f"{self.bound.replace('_', ' ')} {self.limit:g}"

    def holds(self, low: float, high: float, *, lower_is_better: bool) -> bool:
        """Whether it holds; an end that is not finite holds nothing.

        Args:
            low: lower end, of the difference (candidate minus reference) where it compares, else of the value.
            high: upper end.
            lower_is_better: whether less is better.
        """
        beyond = {
            Bound.AT_LEAST: self.limit - low,
            Bound.AT_MOST: high - self.limit,
            Bound.AT_MOST_WORSE: (high if lower_is_better else -low) - self.limit,
        }
        return math.isfinite(low) and math.isfinite(high) and beyond[self.bound] <= _ROUNDING


class Interval(msgspec.Struct, frozen=True):
    """A difference, candidate minus reference, or a value alone, and where it lies, see `acceptance.intervals`.

    Attributes:
        difference: in the metric's unit; the value where nothing is compared.
        low: lower end.
        high: upper end.
        level: probability that they hold the truth, such as 0.95.
        n: clusters of items that it was measured on; 0 in records that do not say.
    """

    difference: float
    low: float
    high: float
    level: float
    n: int = 0


class CriterionVerdict(msgspec.Struct, frozen=True):
    """One acceptance criterion, decided.

    Attributes:
        metric: such as `wer`.
        value: the candidate's.
        reference: the reference's; None for a metric that needs none.
        interval: of the difference; None where there is nothing to pair.
        criterion: in words, such as "at most 0.005 worse".
        accepted: whether it holds.
        reason: why it does not count whatever the interval says, such as too few items; else empty.
        compares: whether the interval is that of the difference, and not that of the value.
        look: which look at its data this is, from 1; 0 where nobody counted.
    """

    metric: str
    value: float
    reference: float | None
    interval: Interval | None
    criterion: str
    accepted: bool
    reason: str = ""
    compares: bool = True
    look: int = 0


class ModelFile(msgspec.Struct, frozen=True):
    """A file of a model: size, sha256 of its bytes, and of an ONNX file the digest of its tensors (else empty)."""

    name: str
    bytes: int
    sha256: str
    tensors_sha256: str = ""

    @classmethod
    def of(cls, path: Path, name: str, sha256: str) -> ModelFile:
        """A file as it is now."""
        from edge_assistant_models.tensors import tensor_digest

        tensors = tensor_digest(path) if path.suffix == ".onnx" else ""
        return cls(name, path.stat().st_size, sha256, tensors)


class Variant(msgspec.Struct, frozen=True):
    """One form of the model.

    Attributes:
        name: for people, such as "int8 static, 3 nodes excluded".
        method: what made it, such as `static-int8` or `Q4_K_M`.
        files: by key.
        metrics: values by the metric's name.
        verdicts: the criteria, decided; empty where nothing was to be decided.
        speed: figures by name with their unit in it: `median_ms`, `prefill_tokens_per_s`, `decode_tokens_per_s`, ...;
            `ratio` is its time over the reference's, so that less is faster.
        peak_mib: the most memory of a process that ran it.
        excluded: nodes or tensors that were left as they are.
        note: why it failed, or what else is to be said.
    """

    name: str
    method: str
    files: dict[str, ModelFile]
    metrics: dict[str, float] = {}
    verdicts: list[CriterionVerdict] = []
    speed: dict[str, float] = {}
    peak_mib: float | None = None
    excluded: list[str] = []
    note: str = ""

    @property
    def bytes(self) -> int:
        """Size of all its files."""
        return sum(file.bytes for file in self.files.values())

    @property
    def sums(self) -> dict[str, str]:
        """The sha256 of each file by key."""
        return {key: file.sha256 for key, file in self.files.items()}

    @property
    def accepted(self) -> bool | None:
        """Whether every criterion holds; None where there was none."""
        return all(verdict.accepted for verdict in self.verdicts) if self.verdicts else None


class ModelSums(msgspec.Struct, frozen=True):
    """A model by name and content.

    Attributes:
        name: for people.
        files: the sha256 of each file by key.
        options: with which it is loaded.
        sound: why it counts as a reference by itself: it is of the catalog, or was accepted before; else empty.
    """

    name: str
    files: Mapping[str, str]
    options: Mapping[str, object]
    sound: str = ""

    @property
    def id(self) -> str:
        """One sum over its files and options, whatever it is called."""
        return sum_of_values([dict(self.files), dict(self.options)])


class AcceptanceLook(msgspec.Struct, frozen=True):
    """A candidate and its reference measured for acceptance, with all that the verdicts follow from (`gate.decide`).

    Attributes:
        time: ISO 8601 in UTC, by the machine's clock; the audit trail has the order.
        candidate: the form that may be accepted.
        reference: what it would stand for.
        criteria: what was demanded.
        of_candidate: its results, item by item.
        of_reference: likewise.
        data: sha256 of the data by metric.
        numbers: which look at its data each metric's is on this machine, from 1.
        code: sha256 over the code that measured and decided.
    """

    time: str
    candidate: ModelSums
    reference: ModelSums
    criteria: list[Criterion]
    of_candidate: dict[str, Measured]
    of_reference: dict[str, Measured]
    data: dict[str, str]
    numbers: dict[str, int]
    code: str

    @property
    def timeless(self) -> AcceptanceLook:
        """The same, whenever it was taken: one that is repeated is no other one."""
        return msgspec.structs.replace(self, time="")


class Layer(msgspec.Struct, frozen=True):
    """How much one node hurts: what a metric or the output loses where only this node is quantized.

    Attributes:
        node: its name.
        kind: its operator, such as `Conv`.
        file: key of the model's file that it is in.
        loss: larger is worse; see `measure`.
        measure: what was compared, such as "signal to quantization noise of the output, dB, negated".
    """

    node: str
    kind: str
    file: str
    loss: float
    measure: str


class Record(msgspec.Struct, frozen=True):
    """A run of a recipe, a sweep among them, or models that were judged on the command line.

    Attributes:
        name: of the recipe.
        role: of the model.
        recipe: the recipe's text; empty if there was none.
        commands: the command lines that were run.
        versions: of this program and of each library that took part.
        machine: processor, cores, memory, system.
        inputs: sha256 by name of all that was read: weights, calibration data, measuring data.
        reference: the form that the others are compared with.
        variants: the others, in the order in which they were made.
        layers: which nodes hurt, worst first; may be empty.
        chosen: the name of the accepted variant that is taken; empty where none is.
        measures: how each metric of the variants is read, by its name; reports compare only what stands here.
        looks: every time that a form was measured for acceptance, refusals too, in their order.
        signer: public key of the machine that wrote this, Ed25519, in hexadecimal; empty where nobody signed.
        signature: over all of the above.
    """

    name: str
    role: str
    recipe: str
    commands: list[str]
    versions: dict[str, str]
    machine: dict[str, str]
    inputs: dict[str, str]
    reference: Variant
    variants: list[Variant]
    layers: list[Layer] = []
    chosen: str = ""
    measures: dict[str, Measure] = {}
    looks: list[AcceptanceLook] = []
    signer: str = ""
    signature: str = ""


def write(record: Record, path: Path) -> None:
    """Write a record, whole or not at all.

    Raises:
        StorageFull: the disk does not take it.
        InputTooLarge: nobody could read it again.
    """
    from edge_assistant.storage import atomic

    text = msgspec.json.format(msgspec.json.encode(record), indent=1)
    if len(text) >= MAX_BYTES:
        raise InputTooLarge(f"{path.name} would have {len(text):,} bytes", "begin a record in another folder")
    with atomic.storing(path.name, "free some space, or name another folder"), atomic.writing(path) as file:
        file.write(text + b"\n")


def read(path: Path) -> Record:
    """Read a record; a folder stands for the record in it.

    Raises:
        InputMissing: there is none.
        InputCorrupt: it is no record.
    """
    file = path / FILE if path.is_dir() else path
    if not file.is_file():
        what = f"{file.name} in {path.name}" if path.is_dir() else f"folder {path.name}"
        raise InputMissing(f"there is no {what}", "name a folder that a run has written")
    try:
        content = regular.read(file, MAX_BYTES)
        if len(content) > MAX_BYTES:
            raise InputCorrupt(f"{file.name} is no record (it is larger than {MAX_BYTES:,} bytes)", "name another file")
        return msgspec.json.decode(content, type=Record)
    except OSError as error:
        raise InputMissing(f"{file.name} cannot be read ({error.strerror})", "check its permissions") from None
    except (msgspec.DecodeError, RecursionError) as error:
        raise InputCorrupt(f"{file.name} is no record ({error})", "run the recipe again") from None
