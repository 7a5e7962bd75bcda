"""The verbs `metrics`, `evaluate` and `accept`."""

from __future__ import annotations

import argparse
import textwrap
from pathlib import Path

from edge_assistant_models.entries import ROLES
from edge_assistant_quantize import arguments
from edge_assistant_quantize.acceptance.pairs import PairedCounts, counts
from edge_assistant_quantize.arguments import VerbResult, option, verb
from edge_assistant_quantize.cli import inputs
from edge_assistant_quantize.errors import UsageError
from edge_assistant_quantize.metrics.metric import Metric, all_metrics, metric
from edge_assistant_quantize.recipes import judging, measurements, recipe
from edge_assistant_quantize.recipes.recipe import Measurement
from edge_assistant_quantize.recipes.step import Form
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
def metrics(args: argparse.Namespace) -> VerbResult:
    """Every metric with what it gives, or one with its floors, margins and keys."""
    if args.name is not None:
        return VerbResult(_of_metric(metric(args.name)))
    listed = []
    for role in ROLES:
        own = [each for each in all_metrics().values() if role in each.roles]
        listed += [role] if own else []
        for each in own:
            against = " (against --reference)" if each.relative else ""
            listed += [f"  {', '.join(each.gives)}{against}", *_folded(each.description)]
    return VerbResult(listed)


def _folded(text: str) -> list[str]:
    return textwrap.wrap(text, 100, initial_indent=" " * 6, subsequent_indent=" " * 6)


def _of_metric(found: Metric) -> list[str]:
    said = [f"{found.name}, of {', '.join(sorted(found.roles))}", *_folded(found.description)]
    for name, of in found.gives.items():
        decides = f"decides from {of.least} independent items on" if of.least else "decides nothing by itself"
        margin = f"'within_interval' allows {of.margin:g} worse, " if of.margin else ""
        said.append(f"  {name}: a working model reaches {of.floor:g}, {margin}{decides}")
    keys = inputs.columns([(f"    {key}", line) for key, line in found.keys.items()])
    return [*said, "  keys of its data:", *keys]


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
def evaluate(args: argparse.Namespace) -> VerbResult:
    """Measure, and count the look."""
    model, reference = inputs.models(args.model, args.reference, args)
    asked = inputs.asked(args, model.role, [Measurement(name, name) for name in args.metric])
    recipe.check(asked)
    form, other = Form.of(model), None if reference is None else Form.of(reference)
    if reference is None and (name := next((name for name in args.metric if metric(name).relative), None)):
        raise UsageError(f"{name} compares with a reference", "name one: --reference MODEL")
    with measurements.measuring(asked, args.threads, args.watch) as job:
        results = measurements.evaluated(job, model.name, form, other)
    rows, measured = [("metric", "value", "items", "")], {}
    for name, found in results.items():
        details = ", ".join(f"{name} {value:.4g}" for name, value in found.details.items())
        rows.append((name, f"{found.value:z.4f}", str(len(found.items)), details))
        facts = {"value": found.value, "items": len(found.items), "lower_is_better": found.lower_is_better}
        measured[name] = {**facts, "unit": found.unit, "details": found.details}
    return VerbResult(inputs.columns(rows), {"model": model.name, "threads": args.threads, "metrics": measured})


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
def accept(args: argparse.Namespace) -> VerbResult:
    """Measure both and decide; the status is 0 where every criterion holds, else 1."""
    candidate, reference = inputs.models(args.candidate, args.reference, args)
    assert reference is not None
    wanted = [Measurement.of(each) for each in args.metric]
    if without := next((each.metric for each in wanted if each.criterion is None), None):
        raise UsageError(f"'{without}' has no criterion", f'say it: --metric "{without} within_interval"')
    asked = inputs.asked(args, candidate.role, wanted)
    if args.record:
        judging.former(args.record, candidate.sums(), reference.sums())  # refused before anything is measured
    how = {"threads": args.threads, "watch": args.watch, "command": arguments.command()}
    found = judging.judge(asked, candidate, reference, **how)
    if args.record:
        judging.write(found, args.record)
    (form,), (look,) = found.variants, found.looks
    said, pairs = [], {}
    for verdict in form.verdicts:
        decided = "accepted" if verdict.accepted else "not accepted"
        items = verdict.interval.n if verdict.interval else 0
        said.append(f"{decided}: {text.verdict(found.measures[verdict.metric], verdict)}, {items} independent items")
        own, other = (results.get(verdict.metric) for results in (look.of_candidate, look.of_reference))
        if own and other and (counted := counts(own, other)):
            pairs[verdict.metric] = counted
    said += [line for name, counted in pairs.items() for line in _of_pairs(name, counted)]
    if (earlier := max(look.numbers.values()) - 1) > 0:
        said.append(f"looks before this one that shared items with its data, for a decision or not: {earlier}")
        said.append("each widens the interval of the next; data without these items begins anew")
    said.append(f"{candidate.name} is {'' if form.accepted else 'not '}accepted in place of {reference.name}")
    facts = {
        "candidate": candidate.name,
        "reference": reference.name,
        "accepted": form.accepted,
        "looks": look.numbers,
        "reference_counts": look.reference.sound or "by its floor",
        "verdicts": form.verdicts,
        "pairs": {name: counted.to_json() for name, counted in pairs.items()},
    }
    return VerbResult(said, facts, 0 if form.accepted else 1)


def _of_pairs(name: str, counted: PairedCounts) -> list[str]:
    lost, won = len(counted.lost), len(counted.won)
    cells = f"both right {counted.both}, lost {lost}, won {won}, both wrong {counted.neither}"
    said = [f"{name} by items: {cells}; p {counted.p:.2g} (McNemar's exact test)"]
    said += [f"  lost: {item}" for item in counted.lost[:_LOST_SHOWN]]
    return said + [f"  and {lost - _LOST_SHOWN} more, see --json"] * (lost > _LOST_SHOWN)
