"""A model judged as it is, by a recipe of no steps."""

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
from edge_assistant_quantize.recipes.engine import RecipeRun
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
        UsageError: a language model is compared with itself; or see `recipe.check`.
        RecipeInvalid: see `recipe.check`.
        CalibrationInvalid, InputMissing: the data is missing, of another kind, or too little to decide by.
        NotAccepted: the reference does not count, so nothing is compared with it.
        ModelCorrupt: a file changed while it was measured.
        StorageFull, KeyLost: the audit trail cannot be written.
        EdgeAssistantError: a model cannot be run.
    """
    name, as_it_is = f"{candidate.name} in place of {reference.name}", RecipeVariant(candidate.name, ())
    asked = replace(asked, name=name, variants=(as_it_is,))
    recipe.check(asked)
    form, other = Form.of(candidate), Form.of(reference)
    if candidate.role == "language" and form.identity == other.identity and any(c.compares for c in asked.criteria):
        what = f"{candidate.name} and {reference.name} are the same file, so there is nothing to compare"
        raise UsageError(what, "name the model that it was made from: --reference F")
    with measurements.measuring(asked, threads, watch) as job:
        found = RecipeRun(job, other).record({candidate.name: form})
    return replace(found, inputs=found.inputs | other.inputs(REFERENCE), commands=[command])


def write(new: Record, folder: Path) -> None:
    """Write a record and its report into a folder; looks of the record that is there stay.

    Raises:
        UsageError: see `former`.
        StorageFull: it cannot be written.
    """
    (form,) = new.variants
    with atomic.storing(folder.name, "free some space, or name another folder"):
        folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / ".lock"):  # two that judge at once both keep their look
        old = former(folder, form.sums, new.reference.sums)
        commands = [*(old.commands if old else ()), *new.commands]
        new = signature.after(old, replace(new, commands=commands))
        records.write(new, folder / records.FILE)
        page.write(new, folder)


def former(folder: Path, candidate: Mapping[str, str], reference: Mapping[str, str]) -> Record | None:
    """The record in a folder that one about the same two models may follow; None where there is none.

    Args:
        folder: of the record.
        candidate: the sha256 of each of its files, by key.
        reference: likewise.

    Raises:
        UsageError: it is of other models, or see `signature.kept`.
    """
    old = signature.kept(folder)
    if old is not None and [form.sums for form in (old.reference, *old.variants)] != [reference, candidate]:
        what = f"the record in {printable(folder.name)} is of other models"
        raise UsageError(what, "name another folder: --record")
    return old
