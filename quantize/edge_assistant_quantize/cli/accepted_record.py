"""The record of models judged on the command line; each is added to those before it."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from edge_assistant_quantize import arguments
from edge_assistant_quantize import record as records
from edge_assistant_quantize.candidate import Candidate
from edge_assistant_quantize.errors import InputMissing, UsageError
from edge_assistant_quantize.record import CriterionVerdict, Measure, ModelFile, Record, Variant

if TYPE_CHECKING:
    from edge_assistant_quantize.metrics.metric import Measured


def record(
    candidate: Variant,
    reference: Variant,
    role: str,
    data: Mapping[str, Mapping[str, object]],
    results: Mapping[str, Measured],
    recipe: str,
) -> Record:
    """The record of one model.

    Args:
        candidate: with its verdicts.
        reference: what it would replace.
        role: of both.
        data: measured on, by metric.
        results: of the candidate, by name.
        recipe: text of the recipe that named the criteria, or empty.
    """
    from edge_assistant_quantize.recipes import provenance

    inputs = {f"data/{name}": provenance.sum_of_data(given) for name, given in data.items()}
    inputs |= {f"reference/{key}": file.sha256 for key, file in reference.files.items()}
    return Record(
        name=f"in place of {reference.name}",
        role=role,
        recipe=recipe,
        commands=[arguments.command()],
        versions=provenance.versions(provenance.RUNTIMES),
        machine=provenance.machine(),
        inputs=inputs,
        reference=reference,
        variants=[candidate],
        chosen=candidate.name if candidate.accepted else "",
        measures={name: Measure(each.lower_is_better, each.unit) for name, each in results.items()},
    )


def variant(model: Candidate, results: Mapping[str, Measured], verdicts: Sequence[CriterionVerdict] = ()) -> Variant:
    """A model with its measurements, as a record has it."""
    from edge_assistant_quantize.metrics.metric import figures

    sums = model.sums()
    files = {key: ModelFile.of(path, path.name, sums[key]) for key, path in model.paths.items()}
    return Variant(model.name, "", files, figures(results), list(verdicts))


def write(new: Record, folder: Path) -> None:
    """Write a record and its report into a folder; a record of the same reference that is there is extended.

    Raises:
        UsageError: the folder holds the record of another reference.
        StorageFull: it cannot be written.
    """
    from edge_assistant.storage import atomic
    from edge_assistant_quantize.report import page

    with contextlib.suppress(InputMissing):
        new = _added(records.read(folder), new)
    with atomic.storing(folder.name, "free some space, or name another folder"):
        folder.mkdir(parents=True, exist_ok=True)
    records.write(new, folder / records.FILE)
    page.write(new, folder)


def _added(old: Record, new: Record) -> Record:
    """The models of before with the new one; the smallest accepted one is chosen."""
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
