"""A model judged as it is, by a recipe of no steps; its record extends that of the models judged before it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from filelock import FileLock
from msgspec.structs import replace

from edge_assistant.core.signals import printable
from edge_assistant.storage import atomic
from edge_assistant_quantize import record as records
from edge_assistant_quantize.acceptance import signature
from edge_assistant_quantize.candidate import Candidate
from edge_assistant_quantize.errors import UsageError
from edge_assistant_quantize.progress import Watch
from edge_assistant_quantize.recipes import measurements, recipe
from edge_assistant_quantize.recipes.engine import RecipeRun, choose
from edge_assistant_quantize.recipes.recipe import Recipe, RecipeVariant
from edge_assistant_quantize.recipes.step import Form
from edge_assistant_quantize.recipes.workspace import REFERENCE
from edge_assistant_quantize.record import Record
from edge_assistant_quantize.report import page


def judge(
    asked: Recipe, candidate: Candidate, reference: Candidate, *, threads: int, watch: Watch, command: str = ""
) -> Record:
    """Decide whether a model may stand for another: a recipe of no steps. The look counts whatever comes of it.

    Args:
        asked: metrics with criteria, and their data.
        candidate: what may be accepted.
        reference: what it would stand for.
        threads: cores to use.
        watch: receives progress.
        command: the command line, for the record.

    Returns:
        A record of one variant and one look, which nobody has signed.

    Raises:
        RecipeInvalid, UsageError: see `recipe.check`.
        CalibrationInvalid, InputMissing: the data is missing, of another kind, or too little to decide by.
        NotAccepted: the reference does not count, so nothing is compared with it.
        ModelCorrupt: a file changed while it was measured.
        StorageFull, KeyLost: the audit trail cannot be written.
        EdgeAssistantError: a model cannot be run.
    """
    name, as_it_is = f"candidates for {reference.name}", RecipeVariant(candidate.name, ())
    asked = replace(asked, name=name, variants=(as_it_is,))
    recipe.check(asked)
    form, other = Form.of(candidate), Form.of(reference)
    with measurements.measuring(asked, threads, watch) as job:
        found = RecipeRun(job, other).record({candidate.name: form})
    return replace(found, inputs=found.inputs | other.inputs(REFERENCE), commands=[command])


def write(new: Record, folder: Path) -> None:
    """Write a record and its report into a folder; a record of the same reference that is there is extended.

    Raises:
        UsageError: the folder holds the record of another reference or machine, or one that was changed.
        StorageFull: it cannot be written.
    """
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
        UsageError: it is of another reference, or see `signature.kept`.
    """
    old = signature.kept(folder)
    if old is not None and (old.reference.sums, old.role) != (reference, role):
        what = f"the record in {printable(folder.name)} compares with {old.reference.name}, another reference"
        raise UsageError(what, "name another folder: --record")
    return old


def _added(old: Record, new: Record) -> Record:
    """The models of before with the new one; the smallest accepted one is chosen."""
    (one,) = new.variants
    before = next((form for form in old.variants if form.files == one.files), one)
    one = replace(one, speed=one.speed or before.speed, peak_mib=one.peak_mib or before.peak_mib)
    variants = [*(form for form in old.variants if form.name != one.name), one]
    return replace(
        new,
        commands=[*old.commands, *new.commands],
        inputs={**old.inputs, **new.inputs},
        variants=variants,
        reference=replace(
            new.reference,
            metrics={**old.reference.metrics, **new.reference.metrics},
            speed=new.reference.speed or old.reference.speed,
            peak_mib=new.reference.peak_mib or old.reference.peak_mib,
        ),
        chosen=choose(variants),
        measures={**old.measures, **new.measures},
    )
