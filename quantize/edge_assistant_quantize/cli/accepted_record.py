"""The record of models judged on the command line; each is added to those before it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from edge_assistant.core.signals import printable
from edge_assistant_quantize import arguments
from edge_assistant_quantize import record as records
from edge_assistant_quantize.candidate import Candidate
from edge_assistant_quantize.errors import UsageError
from edge_assistant_quantize.record import CriterionVerdict, ModelFile, Record, Variant

if TYPE_CHECKING:
    from edge_assistant_quantize.acceptance.accept import Acceptance
    from edge_assistant_quantize.gguf.speed import SpeedFigures
    from edge_assistant_quantize.record import Measured


def record(
    candidate: Candidate, reference: Candidate, found: Acceptance, recipe: str, speeds: Sequence[SpeedFigures] = ()
) -> Record:
    """The record of one model.

    Args:
        candidate: the model.
        reference: what it would replace.
        found: what was measured and decided.
        recipe: text of the recipe that named the criteria, or empty.
        speeds: of reference and candidate; empty where they were not measured.
    """
    from edge_assistant_quantize import provenance

    look = found.look
    form = _variant(candidate, look.candidate.files, found.results, speeds[1:], found.verdicts)
    inputs = {f"data/{name}": digest for name, digest in look.data.items()}
    inputs |= {f"reference/{key}": digest for key, digest in look.reference.files.items()}
    return Record(
        name=f"candidates for {reference.name}",
        role=candidate.role,
        recipe=recipe,
        commands=[printable(arguments.command())],
        versions=provenance.versions(provenance.RUNTIMES),
        machine=provenance.machine(),
        inputs=inputs,
        reference=_variant(reference, look.reference.files, found.of_reference, speeds[:1]),
        variants=[form],
        chosen=form.name if found.accepted else "",
        measures={name: each.measure for name, each in found.results.items()},
        looks=[look],
    )


def _variant(
    model: Candidate,
    sums: Mapping[str, str],
    results: Mapping[str, Measured],
    speeds: Sequence[SpeedFigures],
    verdicts: Sequence[CriterionVerdict] = (),
) -> Variant:
    """A model with its measurements, as a record has it."""
    from edge_assistant_quantize.metrics.metric import figures

    files = {key: ModelFile.of(path, printable(path.name), sums[key]) for key, path in model.paths.items()}
    found = Variant(model.name, "", files, figures(results), list(verdicts))
    return replace(found, speed=speeds[0].speed, peak_mib=speeds[0].peak_mib) if speeds else found


def write(new: Record, folder: Path) -> None:
    """Write a record and its report into a folder; a record of the same reference that is there is extended.

    Raises:
        UsageError: the folder holds the record of another reference or machine, or one that was changed.
        StorageFull: it cannot be written.
    """
    from filelock import FileLock

    from edge_assistant.storage import atomic
    from edge_assistant_quantize.acceptance import signature
    from edge_assistant_quantize.report import page

    with atomic.storing(folder.name, "free some space, or name another folder"):
        folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / ".lock"):  # two that judge at once both keep their look
        old = former(folder, new.reference.sums, new.role)
        new = signature.after(old, _added(old, new) if old else new)
        records.write(new, folder / records.FILE)
        page.write(new, folder)


def former(folder: Path, reference: Mapping[str, str], role: str) -> Record | None:
    """The record in a folder that one about this reference may extend; None where there is none.

    Args:
        folder: of the record.
        reference: the sha256 of each of its files, by key.
        role: of the reference.

    Raises:
        UsageError: it is of another reference or machine or of an earlier build, or it was changed.
    """
    from edge_assistant_quantize.acceptance import signature

    hint = "name another folder: --record"
    old = signature.kept(folder)
    if old is None and (folder / records.FILE).is_file():
        raise UsageError(f"the record in {printable(folder.name)} is not signed, as one of an earlier build", hint)
    if old is not None and (old.reference.sums, old.role) != (reference, role):
        what = f"the record in {printable(folder.name)} compares with {old.reference.name}, another reference"
        raise UsageError(what, hint)
    return old


def _added(old: Record, new: Record) -> Record:
    """The models of before with the new one; the smallest accepted one is chosen."""
    (one,) = new.variants
    before = next((form for form in old.variants if form.files == one.files), one)
    one = replace(one, speed=one.speed or before.speed, peak_mib=one.peak_mib or before.peak_mib)
    variants = [*(form for form in old.variants if form.name != one.name), one]
    accepted = [form for form in variants if form.accepted]
    return replace(
        new,
        commands=[*old.commands, *new.commands],
        inputs={**old.inputs, **new.inputs},
        recipe=new.recipe or old.recipe,
        variants=variants,
        reference=replace(
            new.reference,
            metrics={**old.reference.metrics, **new.reference.metrics},
            speed=new.reference.speed or old.reference.speed,
            peak_mib=new.reference.peak_mib or old.reference.peak_mib,
        ),
        chosen=min(accepted, key=lambda form: form.bytes).name if accepted else "",
        measures={**old.measures, **new.measures},
    )
