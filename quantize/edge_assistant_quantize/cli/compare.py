"""`edge-quantize compare`: two models side by side."""

from __future__ import annotations

import argparse
import json
import statistics
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from edge_assistant.core.signals import printable
from edge_assistant_quantize import arguments, progress
from edge_assistant_quantize.cli import _measuring
from edge_assistant_quantize.errors import UsageError

if TYPE_CHECKING:
    from edge_assistant_quantize.candidate import Candidate
    from edge_assistant_quantize.report.comparison import Comparison, Side

NAME = "compare"
HELP = "put two models side by side: files, precision, and what was measured"

SPEED = "how fast both are: in turn over the first --data; of .gguf files, which need none, the tokens written"

EXAMPLES = """examples:
  edge-quantize compare smollm2-f16.gguf smollm2-q4.gguf
  edge-quantize compare nanodet nanodet-int8.onnx --metric presence --data photos --output pages
  edge-quantize compare out/first out/second"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Two models and what to measure of both."""
    parser.add_argument("one", metavar="A", help="what a run wrote, a folder, a file or a name of the catalog")
    parser.add_argument("other", metavar="B", help="the same, of the other")
    parser.add_argument("--metric", action="append", default=[], metavar="M", help="measure both now; repeatable")
    parser.add_argument("--speed", action="store_true", help=SPEED)
    parser.add_argument("--output", type=Path, metavar="DIR", help="write a page into this folder, too")
    _measuring.configure(parser)


def run(args: argparse.Namespace) -> int:
    """Compare and print a table; 0."""
    from edge_assistant_quantize.recipes.speed import is_llama
    from edge_assistant_quantize.report import comparison, page

    if args.data and not (args.metric or args.speed):
        raise UsageError("--data stands with --metric or --speed", "say what is measured: see 'edge-quantize metrics'")
    arguments.check_folder(args.output)
    models = _found(args.one, None, args), _found(args.other, args.one, args)
    llama = all(is_llama(model.paths) for model in models)
    if not args.data and (args.metric or (args.speed and not llama)):
        raise UsageError("nothing says what both are measured over", "name it: --data, see docs/quantize.md")
    compared = comparison.Comparison(_side(args.one, models[0]), _side(args.other, models[1]))
    with progress.shown() as watch:
        if args.metric:
            compared = _measured(compared, *models, args, watch)
        if args.speed:
            compared = replace(compared, speed=_speed(*models, args, watch, llama=llama))
    rows = comparison.rows(compared)
    if args.json:
        keys = ("what", "one", "other", "relation")
        print(json.dumps([dict(zip(keys, row, strict=True)) for row in rows], ensure_ascii=False))
    else:
        _measuring.show([("", compared.one.name, compared.other.name, ""), *rows])
        print(printable(comparison.sentence(compared)))
    if args.output:
        page.save(args.output, comparison.title(compared), comparison.markdown(compared), [])
        if not args.json:
            print(printable(f"page: {args.output / page.HTML}"))
    return 0


def _found(named: str, beside: str | None, args: argparse.Namespace) -> Candidate:
    """A model, or the accepted one of a run; a lone .onnx file beside a whole model takes that one's other files."""
    from edge_assistant_quantize.publish import judged

    def place(named: str) -> str:
        return str(judged.find(Path(named))) if Path(named).exists() else named

    whole = beside is not None and Path(beside).suffix not in {".onnx", ".gguf"}
    return _measuring.models(place(named), place(beside) if beside and whole else None, args)[0]


def _side(named: str, model: Candidate) -> Side:
    """A model with its form in the record beside it."""
    from edge_assistant_quantize.publish import judged
    from edge_assistant_quantize.report import precision
    from edge_assistant_quantize.report.comparison import Side

    path = Path(named)
    record = judged.record_of(judged.find(path)) if path.exists() else None
    form = None if record is None else judged.form_of(model, record)
    name = path.name if path.exists() else model.name
    precisions = precision.of_files(model.paths.values())
    return Side(name, model.paths, model.sums(), precisions, form, record if form else None)


def _measured(
    compared: Comparison, one: Candidate, other: Candidate, args: argparse.Namespace, watch: progress.Watch
) -> Comparison:
    """Measure both; the first is the reference of relative metrics."""
    from edge_assistant_quantize.acceptance import accept
    from edge_assistant_quantize.acceptance.bootstrap import interval
    from edge_assistant_quantize.record import Measure

    data, runtime = _measuring.by_metric(args.metric, args.data), _measuring.runtime(args)
    of_one = accept.measure(one, one, data, runtime, watch)
    of_other = accept.measure(other, one, data, runtime, watch)
    both = [name for name in of_other if name in of_one]
    return replace(
        compared,
        one=replace(compared.one, metrics={name: of_one[name].value for name in both}),
        other=replace(compared.other, metrics={name: of_other[name].value for name in both}),
        measures={name: Measure(of_other[name].lower_is_better, of_other[name].unit) for name in both},
        differences={name: interval(of_other[name], of_one[name]) for name in both},
    )


def _speed(one: Candidate, other: Candidate, args: argparse.Namespace, watch: progress.Watch, *, llama: bool) -> float:
    """The other's time over the one's, item by item in turn, so that other work on the machine slows both alike."""
    from edge_assistant_quantize.gguf import speed as gguf
    from edge_assistant_quantize.recipes import speed

    threads = arguments.threads(args)
    if llama:
        return gguf.ratio(*(gguf.measure(m.paths[speed.MODEL], threads=threads, watch=watch) for m in (one, other)))
    data = speed.few(_measuring.parsed(args.data[0]))
    times = speed.in_turn(one.installed(), other.installed(), one.role, data, threads)
    return statistics.median(taken / first for first, taken in times)
