"""The record of models that were accepted, or not, from the command line: each adds itself beside those before it."""

from __future__ import annotations

import contextlib
import shlex
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from edge_assistant_quantize import record as records
from edge_assistant_quantize.candidate import Candidate
from edge_assistant_quantize.errors import InputMissing, UsageError
from edge_assistant_quantize.record import File, Measure, Record, Variant, Verdict

if TYPE_CHECKING:
    from edge_assistant_quantize.metrics.metric import Measured


@dataclass(frozen=True, slots=True)
class Judgement:
    """One model, judged.

    Attributes:
        candidate: the model.
        reference: what it would stand for.
        results: what was measured of it, by name.
        of_reference: what was measured of the reference.
        verdicts: the criteria, decided.
        data: what it was measured on, by metric.
        recipe: text of the recipe that named the criteria, or empty.
    """

    candidate: Candidate
    reference: Candidate
    results: Mapping[str, Measured]
    of_reference: Mapping[str, Measured]
    verdicts: list[Verdict]
    data: Mapping[str, Mapping[str, object]]
    recipe: str = ""


def write(found: Judgement, folder: Path) -> None:
    """Write the record and its report into a folder; one that is there already of the same reference is added to.

    Raises:
        UsageError: the folder holds the record of another reference.
        StorageFull: it cannot be written.
    """
    from edge_assistant.storage import atomic
    from edge_assistant_quantize.report import write as report

    made = _record(found)
    with contextlib.suppress(InputMissing):
        made = _added(records.read(folder), made)
    with atomic.storing(folder.name, "free some space, or name another folder"):
        folder.mkdir(parents=True, exist_ok=True)
    records.write(made, folder / records.FILE)
    report.write(made, folder)


def _record(found: Judgement) -> Record:
    from edge_assistant_quantize.recipes import sums, versions
    from edge_assistant_quantize.recipes.measuring import LIBRARIES

    candidate, reference = _form(found.candidate, found.results), _form(found.reference, found.of_reference)
    inputs = {f"data/{name}": sums.of_data(given) for name, given in found.data.items()}
    inputs |= {f"reference/{key}": file.sha256 for key, file in reference.files.items()}
    return Record(
        name=f"in place of {found.reference.name}",
        role=found.candidate.role,
        recipe=found.recipe,
        commands=[shlex.join(["edge-quantize", *sys.argv[1:]])],
        versions=versions.of(LIBRARIES),
        machine=versions.machine(),
        inputs=inputs,
        reference=reference,
        variants=[replace(candidate, verdicts=found.verdicts)],
        chosen=candidate.name if all(verdict.accepted for verdict in found.verdicts) else "",
        measures={name: Measure(each.lower_is_better, each.unit) for name, each in found.results.items()},
    )


def _form(model: Candidate, results: Mapping[str, Measured]) -> Variant:
    from edge_assistant_models.tensors import tensor_digest
    from edge_assistant_quantize.metrics.metric import figures

    sums = model.sums()
    files = {
        key: File(path.name, path.stat().st_size, sums[key], tensor_digest(path) if path.suffix == ".onnx" else "")
        for key, path in model.paths.items()
    }
    return Variant(model.name, "", files, figures(results))


def _added(old: Record, new: Record) -> Record:
    """The models of before with the new one, of which the smallest that is accepted is chosen."""
    if _sums(old.reference) != _sums(new.reference) or old.role != new.role:
        what = f"the record there compares with {old.reference.name}, and not with {new.reference.name}"
        raise UsageError(what, "name another folder: --record")
    (one,) = new.variants
    variants = [*(form for form in old.variants if form.name != one.name), one]
    accepted = [form for form in variants if form.accepted]
    return replace(
        new,
        commands=[*old.commands, *new.commands],
        inputs={**old.inputs, **new.inputs},
        recipe=new.recipe or old.recipe,
        variants=variants,
        reference=replace(new.reference, metrics={**old.reference.metrics, **new.reference.metrics}),
        chosen=min(accepted, key=lambda form: form.bytes).name if accepted else "",
        measures={**old.measures, **new.measures},
    )


def _sums(form: Variant) -> list[str]:
    return sorted(file.sha256 for file in form.files.values())
