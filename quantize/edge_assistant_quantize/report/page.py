"""The page in Markdown: the decision first, then what it rests on, then what somebody needs to do it again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from edge_assistant_models.transfer import mebibytes
from edge_assistant_quantize.record import Record, Variant
from edge_assistant_quantize.report import reading, told
from edge_assistant_quantize.report.escaped import block, code, plain
from edge_assistant_quantize.report.plots import Plot

MOST_METRICS = 3  # in the main table; a wider one is not read
MOST_LAYERS = 20

_READING = (
    "Behind a value stand its difference to the reference and the interval that the difference lies in, by the paired "
    "bootstrap over the same items. Time is a share of the reference's, so that less is faster."
)
_SHAPES = (
    "Each form has its number in the table. Square: the reference; star: chosen; circle: accepted; cross: not "
    "accepted; diamond: not decided. An upright line is the interval of its difference to the reference."
)
_NO_PLOTS = "There are no plots, as matplotlib is not installed: `pip install 'edge-assistant-offline[quantize]'`."


def page(record: Record, plots: Sequence[Plot] | None) -> str:
    """The whole page.

    Args:
        record: what was measured.
        plots: to be shown, by their names in the folder `plots`; None where they cannot be drawn.
    """
    parts = [
        f"# {plain(record.name)}: which form to take",
        told.decision(record),
        "## The forms",
        _table(*_forms(record)),
        _reading(record),
        *_plots(plots),
        *_layers(record),
        *_criteria(record),
        *_excluded(record),
        *_figures(record),
        *_again(record),
    ]
    return "\n\n".join(parts) + "\n"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]], numbers: Sequence[int] = ()) -> str:
    """A table; the columns of `numbers` are aligned to the right."""
    rule = ["---:" if place in numbers else "---" for place in range(len(head))]
    return "\n".join(f"| {' | '.join(row)} |" for row in [head, rule, *rows])


def _forms(record: Record) -> tuple[list[str], list[list[str]], list[int]]:
    """The main table: one row a form, and no column that says nothing."""
    there, metrics = reading.forms(record), reading.metrics(record)[:MOST_METRICS]
    front = reading.front(record, metrics[0]) if metrics else []
    names = [plain(form.name) + (" †" if form in front else "") for form in there]
    columns = [
        ("#", [str(place) for place in range(len(there))]),
        ("form", names),
        ("size", [mebibytes(form.bytes) for form in there]),
        ("of the size", [told.of_size(record, form) for form in there]),
        *((plain(metric), [_quality(record, form, metric) for form in there]) for metric in metrics),
    ]
    measured = [
        ("time", [told.times(reading.time_ratio(record, form)) for form in there]),
        ("memory", [told.memory(form) for form in there]),
    ]
    measured = [(name, cells) for name, cells in measured if {*cells[1:]} - {told.NOTHING}]
    numbers = [0, 2, 3, *range(len(columns), len(columns) + len(measured))]
    columns += [*measured, ("accepted", [told.standing(record, form) for form in there])]
    head, cells = zip(*columns, strict=True)
    return list(head), [list(row) for row in zip(*cells, strict=True)], numbers


def _quality(record: Record, form: Variant, metric: str) -> str:
    measure = told.measure_of(record, metric)
    text = told.number(measure, reading.value(form, metric))
    found = reading.interval(form, metric)
    return f"{text}, {told.shortly(measure, found)}" if found else text


def _reading(record: Record) -> str:
    """How the table is read."""
    metrics = reading.metrics(record)
    front = f" †: no other form is both smaller and better in {plain(metrics[0])}." if metrics else ""
    return _READING + front


def _plots(plots: Sequence[Plot] | None) -> list[str]:
    if plots is None:
        return ["## Plots", _NO_PLOTS]
    shown = [f"![{plain(plot.alt)}](plots/{plot.name}.svg)" for plot in plots]
    return ["## Plots", _SHAPES, *shown] if shown else []


def _layers(record: Record) -> list[str]:
    if not record.layers:
        return []
    left = {name for form in record.variants for name in form.excluded}
    rows = [
        [
            code(item.node, cell=True),
            plain(item.kind),
            plain(item.file),
            f"{item.loss:.4g}",
            "yes" if item.node in left else "",
        ]
        for item in record.layers[:MOST_LAYERS]
    ]
    head = ["node", "operator", "file", "loss", "left as it is in a form"]
    what = f"Measured by {plain(record.layers[0].measure)}; more is worse."
    more = len(record.layers) - len(rows)
    return ["## Which layers hurt", what, _table(head, rows, [3]), *([f"And {more:,} more nodes."] if more > 0 else [])]


def _criteria(record: Record) -> list[str]:
    asked = dict.fromkeys((item.metric, item.criterion) for form in record.variants for item in form.verdicts)
    if not asked:
        return []
    return ["## What was asked", "\n".join(f"- {plain(metric)}: {plain(criterion)}" for metric, criterion in asked)]


def _excluded(record: Record) -> list[str]:
    lines = [
        f"- {plain(form.name)}: {', '.join(code(name) for name in form.excluded)}"
        for form in record.variants
        if form.excluded
    ]
    return ["## What was left as it is", "\n".join(lines)] if lines else []


def _figures(record: Record) -> list[str]:
    """What was measured besides the main table."""
    shown = set(reading.metrics(record)[:MOST_METRICS])
    there = reading.forms(record)
    quality = [name for name in dict.fromkeys(name for form in there for name in form.metrics) if name not in shown]
    speed = list(dict.fromkeys(name for form in there for name in form.speed))
    if not quality and not speed:
        return []
    head = ["form", *map(plain, [*quality, *speed])]
    rows = [
        [
            plain(form.name),
            *(told.number(told.measure_of(record, name), form.metrics.get(name, float("nan"))) for name in quality),
            *(f"{form.speed[name]:.4g}" if name in form.speed else told.NOTHING for name in speed),
        ]
        for form in there
    ]
    return ["## Further figures", _table(head, rows, range(1, len(head)))]


def _again(record: Record) -> list[str]:
    """What somebody needs to make the same."""
    parts = ["## Files", _table(*_files(record), [3])]
    for title, facts in (
        ("Inputs", record.inputs),
        ("Machine", record.machine),
        ("Versions", record.versions),
    ):
        parts += [f"## {title}", _facts(facts)] if facts else []
    parts += ["## Commands", block("\n".join(record.commands), "sh")] if record.commands else []
    parts += ["## The recipe", block(record.recipe, "toml")] if record.recipe else []
    return parts


def _files(record: Record) -> tuple[list[str], list[list[str]]]:
    head = ["form", "file", "made by", "bytes", "sha256", "tensors"]
    rows = [
        [
            plain(form.name),
            code(file.name, cell=True),
            plain(form.method),
            f"{file.bytes:,}",
            code(file.sha256, cell=True),
            code(file.tensors_sha256, cell=True) if file.tensors_sha256 else "",
        ]
        for form in reading.forms(record)
        for file in form.files.values()
    ]
    return head, rows


def _facts(facts: Mapping[str, str]) -> str:
    return "\n".join(f"- {plain(name)}: {code(value)}" for name, value in facts.items())
