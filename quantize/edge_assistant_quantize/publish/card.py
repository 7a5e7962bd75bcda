"""The measured card: what the entry of the catalog and a page say of a model's quality, size and speed."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import msgspec

from edge_assistant_models.entries import Entry
from edge_assistant_models.transfer import mebibytes
from edge_assistant_quantize.acceptance.looks import DecidedLook
from edge_assistant_quantize.publish.description import EntryDescription
from edge_assistant_quantize.publish.judgement import Judgement
from edge_assistant_quantize.publish.places import FOLDER
from edge_assistant_quantize.record import ModelFile
from edge_assistant_quantize.report import forms, page, precision, text
from edge_assistant_quantize.report.precision import Precision

FILE = "card.html"


def figures(judged: Judgement, said: EntryDescription, weights: Sequence[Precision]) -> dict[str, object]:
    """The table `[figures]`: plain values, so that `models info` can show them.

    Args:
        judged: what was measured.
        said: what the entry says.
        weights: in the model's files, by type.
    """
    form = judged.form
    return _known(
        {
            "accepted": not judged.unaccepted,
            "card": f"{FOLDER}/{said.name}/{FILE}",
            "unaccepted": judged.unaccepted,
            "bits_per_weight": precision.bits(weights),
            "data_licence": said.data_licence,
            "criteria": [line for each in judged.looks if each.accepted for line in told(each)],
            "refused": [line for each in judged.looks if not each.accepted for line in told(each)],
            "metrics": {verdict.metric: verdict.value for verdict in form.verdicts} | form.metrics,
            "looks": len(judged.looks),
            "signer": judged.record.signer,
            "speed": form.speed,
            "peak_mib": form.peak_mib,
        }
    )


def _known(card: Mapping[str, object]) -> dict[str, object]:
    """What is said of it, and nothing that is empty or no number; six digits, as less would hide what barely holds."""
    known: dict[str, object] = {}
    for key, value in card.items():
        if isinstance(value, float):
            known |= {key: float(f"{value:.6g}")} if math.isfinite(value) else {}
        elif value or value is False:
            known[key] = _known(value) if isinstance(value, dict) else value
    return known


def told(each: DecidedLook) -> list[str]:
    """The verdicts of a look in words; of a refusal those that refuse."""
    verdicts = [verdict for verdict in each.verdicts if verdict.accepted is each.accepted]
    when = f"{each.look.time[:10]}, {'accepted' if each.accepted else 'refused'} against {each.look.reference.name}"
    said = [text.verdict(each.look.of_candidate[verdict.metric].measure, verdict) for verdict in verdicts]
    return [text.line(f"{when}: {one}") for one in said]


def write(judged: Judgement, entry: Entry, weights: Sequence[Precision], folder: Path) -> None:
    """Write the page of a model beside its files.

    Args:
        judged: what was measured.
        entry: as the catalog has it.
        weights: in its files, by type.
        folder: with the files of the entry.

    Raises:
        StorageFull: the disk is full.
    """
    files = {file.key: ModelFile(file.path, file.bytes, file.sha256, file.tensors_sha256) for file in entry.files}
    form = msgspec.structs.replace(judged.form, name=entry.name, files=files)
    alone = judged.form.files == judged.record.reference.files
    commands = [line for each in (judged.record, *judged.others) for line in each.commands]
    record = msgspec.structs.replace(judged.record, variants=[] if alone else [form], commands=commands)
    own = replace(forms.of_form(record, form), precisions=weights)
    shown = [own] if alone else [forms.of_form(record, record.reference), own]
    page.ReportPage(entry.name, _lead(judged), record, shown, judged.looks, _facts(entry)).write(folder / FILE)


def _lead(judged: Judgement) -> str:
    """What it was accepted by; of what was published all the same, why."""
    said = "; ".join(said for each in judged.looks[:1] for said in told(each)) or "Nothing was measured"
    reason = f"NOT ACCEPTED, and published all the same: {judged.unaccepted}. " if judged.unaccepted else ""
    return f"{reason}{said}."


def _facts(entry: Entry) -> dict[str, str]:
    """What the entry says, and of what was measured that which no table of the page has."""
    facts = {
        "description": entry.description,
        "role": entry.role,
        "licence": f"{entry.licence}, {entry.licence_url}",
        "home": entry.home,
        "size": mebibytes(entry.bytes),
        "memory that it needs": f"{entry.memory_mib} MiB",
        "first for its role in": ", ".join(entry.profiles) or "no profile",
    }
    plain = {
        key.replace("_", " "): value for key, value in entry.figures.items() if isinstance(value, str | int | float)
    }
    return facts | {key: str(value) for key, value in plain.items()}
