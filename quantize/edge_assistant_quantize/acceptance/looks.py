"""Looks at data are counted in the audit trail of the machine, so that none is lost with the record that told of it.

| row | facts |
| --- | --- |
| `look` | id of the look, metric, the least sums of its items; written before anything is decided or shown |
| `judged` | sum of the look, of the model, of the code, and whether it was accepted in the task itself |

Only who was accepted in the task counts as a reference later: by agreement alone, a chain of models may drift far.

A model that is evaluated without a decision has been looked at as well: whoever evaluates twenty and has the best one
accepted chose it by the same items. Evaluating a model and then deciding on it is one look.

Two data sets are the same where their `SKETCH` least sums have one in common: a bottom-k sketch (Broder 1997, "On the
resemblance and containment of documents"), whole for small sets, and sure to meet where a twentieth is shared.
"""

from __future__ import annotations

import hashlib
import importlib
import json
import math
from collections.abc import Collection, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import msgspec

from edge_assistant.governance.audit import queries, verify
from edge_assistant.governance.audit.queries import RowFilter
from edge_assistant.governance.audit.trail import Trail
from edge_assistant_models.model import InstalledModel
from edge_assistant_models.portfolio import Portfolio
from edge_assistant_models.sources import FileSpec
from edge_assistant_models.tensors import tensor_digest
from edge_assistant_quantize.acceptance import gate, signature
from edge_assistant_quantize.errors import WeightsRefused
from edge_assistant_quantize.metrics.metric import metric, standard
from edge_assistant_quantize.provenance import sum_of_values
from edge_assistant_quantize.record import AcceptanceLook, Criterion, CriterionVerdict, Measured, ModelSums

SKETCH = 64  # sums of a data set that are kept
_LETTERS = 16  # of a sum
_CODE = ("edge_assistant", "edge_assistant_models", "edge_assistant_quantize")  # packages that measure and decide


@dataclass(frozen=True, slots=True)
class DecidedLook:
    """A look and what follows from it."""

    look: AcceptanceLook
    verdicts: Sequence[CriterionVerdict]

    @property
    def accepted(self) -> bool:
        """Whether every criterion holds."""
        return all(verdict.accepted for verdict in self.verdicts)


def decided(look: AcceptanceLook) -> DecidedLook:
    """A look, decided again from the results in it; raises what `gate.decide` does."""
    return DecidedLook(look, gate.decide(look))


def of_catalog(model: InstalledModel, sums: Mapping[str, str]) -> str:
    """The model of the product's own catalog that has these files; empty where it is none."""
    own = model.role, dict(model.options), set(sums)
    alike = (
        entry
        for entry in Portfolio().entries()
        if not entry.own and (entry.role, dict(entry.options), {file.key for file in entry.files}) == own
    )
    return next((each.name for each in alike if all(_is(f, model.files[f.key], sums[f.key]) for f in each.files)), "")


def _is(pinned: FileSpec, path: Path, digest: str) -> bool:
    return digest == pinned.sha256 if pinned.sha256 else tensor_digest(path) == pinned.tensors_sha256


def take(
    candidate: ModelSums,
    reference: ModelSums,
    criteria: Sequence[Criterion],
    of_candidate: Mapping[str, Measured],
    of_reference: Mapping[str, Measured],
    data: Mapping[str, str],
) -> tuple[AcceptanceLook, list[CriterionVerdict]]:
    """Count a look at a candidate, and decide.

    Args:
        candidate: the model.
        reference: what it would stand for.
        criteria: what must hold.
        of_candidate: its results by name.
        of_reference: the reference's, of metrics that compare nothing.
        data: sums of the data by metric.

    Raises:
        UsageError: see `gate.decide`.
        WeightsRefused: a result is no number.
        AuditDamaged: the audit trail is not as it was written.
        StorageFull, KeyLost: it cannot be written, so nothing is decided.
    """
    for model, results in ((reference, of_reference), (candidate, of_candidate)):
        if broken := [name for name, found in results.items() if not math.isfinite(found.value)]:
            raise WeightsRefused(f"{model.name} gives '{broken[0]}' that is no number", "quantize it in another way")
    asked = {criterion.metric for criterion in criteria}
    kept = {name for each in asked for name in (each, *standard(each).beside)}
    with closing(Trail()) as trail:
        verify.require_whole(trail)
        there = sorted(name for name in asked if name in of_candidate)  # what is missing is said by the gate
        numbers = {name: _counted(trail, candidate, reference, criteria, of_candidate[name]) for name in there}
        look = AcceptanceLook(
            time=datetime.now(UTC).isoformat(timespec="seconds"),
            candidate=candidate,
            reference=msgspec.structs.replace(reference, sound=reference.sound or _accepted(trail, reference)),
            criteria=list(criteria),
            of_candidate={name: found for name, found in of_candidate.items() if name in kept},
            of_reference=dict(of_reference),
            data=dict(data),
            numbers=numbers,
            code=code(),
        )
        look = msgspec.json.decode(msgspec.json.encode(look), type=AcceptanceLook)  # as it is read: floats throughout
        verdicts = gate.decide(look)
        accepted = gate.in_task(look, verdicts)
        facts = {"look": sum_of(look), "model": candidate.id, "accepted": accepted, "code": look.code}
        trail.append("judged", facts)
    return look, verdicts


def seen(model: ModelSums, results: Mapping[str, Measured]) -> None:
    """Count looks at a model that nothing is decided by.

    Args:
        model: with the options that it was measured with, by which it may be chosen.
        results: by name, of that model.

    Raises:
        StorageFull, KeyLost: the audit trail cannot be written.
    """
    sketches = {(metric(name).name, "".join(_sketch(found.independent))) for name, found in results.items()}
    with closing(Trail()) as trail:
        for name, items in sorted(sketches):
            trail.append("look", {"id": _evaluated(model), "metric": name, "items": items})


def _evaluated(model: ModelSums) -> str:
    return sum_of_values(["evaluated", model.id])


def _sketch(items: Collection[str]) -> list[str]:
    return sorted(signature.code(name.encode())[:_LETTERS] for name in items)[:SKETCH]


def judged(model: ModelSums) -> list[str]:
    """The sums of all looks that this version of the code has judged a model by, each where it was taken first.

    Raises:
        AuditDamaged: the audit trail is not as it was written.
        StorageFull, KeyLost: it cannot be read.
    """
    with closing(Trail()) as trail:
        verify.require_whole(trail)
        now = model.id, code()
        sums = [row["look"] for row in _rows(trail, "judged") if (row["model"], row.get("code")) == now]
    return list(dict.fromkeys(sums))


def sum_of(look: AcceptanceLook) -> str:
    """The sha256 of a look, whenever it was taken."""
    return hashlib.sha256(msgspec.json.encode(look.timeless, order="deterministic")).hexdigest()


@cache
def code() -> str:
    """The sha256 over the code that measures and decides, and its tables of standards."""
    folders = {name: Path(importlib.import_module(name).__path__[0]) for name in _CODE}
    every = [(name, path, folder) for name, folder in folders.items() for path in folder.rglob("*")]
    files = [each for each in every if each[1].suffix in {".py", ".toml"}]
    sums = [(name, str(p.relative_to(folder)), hashlib.sha256(p.read_bytes()).hexdigest()) for name, p, folder in files]
    return sum_of_values(sorted(sums))


def _counted(
    trail: Trail, candidate: ModelSums, reference: ModelSums, criteria: Sequence[Criterion], found: Measured
) -> int:
    """Write that somebody looks at the items of a result, and say which look it is; a repeated one is none.

    The m-th decision has at least m - 1 before it, so what all of them spend together is within the series of `spent`.
    """
    by = metric(found.metric)
    asked = sorted(f"{each.metric} {each.text}" for each in criteria if each.metric in by.gives)
    sketch, ids = _sketch(found.independent), [_evaluated(candidate)]
    id = sum_of_values([candidate.id, reference.id, asked, sketch])
    trail.append("look", {"id": id, "metric": by.name, "items": "".join(sketch)})
    for row in _rows(trail, "look"):
        items = (row["items"][at : at + _LETTERS] for at in range(0, len(row["items"]), _LETTERS))
        if row["metric"] == by.name and row["id"] not in ids and not {*sketch}.isdisjoint(items):
            ids.append(row["id"])
    return ids.index(id)


def _accepted(trail: Trail, model: ModelSums) -> str:
    accepted = any(row["model"] == model.id and row["accepted"] for row in _rows(trail, "judged"))
    return "accepted on this machine" if accepted else ""


def _rows(trail: Trail, kind: str) -> list[dict[str, Any]]:
    return [json.loads(row.body) for row in queries.rows(trail, RowFilter(kind=kind))]
