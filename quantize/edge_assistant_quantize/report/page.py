"""Reports: Markdown by Jinja2 templates, HTML from the Markdown, plots as SVG."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge_assistant.core.signals import printable
from edge_assistant.storage import atomic
from edge_assistant_models.transfer import mebibytes
from edge_assistant_quantize.record import CriterionVerdict, Record
from edge_assistant_quantize.report import analysis, text
from edge_assistant_quantize.report.plots import Plot, draw

if TYPE_CHECKING:
    from jinja2 import Environment

MARKDOWN, HTML, PLOTS = "report.md", "report.html", "plots"
MOST_METRICS = 3  # columns of the main table


class _Escaped(str):
    """A text that templates show as it is."""

    __slots__ = ()

    def __html__(self) -> str:
        """For MarkupSafe, which asks for this method."""
        return self


@cache
def _environment(form: str) -> Environment:
    """Templates whose values are escaped for `markdown`, `html` or as plain `text`."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    def finalize(value: object) -> object:
        return value if hasattr(value, "__html__") or form == "html" else _Escaped(escape(str(value)))

    markdown = form == "markdown"
    escape = text.escaped if markdown else text.line
    made = Environment(
        loader=PackageLoader("edge_assistant_quantize.report"),
        autoescape=True,
        finalize=finalize,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        undefined=StrictUndefined,
    )
    made.filters |= {
        "mebibytes": mebibytes,
        "strong": lambda value: _Escaped(f"**{escape(value)}**") if markdown else value,
        "code": lambda value, cell=False: _Escaped(text.code(value, cell=cell)),
        "block": lambda value, language: _Escaped(text.block(value, language)),
        "commas": lambda value: f"{value:,}",
        "figure": lambda value: f"{value:.4g}",
    }
    made.globals |= {"analysis": analysis, "text": text, "nan": math.nan}
    return made


def _macro(name: str, *values: object) -> str:
    """A sentence in plain text."""
    template: Any = _environment("text").get_template("decision.j2").module
    return str(getattr(template, name)(*values)).strip()


def decision(record: Record) -> str:
    """The decision in one sentence, with the figures that it depends on."""
    return _macro("decision", record)


def verdict(record: Record, found: CriterionVerdict) -> str:
    """A decided criterion, such as `wer 8.1 % against 7.9 % (+0.2 points, ...; asked: at most 0.005 worse)`."""
    return _macro("verdict", record, found)


def markdown(template: str, **values: object) -> str:
    """A page by its template."""
    return _environment("markdown").get_template(template).render(**values)


def html(title: str, page: str, plots: Mapping[str, str]) -> str:
    """A Markdown page as one HTML file without scripts and external resources.

    Args:
        title: of the window.
        page: Markdown; HTML tags in it are shown as text.
        plots: SVG elements by the path in the page.
    """
    from markdown_it import MarkdownIt

    reader: Any = MarkdownIt("commonmark", {"html": False}).enable("table")
    reader.add_render_rule("image", lambda self, tokens, at, *rest: plots.get(tokens[at].attrs["src"], ""))
    reader.add_render_rule("table_open", lambda self, *rest: '<div class="table"><table>\n')
    reader.add_render_rule("table_close", lambda self, *rest: "</table></div>\n")
    template = _environment("html").get_template("page.html.j2")
    return template.render(title=printable(title), body=reader.render(page))


def write(record: Record, folder: Path) -> None:
    """Write the report of a record into a folder, which is made if it is missing; it replaces an earlier report.

    Raises:
        StorageFull: the disk is full.
    """
    plots = draw(record)
    page = markdown("report.md.j2", plots=plots, **_values(record))
    save(folder, f"{record.name}: which form to take", page, plots or [])


def _values(record: Record) -> dict[str, Any]:
    """What the template shows, without columns that say nothing."""
    forms, metrics = analysis.forms(record), analysis.metrics(record)[:MOST_METRICS]
    measured = dict.fromkeys(name for form in forms for name in form.metrics)
    verdicts = [verdict for form in record.variants for verdict in form.verdicts]
    return {
        "record": record,
        "forms": forms,
        "metrics": metrics,
        "front": analysis.front(record, metrics[0]) if metrics else [],
        "timed": any(analysis.time_ratio(record, form) is not None for form in record.variants),
        "sized": any(form.peak_mib is not None for form in record.variants),
        "excluded": {name for form in record.variants for name in form.excluded},
        "criteria": list(dict.fromkeys((verdict.metric, verdict.criterion) for verdict in verdicts)),
        "quality": [name for name in measured if name not in metrics],
        "speed": list(dict.fromkeys(name for form in forms for name in form.speed)),
    }


def save(folder: Path, title: str, page: str, plots: list[Plot]) -> None:
    """Write a page as Markdown and HTML, and its plots; each file atomically.

    Raises:
        StorageFull: the disk is full.
    """
    inline = {f"{PLOTS}/{plot.name}.svg": plot.inline for plot in plots}
    files = {Path(PLOTS) / f"{plot.name}.svg": plot.svg for plot in plots}
    files |= {Path(MARKDOWN): page, Path(HTML): html(title, page, inline)}
    with atomic.storing("the report", "free some space, or name another folder"):
        (folder / PLOTS if plots else folder).mkdir(parents=True, exist_ok=True)
        for path, content in files.items():
            with atomic.writing(folder / path) as file:
                file.write(content.encode())
        for stale in set((folder / PLOTS).glob("*.svg")) - {folder / path for path in files}:
            stale.unlink()
