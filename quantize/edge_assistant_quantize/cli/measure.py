"""The verbs `metrics`, `evaluate` and `accept`."""

from __future__ import annotations

import argparse
import json
import textwrap
from collections.abc import Sequence
from pathlib import Path

import msgspec

from edge_assistant.core.signals import printable
from edge_assistant_models.entries import ROLES
from edge_assistant_quantize import arguments, progress
from edge_assistant_quantize.acceptance.pairs import PairedCounts, counts
from edge_assistant_quantize.arguments import option, verb
from edge_assistant_quantize.cli import inputs
from edge_assistant_quantize.errors import UsageError
from edge_assistant_quantize.metrics.metric import Metric, all_metrics, metric
from edge_assistant_quantize.recipes import judging, measurements, recipe
from edge_assistant_quantize.recipes.recipe import Measurement, Recipe
from edge_assistant_quantize.recipes.step import Form
from edge_assistant_quantize.record import AcceptanceLook, Measured
from edge_assistant_quantize.report import text

_REFERENCE = "what it is compared with where a metric compares; a lone .onnx file takes its other files"
_LOST_SHOWN = 5  # items that only the reference has right


@verb(
    "metrics",
    "list what models are measured by, by role, or say what one metric takes and gives",
    """  edge-quantize metrics
  edge-quantize metrics cross-signal""",
    option("name", nargs="?", metavar="NAME", help="of a metric or result"),
)
def metrics(args: argparse.Namespace) -> int:
    """Print every metric with what it gives, or one with its floors, margins and keys; 0."""
    if args.name is not None:
        _show_metric(metric(args.name))
        return 0
    for role in ROLES:
        own = [each for each in all_metrics().values() if role in each.roles]
        if own:
            print(role)
        for each in own:
            against = " (against --reference)" if each.relative else ""
            print(f"  {', '.join(each.gives)}{against}\n{_folded(each.description)}")
    return 0


def _folded(text: str) -> str:
    return textwrap.fill(text, 100, initial_indent=" " * 6, subsequent_indent=" " * 6)


def _show_metric(found: Metric) -> None:
    print(f"{found.name}, of {', '.join(sorted(found.roles))}\n{_folded(found.description)}")
    for name, of in found.gives.items():
        decides = f"decides from {of.least} independent items on" if of.least else "decides nothing by itself"
        margin = f"'within_interval' allows {of.margin:g} worse, " if of.margin else ""
        print(f"  {name}: a working model reaches {of.floor:g}, {margin}{decides}")
    print("  keys of its data:")
    inputs.show([(f"    {key}", line) for key, line in found.keys.items()])


@verb(
    "evaluate",
    "measure a model over data",
    """  edge-quantize evaluate whisper-base --metric wer --data recordings
  edge-quantize evaluate nanodet-int8.onnx --reference nanodet --metric presence --data photos
  edge-quantize evaluate pp-ocrv6-small --metric cer --metric fields --data count=25,seed=0
  edge-quantize evaluate mine --reference minilm-l6-int8 --metric cosine --data texts.txt

MODEL is a folder with candidate.toml, a .gguf or .onnx file, or a model of the catalog. 'edge-quantize metrics' lists
what it can be measured by, and 'edge-quantize metrics NAME' the keys of --data. An evaluation counts as a look at its
data, so look for a good model with other data than will accept it.""",
    option("model", metavar="MODEL", help="a folder, a file or a name of the catalog"),
    option("--metric", action="append", required=True, metavar="M", help="may be given several times"),
    option("--reference", metavar="R", help=_REFERENCE),
    *inputs.MEASUREMENT,
)
def evaluate(args: argparse.Namespace) -> int:
    """Measure, count the look and print; 0."""
    model, reference = inputs.models(args.model, args.reference, args)
    asked = inputs.asked(args, model.role, [Measurement(name, name) for name in args.metric])
    recipe.check(asked)
    form, *others = (Form.of(each) for each in (model, reference) if each is not None)
    for name in args.metric if reference is None else ():
        if metric(name).relative:
            raise UsageError(f"{name} compares with a reference", "name one: --reference MODEL")
    threads = arguments.threads(args)
    with progress.shown() as watch, measurements.measuring(asked, threads, watch) as job:
        results = measurements.evaluated(job, model.name, form, others[0] if others else None)
    if args.json:
        measured = {name: _facts(result) for name, result in results.items()}
        print(json.dumps({"model": model.name, "threads": threads, "metrics": measured}))
        return 0
    rows = []
    for result in results.values():
        details = ", ".join(f"{name} {value:.4g}" for name, value in result.details.items())
        rows.append((result.metric, f"{result.value:z.4f}", str(len(result.items)), details))
    inputs.show([("metric", "value", "items", ""), *rows])
    return 0


def _facts(result: Measured) -> dict[str, object]:
    facts = {"value": result.value, "items": len(result.items), "lower_is_better": result.lower_is_better}
    return {**facts, "unit": result.unit, "details": dict(result.details)}


@verb(
    "accept",
    "decide by measurement whether a model may stand for another",
    """  edge-quantize accept whisper-int8 --reference whisper-base --metric "wer at_most_worse=0.005" --data recordings
  edge-quantize accept nanodet-int8.onnx --reference nanodet --data photos \\
      --metric "presence within_interval" --metric "precision within_interval"
  edge-quantize accept mine --reference minilm-l6-int8 --metric "cosine at_least=0.99" --data texts.txt --record out

a criterion is one of at_most_worse=X, within_interval (at most the metric's own margin worse), at_least=X and
at_most=X, decided by the end of the interval over at least 20 independent items; every look counts, and later ones at
the same data have wider intervals; exit status: 0 accepted, 1 not""",
    option("candidate", metavar="CANDIDATE", help="a folder, a file or a name of the catalog"),
    option("--reference", required=True, metavar="R", help="what it would stand for"),
    option("--metric", action="append", required=True, metavar="M", help='with its criterion: "wer at_most=0.1"'),
    option("--record", type=Path, metavar="DIR", help="write record and report there, a folder for each model"),
    inputs.SPEED,
    *inputs.MEASUREMENT,
)
def accept(args: argparse.Namespace) -> int:
    """Measure both and decide; 0 where every criterion holds, else 1."""
    candidate, reference = inputs.models(args.candidate, args.reference, args)
    assert reference is not None
    asked = _asked(args, candidate.role)
    if args.record:
        judging.former(args.record, candidate.sums(), reference.sums())  # refused before anything is measured
    threads, command = arguments.threads(args), printable(arguments.command())
    with progress.shown() as watch:
        found = judging.judge(asked, candidate, reference, threads=threads, watch=watch, command=command)
    if args.record:
        judging.write(found, args.record)
    (form,), (look,) = found.variants, found.looks
    pairs = _pairs([verdict.metric for verdict in form.verdicts], look)
    if args.json:
        facts = {"candidate": candidate.name, "reference": reference.name, "accepted": form.accepted}
        numbers = {"looks": look.numbers, "reference_counts": look.reference.sound or "by its floor"}
        paired = {name: counted.to_json() for name, counted in pairs.items()}
        print(json.dumps({**facts, **numbers, "verdicts": msgspec.to_builtins(form.verdicts), "pairs": paired}))
        return 0 if form.accepted else 1
    for verdict in form.verdicts:
        decided = "accepted" if verdict.accepted else "not accepted"
        said = text.verdict(found.measures[verdict.metric], verdict)
        print(printable(f"{decided}: {said}, {verdict.interval.n if verdict.interval else 0} independent items"))
    for name, counted in pairs.items():
        _show_pairs(name, counted)
    if (earlier := max(look.numbers.values()) - 1) > 0:
        print(f"looks before this one that shared items with its data, for a decision or an evaluation: {earlier}")
        print(
            "each is a chance more to err, so it widens the interval of the next; data without these items begins anew"
        )
    print(f"{candidate.name} is {'' if form.accepted else 'not '}accepted in place of {reference.name}")
    return 0 if form.accepted else 1


def _pairs(names: Sequence[str], look: AcceptanceLook) -> dict[str, PairedCounts]:
    """Pairs by metric, of what both were measured by and is right or wrong item by item."""
    both = (name for name in names if name in look.of_candidate and name in look.of_reference)
    found = {name: counts(look.of_candidate[name], look.of_reference[name]) for name in both}
    return {name: counted for name, counted in found.items() if counted is not None}


def _show_pairs(name: str, counted: PairedCounts) -> None:
    lost, won = len(counted.lost), len(counted.won)
    cells = f"both right {counted.both}, lost {lost}, won {won}, both wrong {counted.neither}"
    print(f"{name} by items: {cells}; p {counted.p:.2g} (McNemar's exact test)")
    for item in counted.lost[:_LOST_SHOWN]:
        print(f"  lost: {printable(item)}")
    if lost > _LOST_SHOWN:
        print(f"  and {lost - _LOST_SHOWN} more, see --json")


def _asked(args: argparse.Namespace, role: str) -> Recipe:
    found = [Measurement.of(each) for each in args.metric]
    if without := next((each.metric for each in found if each.criterion is None), None):
        raise UsageError(f"'{without}' has no criterion", f'say it: --metric "{without} within_interval"')
    return inputs.asked(args, role, found)
