"""Whether a model may be published: its record is believed only in what follows again from the results in it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec

from edge_assistant.core.signals import printable
from edge_assistant_quantize import record as records
from edge_assistant_quantize.acceptance import gate, looks, signature
from edge_assistant_quantize.candidate import FILE, Candidate
from edge_assistant_quantize.errors import InputMissing, NotAccepted
from edge_assistant_quantize.metrics.metric import standard
from edge_assistant_quantize.record import AcceptanceLook, CriterionVerdict, Record, Variant

ACCEPTED = "accepted"  # the folder in which a run puts the form that it takes
_ANYWAY = "publish it all the same and say why: --unaccepted REASON"


@dataclass(frozen=True, slots=True)
class Judgement:
    """What is known of a model's quality.

    Attributes:
        record: None where nothing was measured.
        form: what the record says of these files, its verdicts decided again; None without a record.
        looks: every look at these files, in order.
        unaccepted: why it is published although it was not accepted; empty where it was.
    """

    record: Record | None
    form: Variant | None
    looks: Sequence[DecidedLook] = ()
    unaccepted: str = ""

    @property
    def refusals(self) -> list[DecidedLook]:
        """The looks that did not accept it."""
        return [each for each in self.looks if not each.accepted]

    def accepted_against(self, sums: Iterable[str]) -> bool:
        """Whether it stands for a model with these files by a metric of the task itself."""
        compared = [each for each in self.looks if sorted(each.look.reference_files.values()) == sorted(sums)]
        standing = _standing(compared)
        return all(each.accepted for each in standing) and any(
            standard(each.metric).task and each.compares for each in standing
        )


@dataclass(frozen=True, slots=True)
class DecidedLook:
    """A look and what follows from it."""

    look: AcceptanceLook
    verdicts: Sequence[CriterionVerdict]

    @property
    def accepted(self) -> bool:
        """Whether every criterion holds."""
        return all(verdict.accepted for verdict in self.verdicts)


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


def judge(candidate: Candidate, record: Record | None, unaccepted: str = "", signer: str = "") -> Judgement:
    """Decide again what the record says of the files as they are now.

    Args:
        candidate: the model.
        record: None where nothing was measured.
        unaccepted: why it is to be published although it was not accepted.
        signer: public key of another machine whose records count; empty for this machine's.

    Raises:
        NotAccepted: it was not accepted, not decided, or not measured, or the record is not to be believed, and no
            reason is given.
        KeyLost, StorageFull: this machine's key or its audit trail cannot be read.
    """
    if record is None:
        why = f"{candidate.name} was not measured: there is no {records.FILE} beside it"
        return _or_refused(Judgement(None, None), why, unaccepted)
    if why := _unbelievable(record, signer):
        return _or_refused(Judgement(None, None), why, unaccepted)
    form = form_of(candidate, record)
    if form is None:
        why = f"{candidate.name} was not measured: the record of {record.name} is of other files"
        return _or_refused(Judgement(None, None), why, unaccepted)
    model = {key: file.sha256 for key, file in form.files.items()}, dict(candidate.options)
    looks = [DecidedLook(each, gate.decide(each)) for each in record.looks if (each.files, each.options) == model]
    verdicts = _best(looks)
    found = Judgement(record, msgspec.structs.replace(form, verdicts=list(verdicts)), looks)
    if not verdicts:
        why = (
            f"nothing was asked of '{printable(form.name)}' with these options in {record.name}, so it was not accepted"
        )
    elif failed := [verdict for verdict in verdicts if not verdict.accepted]:
        said = ", ".join(f"{each.metric} ({each.reason})" if each.reason else each.metric for each in failed)
        why = f"'{printable(form.name)}' was not accepted in {record.name}: {printable(said)}"
    return _or_refused(found, why, unaccepted)


def _or_refused(found: Judgement, why: str, unaccepted: str) -> Judgement:
    if why and not unaccepted:
        raise NotAccepted(why, _ANYWAY)
    return replace(found, unaccepted=unaccepted if why else "")


def _unbelievable(record: Record, signer: str) -> str:
    """Why a record does not count; empty where it does."""
    if not record.signer:
        return f"the record of {record.name} is not signed: it was written before records were, so accept it again"
    if not signature.is_genuine(record):
        return f"the record of {record.name} was changed after it was written"
    own = signature.own_key()
    if record.signer != (signer or own):
        return f"another machine wrote the record of {record.name}; its key is {record.signer} (--signer KEY trusts it)"
    if record.signer == own and not looks.known(record.looks):
        return f"the audit trail of this machine knows nothing of a look in the record of {record.name}"
    if any(look.code != looks.code() for look in record.looks):
        return f"another version of the code judged {record.name}, so accept it again"
    return ""


def _standing(decided: Iterable[DecidedLook]) -> list[CriterionVerdict]:
    """What stands: of each metric and data the verdicts of the last look, as no other data undoes a refusal."""
    last = {
        (verdict.metric, each.look.data[verdict.metric]): [v for v in each.verdicts if v.metric == verdict.metric]
        for each in decided
        for verdict in each.verdicts
    }
    return [verdict for verdicts in last.values() for verdict in verdicts]


def _best(decided: Sequence[DecidedLook]) -> list[CriterionVerdict]:
    """What stands against the reference that it was accepted in place of, else against the last one."""
    by_reference: dict[tuple[str, ...], list[DecidedLook]] = {}
    for each in decided:
        by_reference.setdefault(tuple(sorted(each.look.reference_files.values())), []).append(each)
    standing = [_standing(looks) for looks in by_reference.values()]
    accepted = [verdicts for verdicts in standing if all(verdict.accepted for verdict in verdicts)]
    return [*accepted, *standing[::-1]][0] if standing else []


def form_of(candidate: Candidate, record: Record) -> Variant | None:
    """The form of a record whose files are those of a model, by key."""
    sums = candidate.sums()
    forms = [*record.variants, record.reference] if record.role == candidate.role else []
    return next((form for form in forms if {key: file.sha256 for key, file in form.files.items()} == sums), None)
