"""Whether a model may be published: what its record says of these very files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from edge_assistant.core.signals import printable
from edge_assistant_quantize import record as records
from edge_assistant_quantize.candidate import FILE, Candidate
from edge_assistant_quantize.errors import InputMissing, NotAccepted
from edge_assistant_quantize.record import Record, Variant

ACCEPTED = "accepted"  # the folder in which a run puts the form that it takes
_ANYWAY = "publish it all the same and say why: --unaccepted REASON"


@dataclass(frozen=True, slots=True)
class Judgement:
    """What is known of a model's quality.

    Attributes:
        record: None where nothing was measured.
        form: what the record says of these files; None without a record.
        unaccepted: why it is published although it was not accepted; empty where it was.
    """

    record: Record | None
    form: Variant | None
    unaccepted: str = ""


def find(folder: Path) -> Path:
    """The folder of the model that a run has taken: itself, where it holds a model, else what was accepted in it.

    Raises:
        InputMissing: there is none.
        NotAccepted: a run is there and has taken none.
    """
    if (folder / FILE).is_file() or not folder.is_dir():
        return folder
    if (folder / ACCEPTED / FILE).is_file():
        return folder / ACCEPTED
    if (folder / records.FILE).is_file():
        hint = f"name one of its forms, such as {folder.name}/variants/NAME, with --unaccepted REASON"
        raise NotAccepted(f"no form was accepted in {printable(folder.name)}", hint)
    raise InputMissing(f"{printable(folder.name)} holds no {FILE}", "name what a run has written, or a .gguf file")


def record_of(model: Path) -> Record | None:
    """The record that lies nearest: beside the model, or in the folder of the run that made it."""
    folder = model if model.is_dir() else model.parent
    for place in (folder, folder.parent, folder.parent.parent):
        if (place / records.FILE).is_file():
            return records.read(place)
    return None


def judge(candidate: Candidate, record: Record | None, unaccepted: str = "") -> Judgement:
    """Look up a model in its record, by the sums of its files.

    Args:
        candidate: the model.
        record: None where nothing was measured.
        unaccepted: why it is to be published although it was not accepted.

    Raises:
        NotAccepted: it was not accepted, not decided, or not measured, and no reason is given.
    """
    form = None if record is None else form_of(candidate, record)
    why = _why_not(candidate, record, form)
    if why and not unaccepted:
        raise NotAccepted(why, _ANYWAY)
    return Judgement(record if form else None, form, unaccepted if why else "")


def form_of(candidate: Candidate, record: Record) -> Variant | None:
    """The form of a record whose files are those of a model."""
    sums = sorted(candidate.sums().values())
    forms = [*record.variants, record.reference]
    return next((form for form in forms if sorted(file.sha256 for file in form.files.values()) == sums), None)


def _why_not(candidate: Candidate, record: Record | None, form: Variant | None) -> str:
    """Why a model counts as not accepted; empty where it does. What others are compared with needs no acceptance."""
    if record is None:
        return f"{candidate.name} was not measured: there is no {records.FILE} beside it"
    if form is None:
        return f"{candidate.name} was not measured: the record of {record.name} is of other files"
    if form is record.reference or form.accepted:
        return ""
    if form.accepted is None:
        return f"nothing was asked of '{printable(form.name)}' in {record.name}, so it was not accepted"
    failed = ", ".join(verdict.metric for verdict in form.verdicts if not verdict.accepted)
    return f"'{printable(form.name)}' was not accepted in {record.name}: {printable(failed)}"
