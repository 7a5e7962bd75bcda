"""The verbs `compare`, `sensitivity` and `layers`: how models differ, as wholes and node by node."""

from __future__ import annotations

import argparse
import dataclasses
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec
from msgspec.structs import replace

from edge_assistant.core.signals import printable
from edge_assistant_quantize import arguments, progress
from edge_assistant_quantize.acceptance.intervals import interval
from edge_assistant_quantize.arguments import option, verb
from edge_assistant_quantize.candidate import Candidate
from edge_assistant_quantize.cli import inputs
from edge_assistant_quantize.errors import UsageError
from edge_assistant_quantize.metrics.metric import figures, metric
from edge_assistant_quantize.onnx import options
from edge_assistant_quantize.publish import judgement
from edge_assistant_quantize.recipes import measurements, recipe, speed
from edge_assistant_quantize.recipes.engine import RecipeRun
from edge_assistant_quantize.recipes.step import Form
from edge_assistant_quantize.record import Measure, Measured, Record, Variant
from edge_assistant_quantize.report import forms, page, precision, text
from edge_assistant_quantize.report.forms import ReportedForm
from edge_assistant_quantize.report.page import ReportPage

_TOP = 20


@verb(
    "compare",
    "put models of one role side by side: size, precision, and what was measured",
    """  edge-quantize compare smollm2-f16.gguf smollm2-q5.gguf smollm2-q4.gguf
  edge-quantize compare nanodet nanodet-int8.onnx --metric presence --data photos --speed --output page.html
  edge-quantize compare out/first out/second --reference whisper-base

What is not measured now comes from the records beside the models. A difference has an interval where both were measured
over the same items. Exit status: 0 compared, whatever came of it; 2 models of several roles, or a wrong option; 3 to 6
what could not be read, run or written""",
    option("models", nargs="+", metavar="MODEL", help="what a run wrote, a folder, a file or a name of the catalog"),
    option("--reference", metavar="R", help="what the others are compared with (default: the first)"),
    option("--metric", action="append", default=[], metavar="M", help="measure all now; repeatable"),
    inputs.SPEED,
    option("--output", type=Path, metavar="F.html", help="write a page with plots, too"),
    *inputs.MEASUREMENT,
)
def compare(args: argparse.Namespace) -> int:
    """Compare and print a table; 0."""
    named = _named(args)
    models = [_found(each, named[0] if place else None, args) for place, each in enumerate(named)]
    if other := next((model for model in models if model.role != models[0].role), None):
        what = f"{models[0].name} is of the role {models[0].role}, and {other.name} of {other.role}"
        raise UsageError(what, "compare models of one role")
    with progress.shown() as watch:
        made = _page(named, models, *_measured(models, args, watch))
    if args.output:
        made.write(args.output)
    if args.json:
        print(msgspec.json.encode(made.to_json()).decode())
        return 0
    head, rows = page.table(made.forms, made.record.measures, forms.metrics(made.record))
    inputs.show([head, *rows])
    print(printable(made.lead))
    if args.output:
        print(printable(f"page: {args.output}"))
    return 0


def _named(args: argparse.Namespace) -> list[str]:
    """The models, the reference first, after all checks that need no model."""
    named = list(args.models)
    if args.reference in named:
        named.remove(args.reference)
    named = [args.reference, *named] if args.reference else named
    if len(named) < 2:
        raise UsageError("only one model is named", "name others to compare it with")
    if args.data and not (args.metric or args.speed):
        raise UsageError("--data stands with --metric or --speed", "say what is measured: see 'edge-quantize metrics'")
    if args.metric and not args.data:
        raise UsageError("nothing says what they are measured over", "name it: --data, see docs/quantize.md")
    if args.output and args.output.suffix != ".html":
        raise UsageError(f"{args.output.name} is no page", "name a file for it: --output page.html")
    if args.output:
        arguments.check_output(args.output)
    return named


def _found(named: str, beside: str | None, args: argparse.Namespace) -> Candidate:
    """A model, or the accepted one of a run; a lone .onnx file beside a whole model takes that one's other files."""

    def place(named: str) -> str:
        return str(judgement.find(Path(named))) if Path(named).exists() else named

    whole = beside is not None and Path(beside).suffix not in {".onnx", ".gguf"}
    return inputs.models(place(named), place(beside) if beside and whole else None, args)[0]


def _measured(
    models: Sequence[Candidate], args: argparse.Namespace, watch: progress.Watch
) -> tuple[Record, list[Mapping[str, Measured]]]:
    """A record that nobody keeps, of a recipe of no steps, and the results of each model, the reference first."""
    if args.speed and not args.data and not all(speed.is_llama(model.paths) for model in models):
        raise UsageError("nothing says what they are measured over", "name it: --data, see docs/quantize.md")
    first, *others = (Form.of(model) for model in models)
    forms = {str(place): form for place, form in enumerate(others, 1)}
    asked = inputs.asked(args, first.role, [recipe.Measurement(name, name) for name in args.metric], *forms)
    recipe.check(asked)
    with measurements.measuring(asked, arguments.threads(args), watch) as job:
        work = RecipeRun(job, first)
        found = replace(work.record(forms), commands=[printable(arguments.command())])
    return found, [work.results[name] for name in ("", *forms)]


def _page(
    named: Sequence[str], models: Sequence[Candidate], record: Record, measured: Sequence[Mapping[str, Measured]]
) -> ReportPage:
    """The models on a page; what was not measured now comes from the records beside them."""
    measures: dict[str, Measure] = {}
    there: list[ReportedForm] = []
    own = record.reference, *record.variants
    for place, (name, model, form, now) in enumerate(zip(named, models, own, measured, strict=True)):
        known, recorded = _recorded(name, model, form.sums, record.reference.sums)
        measures |= recorded
        within = {key: each for key, each in known.intervals.items() if key not in now}
        for key, each in now.items():
            compares, other = not metric(key).relative, measured[0].get(key)
            alike = other is not None and (each.items, each.clusters) == (other.items, other.clusters)
            if place and (alike or not compares):
                within[key] = interval(each, other if compares else None), compares
        speed = form if form.speed else known.form
        shown = replace(
            known.form,
            name=name,
            files=form.files,
            metrics={**figures(now), **known.form.metrics, **figures(now)},
            verdicts=[],
            speed=speed.speed,
            peak_mib=speed.peak_mib,
        )
        state = known.state if place else forms.FormState.REFERENCE
        time = form.speed.get("ratio", known.time)
        there.append(forms.ReportedForm(shown, state, time, within, precision.of_files(model.paths.values())))
    old = ", ".join(sorted(measures.keys() - record.measures.keys()))
    measures |= record.measures
    first, *others = (each.form for each in there)
    record = replace(record, reference=first, variants=others, measures=measures)
    lead = text.decision(record) + f" From records, maybe over other data: {old}." * bool(old)
    there = forms.timed(there)
    return page.ReportPage(f"{len(there)} models side by side", lead, record, there)


def _recorded(
    name: str, model: Candidate, sums: Mapping[str, str], reference: Mapping[str, str]
) -> tuple[ReportedForm, Mapping[str, Measure]]:
    """What the records beside a model say of it, and how its metrics are read; differences only to this reference."""
    beside = judgement.records_of(judgement.find(Path(name))) if Path(name).exists() else []
    for record in beside:
        if form := judgement.form_of(model, record, sums):
            known = forms.of_form(record, form)
            alike = record.reference.sums == reference
            return known if alike else dataclasses.replace(known, time=math.nan, intervals={}), record.measures
    return forms.ReportedForm(Variant(name, "", {}), forms.FormState.UNDECIDED), {}


@verb(
    "sensitivity",
    "rank the nodes of an ONNX model by what quantizing each costs",
    """  edge-quantize sensitivity model.onnx --method static-int8 --calibration photos --of nanodet
  edge-quantize sensitivity encoder.onnx --method int4-weights --calibration spoken --of whisper-base --key encoder""",
    option("model", type=Path, metavar="MODEL", help="an .onnx file"),
    option("--method", required=True, metavar="METHOD", help=options.TYPES),
    *options.calibration_options(),
    *options.METHOD,
    arguments.THREADS,
    arguments.JSON,
)
def sensitivity(args: argparse.Namespace) -> int:
    """Print the nodes, worst first; 0."""
    from edge_assistant_quantize.onnx import layers

    method = options.method(args, args.method)
    with progress.shown() as watch:
        found = layers.rank(args.model, method, options.calibration(args, args.model, watch))
    if args.json:
        print(json.dumps({"method": args.method, "layers": msgspec.to_builtins(found)}))
        return 0
    print(f"{'noise, dB':>9}  {'operator':<12}node")
    for layer in found:
        print(printable(f"{layer.loss:>9.1f}  {layer.kind:<12}{layer.node}"))
    return 0


@verb(
    "layers",
    "compare what two ONNX models compute, value by value",
    """  edge-quantize layers model.onnx int8.onnx --data photos --of nanodet
  edge-quantize layers model.onnx int8.onnx --data texts.txt --of minilm-l6-f32 --json""",
    option("reference", type=Path, metavar="A.onnx", help="the model as it should be"),
    option("candidate", type=Path, metavar="B.onnx", help="what was made from it"),
    *options.calibration_options("--data"),
    option("--top", type=int, default=_TOP, metavar="N", help=f"values to print (default: {_TOP}); 0: all"),
    arguments.THREADS,
    arguments.JSON,
)
def layers(args: argparse.Namespace) -> int:
    """Print the differences; 0."""
    from edge_assistant_quantize.onnx import layers

    with progress.shown() as watch:
        found = layers.compare(args.reference, args.candidate, options.calibration(args, args.reference, watch))
    shown = found[: args.top] if args.top > 0 else found
    if args.json:
        print(msgspec.json.encode({"layers": shown}).decode())  # what is infinite is null there
        return 0
    print(f"{'SNR, dB':>8}  {'operator':<12}value")
    for item in shown:
        print(printable(f"{item.snr_db:>8.1f}  {item.kind:<12}{item.value}"))
    return 0
