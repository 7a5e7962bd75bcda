"""The verbs `compare`, `sensitivity` and `layers`: how models differ, as wholes and node by node."""

from __future__ import annotations

import argparse
from pathlib import Path

from msgspec.structs import replace

from edge_assistant.core.signals import printable
from edge_assistant_quantize import arguments
from edge_assistant_quantize.acceptance.intervals import interval
from edge_assistant_quantize.arguments import VerbResult, option, verb
from edge_assistant_quantize.candidate import Candidate
from edge_assistant_quantize.cli import inputs
from edge_assistant_quantize.errors import UsageError
from edge_assistant_quantize.metrics.metric import metric
from edge_assistant_quantize.onnx import options
from edge_assistant_quantize.recipes import measurements, recipe, speed
from edge_assistant_quantize.recipes.engine import RecipeRun
from edge_assistant_quantize.recipes.step import Form
from edge_assistant_quantize.report import forms, precision, text
from edge_assistant_quantize.report.forms import FormState, ReportedForm
from edge_assistant_quantize.report.page import ReportPage

_SHOWN = 20  # values in which two models differ most; JSON has all


@verb(
    "compare",
    "put models of one role side by side: size, precision, and what is measured now",
    """  edge-quantize compare smollm2-f16.gguf smollm2-q5.gguf smollm2-q4.gguf
  edge-quantize compare nanodet nanodet-int8.onnx --metric presence --data photos --speed --output page.html
  edge-quantize compare whisper-base out/first out/second

All are measured over the same items, which gives each difference an interval. Exit status: 0 compared, whatever came of
it; 2 models of several roles, or a wrong option; 3 to 6 what could not be read, run or written""",
    option(
        "models",
        nargs="+",
        metavar="MODEL",
        help="what a run wrote, a folder, a file or a name; first the reference",
    ),
    option("--metric", action="append", default=[], metavar="M", help="measure all; repeatable"),
    inputs.SPEED,
    option("--output", type=Path, metavar="F.html", help="write a page with plots, too"),
    *inputs.MEASUREMENT,
)
def compare(args: argparse.Namespace) -> VerbResult:
    """Measure models side by side."""
    _check(args)
    models = [inputs.models(each, args.models[0] if place else None, args)[0] for place, each in enumerate(args.models)]
    if other := next((model for model in models if model.role != models[0].role), None):
        what = f"{models[0].name} is of the role {models[0].role}, and {other.name} of {other.role}"
        raise UsageError(what, "compare models of one role")
    made = _page(args, models)
    if args.output:
        made.write(args.output)
    head, rows = made.table(forms.metrics(made.record))
    written = [f"page: {args.output}"] if args.output else []
    return VerbResult([*inputs.columns([head, *rows]), made.lead, *written], made)


def _check(args: argparse.Namespace) -> None:
    """Refuse what needs no model to be refused."""
    if len(args.models) < 2:
        raise UsageError("only one model is named", "name others to compare it with")
    if args.data and not (args.metric or args.speed):
        raise UsageError("--data stands with --metric or --speed", "say what is measured: see 'edge-quantize metrics'")
    if args.output and args.output.suffix != ".html":
        raise UsageError(f"{args.output.name} is no page", "name a file for it: --output page.html")
    if args.output:
        arguments.check_output(args.output)


def _page(args: argparse.Namespace, models: list[Candidate]) -> ReportPage:
    """The models on a page, the reference first, from a record that nobody keeps, of a recipe of no steps."""
    if args.speed and not args.data and not all(speed.is_llama(model.paths) for model in models):
        raise UsageError("nothing says what they are measured over", "name it: --data, see docs/quantize.md")
    first, *others = (Form.of(model) for model in models)
    numbered = {str(place): form for place, form in enumerate(others, 1)}
    wanted = [recipe.Measurement(name, name) for name in args.metric]
    asked = inputs.asked(args, first.role, wanted, *numbered)
    recipe.check(asked)
    with measurements.measuring(asked, args.threads, args.watch) as job:
        work = RecipeRun(job, first)
        record = work.record(numbered)
    compared = []
    for place, (name, form) in enumerate(zip(args.models, (record.reference, *record.variants), strict=True)):
        within = {}
        for key, each in work.results[str(place)].items() if place else ():
            compares, other = not metric(key).relative, work.results[""].get(key)
            if not compares or (other and (each.items, each.clusters) == (other.items, other.clusters)):
                within[key] = interval(each, other if compares else None), compares
        state = FormState.UNDECIDED if place else FormState.REFERENCE
        weights = precision.of_files(models[place].paths.values())
        compared.append(ReportedForm(replace(form, name=printable(name)), state, within, weights))
    reference, *variants = (each.form for each in compared)
    record = replace(record, reference=reference, variants=variants, commands=[arguments.command()])
    return ReportPage(f"{len(compared)} models side by side", text.decision(record), record, compared)


@verb(
    "sensitivity",
    "rank the nodes of an ONNX model by what quantizing each costs",
    """  edge-quantize sensitivity model.onnx --method static-int8 --calibration photos --of nanodet
  edge-quantize sensitivity encoder.onnx --method int4-weights --calibration spoken --of whisper-base --key encoder""",
    option("model", type=Path, metavar="MODEL", help="an .onnx file"),
    option("--method", required=True, metavar="METHOD", help=options.TYPES),
    *options.calibration_options(required=True),
    *options.METHOD,
    arguments.THREADS,
    arguments.JSON,
)
def sensitivity(args: argparse.Namespace) -> VerbResult:
    """Rank the nodes, worst first."""
    from edge_assistant_quantize.onnx import layers

    method = options.method(args, args.method)
    found = layers.rank(args.model, method, options.calibration(args, args.model, args.watch))
    rows = [f"{layer.loss:>9.1f}  {layer.kind:<12}{layer.node}" for layer in found]
    facts = {"method": args.method, "layers": found}
    return VerbResult([f"{'noise, dB':>9}  {'operator':<12}node", *rows], facts)


@verb(
    "layers",
    "compare what two ONNX models compute, value by value, the largest differences first",
    """  edge-quantize layers model.onnx int8.onnx --data photos --of nanodet
  edge-quantize layers model.onnx int8.onnx --data texts.txt --of minilm-l6-f32 --json""",
    option("reference", type=Path, metavar="A.onnx", help="the model as it should be"),
    option("candidate", type=Path, metavar="B.onnx", help="what was made from it"),
    *options.calibration_options("--data", required=True),
    arguments.THREADS,
    arguments.JSON,
)
def layers(args: argparse.Namespace) -> VerbResult:
    """Compare value by value."""
    from edge_assistant_quantize.onnx import layers

    found = layers.compare(args.reference, args.candidate, options.calibration(args, args.reference, args.watch))
    rows = [f"{item.snr_db:>8.1f}  {item.kind:<12}{item.value}" for item in found[:_SHOWN]]
    return VerbResult([f"{'SNR, dB':>8}  {'operator':<12}value", *rows], {"layers": found})
