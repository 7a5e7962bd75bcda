"""The report of a record: `report.md`, `report.html`, and the plots as SVG in `plots/`."""

from __future__ import annotations

from pathlib import Path

from edge_assistant.storage import atomic
from edge_assistant_quantize.record import Record
from edge_assistant_quantize.report.html import html_page
from edge_assistant_quantize.report.page import page
from edge_assistant_quantize.report.plots import Plot, draw

MARKDOWN, HTML, PLOTS = "report.md", "report.html", "plots"


def write(record: Record, folder: Path) -> None:
    """Write the report into a folder; each file whole or not at all.

    Args:
        record: what was measured.
        folder: is made where it is missing; plots of an earlier report in it are replaced.

    Raises:
        StorageFull: the disk does not take it.
    """
    plots = draw(record)
    text = page(record, plots)
    save(folder, f"{record.name}: which form to take", text, plots or [])


def save(folder: Path, title: str, text: str, plots: list[Plot]) -> None:
    """Write a page in both forms, and its plots.

    Raises:
        StorageFull: the disk does not take it.
    """
    inline = {f"{PLOTS}/{plot.name}.svg": plot.inline for plot in plots}
    files = {Path(PLOTS) / f"{plot.name}.svg": plot.svg for plot in plots}
    files |= {Path(MARKDOWN): text, Path(HTML): html_page(title, text, inline)}
    with atomic.storing("the report", "free some space, or name another folder"):
        (folder / PLOTS if plots else folder).mkdir(parents=True, exist_ok=True)
        for path, content in files.items():
            with atomic.writing(folder / path) as file:
                file.write(content.encode())
        for stale in set((folder / PLOTS).glob("*.svg")) - {folder / path for path in files}:
            stale.unlink()
