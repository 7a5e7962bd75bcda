"""Metrics over what the product's own sense gives of each item of data.

| metric | of an item |
| --- | --- |
| cosine, top1 | whether the embedder's vector or the classifier's first class is the reference's; a NaN never is |
| objects | which of the labels that a person gave a photograph the detector sees, and what else |
| wer, heard | words that speech recognition hears wrong of a recording, with slots beside, or of what a voice says |
| writing | characters and form fields that are read wrong of a page whose words are known |
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_assistant.core.evidence import Field, TickBox
from edge_assistant.perception.documents import forms, labels, layout
from edge_assistant.perception.documents.layout import Piece
from edge_assistant.perception.documents.sheets import UprightPage
from edge_assistant_models.model import InstalledModel
from edge_assistant_quantize import provenance
from edge_assistant_quantize.datasets.data import Data, folder_of, items, labels_of
from edge_assistant_quantize.errors import CalibrationInvalid, UsageError
from edge_assistant_quantize.metrics.metric import MetricRun, measured
from edge_assistant_quantize.metrics.slots import counted
from edge_assistant_quantize.metrics.transcripts import character_edits, normalised, word_edits
from edge_assistant_quantize.record import Measured
from edge_assistant_quantize.senses import Viewed, perceive

LARGE = 0.02  # of the picture: a label of at least this share is what a person would name first

# Outputs of the last reference by role, with their inputs: a search compares many candidates with one reference.
_references: dict[str, tuple[object, Mapping[str, Any]]] = {}


def _outputs_of(run: MetricRun, reference: InstalledModel, role: str) -> Mapping[str, Any]:
    """As `senses.perceive`, all at once; the model runs only if it, or the data, differs from the last."""
    key = reference.sha256, dict(reference.options), provenance.sum_of_data(run.data), run.runtime.threads
    if not reference.sha256 or role not in _references or _references[role][0] != key:
        _references[role] = key, dict(perceive(reference, role, run.data, run.runtime, run.watch))
    return _references[role][1]


def cosine(run: MetricRun) -> Iterable[Measured]:
    """See `metric.Measure`.

    Raises:
        UsageError: the models' vectors have different dimensions.
    """
    other = run.compared("cosine")
    wanted = _outputs_of(run, other, "embedder")

    def score(name: str, vector: NDArray[np.float32]) -> dict[str, tuple[float, float]]:
        if vector.shape != wanted[name].shape:
            what = f"{run.model.name} has {vector.size} dimensions, {other.name} has {wanted[name].size}"
            raise UsageError(what, "compare forms of the same model")
        found = float(vector @ wanted[name])
        return {"cosine": (min(found, 1.0) if np.isfinite(found) else 0.0, 1.0)}  # rounding may exceed 1

    return run.over("embedder", score).values()


def top1(run: MetricRun) -> Iterable[Measured]:
    """See `metric.Measure`."""
    wanted = _outputs_of(run, run.compared("top1"), "classifier")

    def score(name: str, given: NDArray[np.float32]) -> dict[str, tuple[float, float]]:
        return {"top1": (float(np.isfinite(given).all() and given.argmax() == wanted[name].argmax()), 1.0)}

    return run.over("classifier", score).values()


def objects(run: MetricRun) -> Iterable[Measured]:
    """See `metric.Measure`."""
    marked = labels_of(folder_of(run.data))
    if not marked:
        raise CalibrationInvalid("the photographs have no labels.json", "name a folder that has one")

    def score(name: str, view: Viewed) -> dict[str, tuple[float, float]]:
        found, wanted = {item.label for item in view.seen.found}, {item.label for item in marked[name]}
        large = {item.label for item in marked[name] if item.box[2] * item.box[3] >= LARGE * view.pixels}
        return {
            "presence": (len(large & found), len(large)),
            "presence_all": (len(wanted & found), len(wanted)),
            "precision": (len(wanted & found), len(found)),
        }

    results = run.over("detector", score)
    if "precision" not in results:  # who sees nothing is right in nothing
        found = results["presence"]
        results["precision"] = measured("precision", dict.fromkeys(found.items, (0, 1)), clusters=found.clusters)
    return results.values()


def heard_words(run: MetricRun) -> Iterable[Measured]:
    """See `metric.Measure`."""
    said = {name: spoken.said for name, spoken in items("speech", run.data).items()}
    wrong, every = Counter[str](), Counter[str]()  # slots by kind

    def score(name: str, text: str) -> dict[str, tuple[float, float]]:
        slots = counted(said[name], text)
        wrong.update({kind: part for kind, (part, _) in slots.items()})
        every.update({kind: whole for kind, (_, whole) in slots.items()})
        words = word_edits(normalised(said[name]), normalised(text))
        return {"wer": words, "slots": (sum(p for p, _ in slots.values()), sum(w for _, w in slots.values()))}

    found = run.over("speech", score, ("wer", "slots"))
    details = {str(kind): wrong[kind] / whole for kind, whole in sorted(every.items())}
    return [replace(each, details=details if name == "slots" else {}) for name, each in found.items()]


def heard_voice(run: MetricRun) -> Iterable[Measured]:
    """See `metric.Measure`."""
    said = items("voice", run.data)

    def score(name: str, text: str) -> dict[str, tuple[float, float]]:
        return {"heard": word_edits(normalised(said[name]), normalised(text))}

    return run.over("voice", score, ("heard",)).values()


def writing(run: MetricRun) -> Iterable[Measured]:
    """See `metric.Measure`."""
    written = _written(run.data)

    def score(name: str, sheet: UprightPage) -> dict[str, tuple[float, float]]:
        (rows, wanted), (read, _) = written[name], marked(sheet.pieces)
        fields = sum(pair in read for pair in wanted), len(wanted)
        return {"cer": character_edits(flat(rows), words(sheet.pieces)), "fields": fields}

    return run.over("writing", score, ("cer",)).values()


def _written(data: Data) -> dict[str, tuple[list[str], list[tuple[str, str]]]]:
    """Rows and fields of each page by its name.

    Raises:
        CalibrationInvalid: the words of a picture are not beside it.
    """
    found: dict[str, tuple[list[str], list[tuple[str, str]]]] = {}
    for name, source in items("writing", data).items():
        if isinstance(source, int):
            from edge_assistant_quantize.datasets import pages  # with Pillow

            sheet = pages.sheet(source)
            found[name] = sheet.rows, sheet.fields
            continue
        try:
            found[name] = source.with_suffix(".txt").read_text("utf-8").splitlines(), []
        except (OSError, ValueError):
            hint = f"write them into {source.stem}.txt beside it, row by row"
            raise CalibrationInvalid(f"nothing says what is written in {name}", hint) from None
    return found


def words(pieces: list[Piece]) -> str:
    """The words of a page's writing in reading order, without tick boxes."""
    marks = (labels.EMPTY, labels.TICKED)
    rows = layout.rows([piece for piece in pieces if piece.text not in marks])
    return flat([" ".join(cell.text for cell in row) for row in rows])


def flat(rows: list[str]) -> str:
    """Rows of a page as one line."""
    return " ".join(" ".join(rows).split())


def marked(pieces: list[Piece]) -> tuple[set[tuple[str, str]], set[tuple[str, bool]]]:
    """The fields and the tick boxes of a page's writing, as `pages.RenderedPage` has them."""
    details = [found.detail for found in forms.read(layout.rows(pieces))]
    fields = {(detail.label, detail.value) for detail in details if isinstance(detail, Field)}
    return fields, {(detail.label, detail.ticked) for detail in details if isinstance(detail, TickBox)}
