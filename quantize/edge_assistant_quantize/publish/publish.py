"""A model into the user's catalog and store, with its measured card and its record; and out again."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from edge_assistant.core import limits
from edge_assistant.governance.policy import policy
from edge_assistant.storage import atomic
from edge_assistant_models.entries import Entry, parse
from edge_assistant_models.errors import ModelError
from edge_assistant_models.portfolio import Portfolio
from edge_assistant_models.sources import local
from edge_assistant_quantize import candidate as candidates
from edge_assistant_quantize import record as records
from edge_assistant_quantize import room
from edge_assistant_quantize.acceptance import gate
from edge_assistant_quantize.candidate import Candidate
from edge_assistant_quantize.errors import ModelCorrupt, NotAccepted, UsageError
from edge_assistant_quantize.progress import ProgressStep, Watch, ignore
from edge_assistant_quantize.publish import card, description, places
from edge_assistant_quantize.publish.description import EntryDescription, completed
from edge_assistant_quantize.publish.judgement import HINT, OTHERS, Judgement
from edge_assistant_quantize.publish.places import ENTRY, FOLDER
from edge_assistant_quantize.record import ModelSums
from edge_assistant_quantize.report import precision
from edge_assistant_quantize.report.precision import Precision


@dataclass(frozen=True, slots=True)
class PublishPlan:
    """What is going to be published; nothing is written yet.

    Attributes:
        candidate: the model.
        judged: what was measured of it.
        entry: as the catalog will read it.
        text: the catalog file.
        weights: in the model's files, by type.
    """

    candidate: Candidate
    judged: Judgement
    entry: Entry
    text: str
    weights: Sequence[Precision]


def plan(
    candidate: Candidate, judged: Judgement, said: EntryDescription, *, unaccepted: str = "", replace: bool = False
) -> PublishPlan:
    """Say what will be published.

    Args:
        candidate: the model.
        judged: what was measured of it, see `judgement.judge`.
        said: what the person says of it.
        unaccepted: why it is published whatever is against it; empty where it then is not.
        replace: whether a published model of this name may be replaced.

    Raises:
        UsageError: something is missing or wrong, the name is taken, or another model of the user's own comes first.
        NotAccepted: something is against it, and no reason is given.
        PolicyRefused: the policy allows no such model.
        CatalogInvalid: the entry, or another file of the catalog, breaks the schema.
    """
    if judged.against and not unaccepted:
        raise NotAccepted(judged.against, HINT)
    portfolio = Portfolio()
    whole = completed(said, candidate, judged, portfolio)
    _check_name(portfolio, whole.name, replace=replace)
    _check_first(portfolio, candidate.role, whole)
    against = (
        judged.against or _otherwise(candidate, judged, whole) or _displaces(portfolio, candidate.role, judged, whole)
    )
    if against and not unaccepted:
        hint = "'edge-quantize accept' it so, in the task itself, or publish it with --profile none"
        raise NotAccepted(against, hint)
    policy.current().check_model(whole.name, own=True)
    looks = sorted(judged.looks, key=lambda each: (not gate.in_task(each.look, each.verdicts), not each.accepted))
    judged = dataclasses.replace(judged, looks=looks, against=against, unaccepted=unaccepted if against else "")
    weights = precision.of_files(candidate.paths.values())
    measured = card.figures(judged, whole, weights)
    text = description.text(candidate, judged.model.files, whole, measured)
    return PublishPlan(candidate, judged, parse(text.encode(), f"catalog/{whole.name}.toml"), text, weights)


def publish(planned: PublishPlan, watch: Watch = ignore, *, replace: bool = False) -> Entry:
    """Publish a model: entry, files and record, all or nothing.

    Returns:
        The entry.

    Raises:
        UsageError: the name has been taken meanwhile.
        ModelCorrupt: a file changed since it was looked at, or its headers contradict it.
        StorageFull: there is no room; nothing is left of it.
    """
    entry = planned.entry
    for folder in (places.kept(""), places.store().root):  # on one disk the store has links
        room.check_disk(f"publishing {entry.name}", entry.bytes, folder)
    with places.held():
        _check_name(Portfolio(), entry.name, replace=replace)
        _gather(planned, places.new(entry.name), watch)
        places.install(places.new(entry.name), entry.name)
        places.entry_file(entry.name).parent.mkdir(parents=True, exist_ok=True)
        with atomic.writing(places.entry_file(entry.name)) as file:
            file.write(planned.text.encode())
    return entry


def unpublish(name: str) -> None:
    """Take a published model out of catalog and store, with its files and its record.

    Raises:
        ModelUnknown: there is no model of that name.
        UsageError: it was not published by this program.
        StorageFull: the data directory cannot be written.
    """
    with places.held():
        entry = Portfolio().entry(name)
        if not published(entry):
            what = f"{entry.name} was not published by edge-quantize"
            raise UsageError(what, "remove its catalog file yourself, or 'edge-assistant models remove' its files")
        if places.kept(name).is_dir():
            places.kept(name).rename(places.new(name))
        places.entry_file(name).unlink()
        with contextlib.suppress(ModelError):  # it is not in the store
            places.store().remove(entry)


def published(entry: Entry) -> bool:
    """Whether an entry was written by `publish`: its source is its folder there."""
    ours = local(f"{FOLDER}/{entry.name}")
    return entry.own and entry.origin == f"catalog/{entry.name}.toml" and ours in entry.sources


def _check_name(portfolio: Portfolio, name: str, *, replace: bool) -> None:
    taken = next((entry for entry in portfolio.entries() if entry.name == name), None)
    if taken is None:
        if places.entry_file(name).exists():
            raise UsageError(f"catalog/{name}.toml is there already and describes another model", "say another --name")
    elif not published(taken):
        whose = "in your catalog, written by hand" if taken.own else "a model that comes with the product"
        raise UsageError(f"'{name}' is {whose}", "say another name: --name")
    elif not replace:
        raise UsageError(f"'{name}' is published already", "replace it with --replace, or say another --name")


def _check_first(portfolio: Portfolio, role: str, said: EntryDescription) -> None:
    """Two models that both come first for one role would leave it to their names which one is used."""
    for other in portfolio.entries():
        both = [name for name in said.profiles or () if name in other.profiles]
        if other.role == role and other.name != said.name and both:
            what = f"{other.name} comes first for {role} in {both[0]} already"
            raise UsageError(what, f"'edge-quantize unpublish {other.name}' first, or publish with --profile none")


def _otherwise(candidate: Candidate, judged: Judgement, said: EntryDescription) -> str:
    """How a language model would be run otherwise than where it answered; empty where it would not."""
    answered = any(asked.metric == "cross-signal" for each in judged.looks for asked in each.look.criteria)
    if candidate.role != "language" or not answered:
        return ""
    family, context = candidate.options.get("family", "chatml"), candidate.options.get("context")
    most = limits.CONTEXT_TOKENS.value  # that the product reads of any model
    was, now = (min(each, most) if isinstance(each, int) else most for each in (context, said.context))
    name = said.name
    if said.family != family:
        return f"{name} was accepted with the chat family {family}, and not with {said.family}"
    return "" if was == now else f"{name} was accepted with a context of {was} tokens, and not with one of {now}"


def _displaces(portfolio: Portfolio, role: str, judged: Judgement, said: EntryDescription) -> str:
    """The model that users of a profile would lose without a comparison of both; empty where there is none."""
    for profile in said.profiles or ():
        if (first := portfolio.resolve(profile).get(role)) is not None:
            model = candidates.find(first, portfolio=portfolio)
            other = ModelSums(first, model.sums(), model.options)
            if other.id != judged.model.id and not judged.accepted_against(other):
                return f"{said.name} was not accepted in place of {first}, which is first in {profile}"
    return ""


def _gather(planned: PublishPlan, folder: Path, watch: Watch) -> None:
    """Everything that is kept, in one folder: a copy of the files, so that whoever made them may go on with theirs."""
    folder.mkdir(parents=True)
    files = planned.entry.files
    for number, file in enumerate(files):
        watch(ProgressStep(f"publishing {planned.entry.name}", number, len(files)))
        shutil.copyfile(source := planned.candidate.paths[file.key], folder / file.path)
        if candidates.sha256_of(folder / file.path) != file.sha256:  # before the entry says that this is whole
            raise ModelCorrupt(f"{source.name} changed while it was published", "publish it once it is finished")
    names: Mapping[str, str] = {file.key: file.path for file in files}
    options = dict(planned.candidate.options)
    Candidate(planned.entry.name, planned.entry.role, folder, names, options).write()
    if planned.judged.record.signer:
        records.write(planned.judged.record, folder / records.FILE)
        for number, other in enumerate(planned.judged.others, 2):
            records.write(other, folder / OTHERS.format(number))
    card.write(planned.judged, planned.entry, planned.weights, folder)
    for path in folder.iterdir():  # the catalog's entry lasts, so what it names has to
        with path.open("rb") as written:
            os.fsync(written.fileno())
    with atomic.writing(folder / ENTRY) as whole:
        whole.write(planned.text.encode())
    watch(ProgressStep(f"publishing {planned.entry.name}", len(files), len(files)))
