"""Character error rate and form fields of writing, over pages whose words are known."""

from __future__ import annotations

from collections.abc import Iterable

from edge_assistant.core.evidence import Field, TickBox
from edge_assistant.perception.documents import forms, labels, layout
from edge_assistant.perception.documents.layout import Piece
from edge_assistant.perception.documents.sheets import UprightPage
from edge_assistant_quantize.datasets.data import Data, items
from edge_assistant_quantize.errors import CalibrationInvalid
from edge_assistant_quantize.metrics.metric import MetricRun
from edge_assistant_quantize.metrics.transcripts import character_edits, edit_counter
from edge_assistant_quantize.record import Measured


def measure(run: MetricRun) -> Iterable[Measured]:
    """See `metric.Measure`."""
    edit_counter()
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
