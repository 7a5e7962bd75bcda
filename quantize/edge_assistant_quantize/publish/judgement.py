"""Whether a model may be published: its record is believed only in what follows again from the results in it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec

from edge_assistant_quantize import record as records
from edge_assistant_quantize.acceptance import gate, looks, signature
from edge_assistant_quantize.acceptance.looks import DecidedLook
from edge_assistant_quantize.candidate import FILE, Candidate
from edge_assistant_quantize.errors import InputMissing, NotAccepted
from edge_assistant_quantize.record import CriterionVerdict, ModelSums, Record, Variant

ACCEPTED = "accepted"  # the folder in which a run puts the form that it takes
OTHERS = "record-{}.json"  # beside the record of what was published with several
HINT = "'edge-quantize accept ... --record DIR' it first, or publish it all the same and say why: --unaccepted REASON"


@dataclass(frozen=True, slots=True)
class Judgement:
    """What is known of a model's quality.

    Attributes:
        model: its files and options, as they were judged.
        record: a blank one, which nobody has signed, where none counts.
        form: what the record says of these files, its verdicts decided again.
        looks: every look at these files, in order.
        against: why it does not count as accepted; empty where it does.
        unaccepted: why it is published all the same; empty where nothing is against it.
        others: further records that the looks are from.
    """

    model: ModelSums
    record: Record
    form: Variant
    looks: Sequence[DecidedLook] = ()
    against: str = ""
    unaccepted: str = ""
    others: Sequence[Record] = ()

    def accepted_against(self, other: ModelSums) -> bool:
        """Whether it does the task as another model does, with its options, within the margin of the metric itself."""
        compared = [each for each in self.looks if each.look.reference.id == other.id]
        standing = _standing(compared)
        return all(each.accepted for each in standing) and any(
            gate.in_task(each.look, [verdict for verdict in each.verdicts if verdict in standing]) for each in compared
        )


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
        raise NotAccepted(f"no form was accepted in {folder.name}", hint)
    raise InputMissing(f"{folder.name} holds no {FILE}", "name what a run has written, or a .gguf file")


def records_of(model: Path) -> list[Record]:
    """The records that lie nearest: beside the model, or in the folder of the run that made it.

    Raises:
        InputMissing, NotAccepted: see `find`.
    """
    found = find(model)
    folder = found if found.is_dir() else found.parent
    places = (folder, folder.parent, folder.parent.parent)
    return next((records_at(place) for place in places if (place / records.FILE).is_file()), [])


def records_at(place: Path) -> list[Record]:
    """A record, and those that were published with it.

    Raises:
        InputMissing, InputCorrupt: see `record.read`.
    """
    return [records.read(place), *map(records.read, sorted(place.glob(OTHERS.format("*"))))]


def judge(candidate: Candidate, found: Sequence[Record], signer: str = "") -> Judgement:
    """Decide again what records say of the files as they are now.

    Args:
        candidate: the model.
        found: its records; none where nothing was measured.
        signer: public key of another machine whose records count; empty, or this machine's own, for those whose looks
            the audit trail here has.

    Raises:
        AuditDamaged: the audit trail is not as it was written.
        KeyLost, StorageFull: this machine's key or its audit trail cannot be read.
    """
    model = ModelSums(candidate.name, candidate.sums(), candidate.options)
    blank = Variant(candidate.name, "", {})
    nothing = Judgement(model, Record(candidate.name, candidate.role, "", [], {}, {}, {}, blank, []), blank)
    signer = "" if signer == signature.own_key() else signer
    if not found:
        return replace(nothing, against=f"{candidate.name} was not measured: there is no {records.FILE} beside it")
    if why := next(filter(None, (_unbelievable(each, signer) for each in found)), ""):
        return replace(nothing, against=why)
    forms = [
        (record, form)
        for record in found
        for form in (*record.variants, record.reference)
        if record.role == candidate.role and form.sums == model.files
    ]
    if not forms:
        why = f"{candidate.name} was not measured: the record of {found[0].name} is of other files, or of another role"
        return replace(nothing, against=why)
    record, form = forms[0]
    mine = [look for each in found for look in each.looks if look.candidate.id == model.id]
    own = {looks.sum_of(look): look for look in mine if look.code == looks.code()}
    if mine and not own:
        return replace(nothing, against=f"another version of the code judged {form.name}, so accept it again")
    known = [] if signer else looks.judged(model)
    order = sorted(own, key=lambda k: known.index(k) if k in known else len(known))  # of the trail, not of the clock
    looked = [looks.decided(own[k]) for k in order]
    form = msgspec.structs.replace(form, verdicts=_best(looked))
    why, have = _why_not(form, record.name), len(own.keys() & set(known))
    if not (why or signer or set(known) == own.keys()):
        why = f"the records have {have} of {len(known)} looks at '{form.name}' in the audit trail (--record names more)"
    return Judgement(model, record, form, looked, why, others=[each for each in found if each != record])


def _why_not(form: Variant, where: str) -> str:
    """Why a form of a record that is believed counts as not accepted; empty where it does."""
    if not form.verdicts:
        options = "a lone file takes those of --reference"
        return f"nothing was asked of '{form.name}' with these options ({where}; {options})"
    failed = [verdict for verdict in form.verdicts if not verdict.accepted]
    said = ", ".join(f"{each.metric} ({each.reason})" if each.reason else each.metric for each in failed)
    return f"'{form.name}' was not accepted ({where}): {said}" if failed else ""


def _unbelievable(record: Record, signer: str) -> str:
    """Why a record does not count; empty where it does."""
    if not record.signer:
        return f"the record of {record.name} is not signed: it was written before records were, so accept it again"
    if not signature.is_genuine(record):
        return f"the record of {record.name} was changed after it was written"
    own = signature.own_key()
    if record.signer != (signer or own):
        return f"another machine wrote the record of {record.name}; its key is {record.signer} (--signer KEY trusts it)"
    return ""


def _standing(decided: Iterable[DecidedLook]) -> list[CriterionVerdict]:
    """What stands: of each metric and data the verdicts of the last look, as no other data undoes a refusal.

    The last is that with the highest number, as records of another machine may come in any order.
    """
    last: dict[tuple[str, str], DecidedLook] = {}
    for each in decided:
        for metric in {verdict.metric: None for verdict in each.verdicts}:
            before = last.setdefault((metric, each.look.data[metric]), each)
            if each.look.numbers[metric] >= before.look.numbers[metric]:
                last[metric, each.look.data[metric]] = each
    return [verdict for (metric, _), each in last.items() for verdict in each.verdicts if verdict.metric == metric]


def _best(decided: Sequence[DecidedLook]) -> list[CriterionVerdict]:
    """What stands against the reference that it was accepted in place of, else against the last one."""
    references = [each.look.reference.id for each in decided]
    different = [one for place, one in enumerate(references) if one not in references[:place]]
    standing = [_standing(each for each in decided if each.look.reference.id == one) for one in different]
    accepted = [verdicts for verdicts in standing if all(verdict.accepted for verdict in verdicts)]
    return [*accepted, *standing[::-1]][0] if standing else []
