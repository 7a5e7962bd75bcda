"""The measured card: what the entry of the catalog says of a model's quality, size and speed."""

from __future__ import annotations

import hashlib
import math

from edge_assistant_quantize.publish.judgement import Judgement
from edge_assistant_quantize.record import Record, Variant
from edge_assistant_quantize.report import page

Figures = dict[str, object]


def figures(judged: Judgement, size: int) -> Figures:
    """The table `[figures]`: plain values, so that `models info` can show them.

    Args:
        judged: what was measured.
        size: of the model's files, in bytes.
    """
    card: Figures = {"accepted": not judged.unaccepted}
    if judged.unaccepted:
        card["unaccepted"] = judged.unaccepted
    if judged.record is None or judged.form is None:
        return card | {"measured": False}
    return card | _measured(judged, judged.record, judged.form, size) | _source(judged.record)


def _measured(judged: Judgement, record: Record, form: Variant, size: int) -> Figures:
    card: Figures = {"form": form.name}
    if form.method:
        card["method"] = form.method
    if form.verdicts:
        card["criteria"] = [page.verdict(record, verdict) for verdict in form.verdicts]
    values = {verdict.metric: verdict.value for verdict in form.verdicts} | dict(form.metrics)
    card["metrics"] = {name: _short(value) for name, value in values.items() if math.isfinite(value)}
    if judged.looks:
        card["looks"] = len(judged.looks)
        card["signer"] = record.signer
    if judged.refusals:
        card["refused"] = [
            f"{each.look.time[:10]} against {each.look.reference}: {page.verdict(record, verdict)}"
            for each in judged.refusals
            for verdict in each.verdicts
            if not verdict.accepted
        ]
    if form is not record.reference:
        card["reference"] = record.reference.name
        card["size_of_reference"] = _short(size / record.reference.bytes) if record.reference.bytes else 1.0
    speed = {name: _short(value) for name, value in form.speed.items() if math.isfinite(value)}
    card |= {"speed": speed} if speed else {}
    card |= {} if form.peak_mib is None else {"peak_mib": _short(form.peak_mib)}
    return {name: value for name, value in card.items() if value != {}}


def _source(record: Record) -> Figures:
    """Where it comes from: the recipe by name and sum; its text is kept beside the files."""
    if not record.recipe:
        return {"record": record.name}
    return {"recipe": record.name, "recipe_sha256": hashlib.sha256(record.recipe.encode()).hexdigest()}


def _short(value: float) -> float:
    """Six digits: more is noise, and less would hide a criterion that holds by a hair.

    >>> _short(0.123456789), _short(3)
    (0.123457, 3.0)
    """
    return float(f"{value:.6g}")
