"""The verbs `compare`, `sensitivity` and `layers`: how models differ, as wholes and node by node."""

from __future__ import annotations

import argparse
import json
import math
import statistics
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from edge_assistant.core.signals import printable
from edge_assistant_quantize import arguments, progress
from edge_assistant_quantize.cli import inputs
from edge_assistant_quantize.cli.verb import option, verb
from edge_assistant_quantize.errors import UsageError
from edge_assistant_quantize.onnx import options

if TYPE_CHECKING:
    from edge_assistant_quantize.candidate import Candidate
    from edge_assistant_quantize.record import Measured
    from edge_assistant_quantize.report.comparison import Side

_SPEED = "how fast both are: in turn over the first --data; of .gguf files, which need none, the tokens written"
_TOP = 20


@verb(
    "compare",
    "put two models side by side: files, precision, and what was measured",
    """  edge-quantize compare smollm2-f16.gguf smollm2-q4.gguf
  edge-quantize compare nanodet nanodet-int8.onnx --metric presence --data photos --output pages
  edge-quantize compare out/first out/second""",
    option("one", metavar="A", help="what a run wrote, a folder, a file or a name of the catalog"),
    option("other", metavar="B", help="the same, of the other"),
    option("--metric", action="append", default=[], metavar="M", help="measure both now; repeatable"),
    option("--speed", action="store_true", help=_SPEED),
    option("--output", type=Path, metavar="DIR", help="write a page into this folder, too"),
    inputs.add_measurement,
)
def compare(args: argparse.Namespace) -> int:
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
    sides = _side(args.one, models[0]), _side(args.other, models[1])
    with progress.shown() as watch:
        measured = _measured(*models, args, watch) if args.metric else {}
        speed = _speed(*models, args, watch, llama=llama) if args.speed else None
    compared = comparison.Comparison(*sides, measured, speed)
    rows = comparison.rows(compared)
    if args.json:
        keys = ("what", "one", "other", "relation")
        print(json.dumps([dict(zip(keys, row, strict=True)) for row in rows], ensure_ascii=False))
    else:
        inputs.show([("", compared.one.name, compared.other.name, ""), *rows])
        print(printable(comparison.sentence(compared)))
    if args.output:
        page.save(args.output, comparison.title(compared), comparison.markdown(compared, rows), [])
        if not args.json:
            print(printable(f"page: {args.output / page.HTML}"))
    return 0


def _found(named: str, beside: str | None, args: argparse.Namespace) -> Candidate:
    """A model, or the accepted one of a run; a lone .onnx file beside a whole model takes that one's other files."""
    from edge_assistant_quantize.publish import judgement

    def place(named: str) -> str:
        return str(judgement.find(Path(named))) if Path(named).exists() else named

    whole = beside is not None and Path(beside).suffix not in {".onnx", ".gguf"}
    return inputs.models(place(named), place(beside) if beside and whole else None, args)[0]


def _side(named: str, model: Candidate) -> Side:
    """A model with its form in the record beside it."""
    from edge_assistant_quantize.publish import judgement
    from edge_assistant_quantize.report import precision
    from edge_assistant_quantize.report.comparison import Side

    path = Path(named)
    record = judgement.record_of(judgement.find(path)) if path.exists() else None
    form = None if record is None else judgement.form_of(model, record)
    name = path.name if path.exists() else model.name
    precisions = precision.of_files(model.paths.values())
    return Side(name, model.paths, model.sums(), precisions, form, record if form else None)


def _measured(
    one: Candidate, other: Candidate, args: argparse.Namespace, watch: progress.Watch
) -> dict[str, tuple[Measured, Measured]]:
    """Results of both by name; the first is the reference of relative metrics."""
    from edge_assistant_quantize.acceptance import accept, looks

    data, runtime = inputs.by_metric(args.metric, args.data), inputs.runtime(args)
    of_one, of_other = (accept.measure(each, one, data, runtime, watch) for each in (one, other))
    for model, results in ((one, of_one), (other, of_other)):
        looks.seen(model.sums(), results)
    return {name: (of_one[name], of_other[name]) for name in of_other if name in of_one}


def _speed(one: Candidate, other: Candidate, args: argparse.Namespace, watch: progress.Watch, *, llama: bool) -> float:
    """The other's time over the one's, item by item in turn, so that other work on the machine slows both alike."""
    from edge_assistant_quantize.gguf import speed as gguf
    from edge_assistant_quantize.recipes import speed

    threads = arguments.threads(args)
    if llama:
        return gguf.ratio(*(gguf.measure(m.paths[speed.MODEL], threads=threads, watch=watch) for m in (one, other)))
    data = speed.few(inputs.parsed(args.data[0]))
    times = speed.in_turn(one.installed(), other.installed(), one.role, data, threads)
    return statistics.median(taken / first for first, taken in times)


@verb(
    "sensitivity",
    "rank the nodes of an ONNX model by what quantizing each costs",
    """  edge-quantize sensitivity model.onnx --method static-int8 --calibration photos --of nanodet
  edge-quantize sensitivity encoder.onnx --method int4-weights --calibration spoken --of whisper-base --key encoder""",
    option("model", type=Path, metavar="MODEL", help="an .onnx file"),
    option("--method", required=True, metavar="METHOD", help=options.TYPES),
    options.add_calibration,
    options.add_method_options,
    arguments.add_threads,
    arguments.add_json,
)
def sensitivity(args: argparse.Namespace) -> int:
    """Print the nodes, worst first; 0."""
    import msgspec

    from edge_assistant_quantize.onnx import sensitivity

    if args.calibration is None:
        raise UsageError("nothing says what the outputs are compared over", "name it: --calibration DIR")
    chosen, threads = options.method_options(args), arguments.threads(args)
    with progress.shown() as watch:
        data = options.calibrated(args, args.model, watch)
        layers = sensitivity.rank(
            args.model, args.method, calibration=data, threads=threads, watch=watch, options=chosen
        )
    if args.json:
        print(json.dumps({"method": args.method, "layers": msgspec.to_builtins(layers)}))
        return 0
    print(f"{'noise, dB':>9}  {'operator':<12}node")
    for layer in layers:
        print(printable(f"{layer.loss:>9.1f}  {layer.kind:<12}{layer.node}"))
    return 0


@verb(
    "layers",
    "compare what two ONNX models compute, value by value",
    """  edge-quantize layers model.onnx int8.onnx --data photos --of nanodet
  edge-quantize layers model.onnx int8.onnx --data texts.txt --of minilm-l6 --by-place --json""",
    option("reference", type=Path, metavar="A.onnx", help="the model as it should be"),
    option("candidate", type=Path, metavar="B.onnx", help="what was made from it"),
    lambda parser: options.add_calibration(parser, "--data"),
    option("--by-place", action="store_true", help="in the order of the graph, and not the worst first"),
    option("--top", type=int, default=_TOP, metavar="N", help=f"values to print (default: {_TOP}); 0: all"),
    arguments.add_threads,
    arguments.add_json,
)
def layers(args: argparse.Namespace) -> int:
    """Print the differences; 0."""
    from edge_assistant_quantize.onnx import layers

    if args.calibration is None:
        raise UsageError("nothing says what the models are run over", "name it: --data DIR")
    with progress.shown() as watch:
        calibration = options.calibrated(args, args.reference, watch)
        feeds = list(calibration.feeds[: layers.FEEDS]) if calibration else []
        found = layers.compare(args.reference, args.candidate, feeds, threads=arguments.threads(args), watch=watch)
    shown = found[: args.top] if args.top > 0 else found
    if args.by_place:
        shown = sorted(shown, key=lambda item: item.place)
    if args.json:
        print(json.dumps({"layers": [_finite(asdict(item)) for item in shown]}))
        return 0
    print(f"{'SNR, dB':>8} {'rel. L2':>9} {'max. abs.':>10} {'cosine':>8}  {'operator':<12}value")
    for item in shown:
        figures = f"{item.snr_db:>8.1f} {item.relative_l2:>9.2g} {item.max_abs:>10.3g} {item.cosine:>8.5f}"
        print(printable(f"{figures}  {item.kind:<12}{item.value}"))
    return 0


def _finite(item: dict[str, object]) -> dict[str, object]:
    """The same with null for what is infinite, as JSON has no such number."""
    return {
        key: None if isinstance(value, float) and not math.isfinite(value) else value for key, value in item.items()
    }
