"""The verbs `metrics`, `evaluate` and `accept`."""

from __future__ import annotations

import argparse
import contextlib
import json
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from edge_assistant.core.signals import printable
from edge_assistant_quantize import arguments, progress
from edge_assistant_quantize.cli import accepted_record, inputs
from edge_assistant_quantize.cli.verb import option, verb
from edge_assistant_quantize.errors import UsageError

if TYPE_CHECKING:
    from edge_assistant_quantize.acceptance.accept import DataOf
    from edge_assistant_quantize.acceptance.pairs import PairedCounts
    from edge_assistant_quantize.metrics.metric import Metric
    from edge_assistant_quantize.record import Criterion, Measured

_REFERENCE = "what it is compared with where a metric compares; a lone .onnx file takes its other files"
_LOST_SHOWN = 5  # items that only the reference has right


@verb(
    "metrics",
    "list what models are measured by, by role, or say what one metric takes and gives",
    """  edge-quantize metrics
  edge-quantize metrics cross-signal""",
    option("name", nargs="?", metavar="NAME", help="of a metric or result"),
    arguments.add_json,
)
def metrics(args: argparse.Namespace) -> int:
    """Print every metric with what it gives, or one with its floors, margins and keys; 0."""
    from edge_assistant_models.entries import ROLES
    from edge_assistant_quantize.metrics.metric import all_metrics, metric

    found = all_metrics() if args.name is None else {(one := metric(args.name)).name: one}
    if args.json:
        facts = {
            name: {
                "gives": list(each.gives),
                "roles": sorted(each.roles),
                "description": each.description,
                "relative": each.relative,
                "keys": dict(each.keys),
            }
            for name, each in found.items()
        }
        print(json.dumps(facts))
        return 0
    if args.name is not None:
        _show_metric(metric(args.name))
        return 0
    for role in ROLES:
        own = [each for each in found.values() if role in each.roles]
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
    inputs.add_measurement,
)
def evaluate(args: argparse.Namespace) -> int:
    """Measure, count the look and print; 0."""
    from edge_assistant_quantize.acceptance import looks
    from edge_assistant_quantize.acceptance.accept import measure
    from edge_assistant_quantize.record import ModelSums

    data = inputs.by_metric(args.metric, args.data)
    model, reference = inputs.models(args.model, args.reference, args)
    runtime = inputs.runtime(args)
    with progress.shown() as watch, contextlib.ExitStack() as stack:
        (one, sums), *others = (stack.enter_context(each.held()) for each in (model, reference) if each is not None)
        results = measure(one, others[0][0] if others else None, data, runtime, watch)
        looks.seen(ModelSums(model.name, sums, model.options), results)
    if args.json:
        measured = {name: _facts(result) for name, result in results.items()}
        print(json.dumps({"model": model.name, "threads": runtime.threads, "metrics": measured}))
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


def _add_criteria(parser: argparse.ArgumentParser) -> None:
    asked = parser.add_mutually_exclusive_group(required=True)
    asked.add_argument(
        "--metric", action="append", default=[], metavar="M", help='with its criterion: "wer at_most=0.1"'
    )
    asked.add_argument(
        "--recipe", metavar="F", help="a recipe whose metrics have criteria; its data, or --data NAME=PATH"
    )


@verb(
    "accept",
    "decide by measurement whether a model may stand for another",
    """  edge-quantize accept whisper-int8 --reference whisper-base --metric "wer at_most_worse=0.005" --data recordings
  edge-quantize accept nanodet-int8.onnx --reference nanodet --data photos \\
      --metric "presence within_interval" --metric "precision within_interval"
  edge-quantize accept mine --reference minilm-l6-int8 --metric "cosine at_least=0.99" --data texts.txt --record out
  edge-quantize accept mine --reference whisper-base --recipe whisper.toml

a criterion is one of at_most_worse=X, within_interval (at most the metric's own margin worse), at_least=X and
at_most=X, decided by the end of the interval over at least 20 independent items; every look counts, and later ones at
the same data have wider intervals; exit status: 0 accepted, 1 not""",
    option("candidate", metavar="CANDIDATE", help="a folder, a file or a name of the catalog"),
    option("--reference", required=True, metavar="R", help="what it would stand for"),
    _add_criteria,
    option("--record", type=Path, metavar="DIR", help="write record and report there, beside models accepted before"),
    inputs.add_speed,
    inputs.add_measurement,
)
def accept(args: argparse.Namespace) -> int:
    """Measure both and decide; 0 where every criterion holds, else 1."""
    from edge_assistant_quantize.acceptance import accept
    from edge_assistant_quantize.report import text

    recipe, criteria, data = _of_recipe(args.recipe, args.data) if args.recipe else _of_words(args.metric, args.data)
    accept.check(criteria)
    candidate, reference = inputs.models(args.candidate, args.reference, args)
    assert reference is not None
    if args.record:
        accepted_record.former(args.record, reference.sums(), candidate.role)  # refused before anything is measured
    runtime = inputs.runtime(args)
    with progress.shown() as watch:
        found = accept.decide(candidate, reference, criteria, data, runtime, watch)
        speeds = inputs.speeds((reference, candidate), args, watch) if args.speed else ()
    if args.record:
        accepted_record.write(accepted_record.record(candidate, reference, found, recipe, speeds), args.record)
    pairs = _pairs([verdict.metric for verdict in found.verdicts], found.results, found.of_reference)
    if args.json:
        import msgspec

        facts = {"candidate": candidate.name, "reference": reference.name, "accepted": found.accepted}
        look = {"looks": found.look.numbers, "reference_counts": found.look.reference.sound or "by its floor"}
        paired = {name: counted.to_json() for name, counted in pairs.items()}
        print(json.dumps({**facts, **look, "verdicts": msgspec.to_builtins(found.verdicts), "pairs": paired}))
        return 0 if found.accepted else 1
    for verdict in found.verdicts:
        decided = "accepted" if verdict.accepted else "not accepted"
        said = text.verdict(found.results[verdict.metric].measure, verdict)
        print(printable(f"{decided}: {said}, {verdict.interval.n if verdict.interval else 0} independent items"))
    for name, counted in pairs.items():
        _show_pairs(name, counted)
    if (earlier := max(found.look.numbers.values()) - 1) > 0:
        print(f"looks before this one that shared items with its data, for a decision or an evaluation: {earlier}")
        print(
            "each is a chance more to err, so it widens the interval of the next; data without these items begins anew"
        )
    print(f"{candidate.name} is {'' if found.accepted else 'not '}accepted in place of {reference.name}")
    return 0 if found.accepted else 1


def _pairs(
    names: Sequence[str], results: Mapping[str, Measured], of_reference: Mapping[str, Measured]
) -> dict[str, PairedCounts]:
    """Pairs by metric, of what both were measured by and is right or wrong item by item."""
    from edge_assistant_quantize.acceptance.pairs import counts

    both = (name for name in names if name in results and name in of_reference)
    found = {name: counts(results[name], of_reference[name]) for name in both}
    return {name: counted for name, counted in found.items() if counted is not None}


def _show_pairs(name: str, counted: PairedCounts) -> None:
    lost, won = len(counted.lost), len(counted.won)
    cells = f"both right {counted.both}, lost {lost}, won {won}, both wrong {counted.neither}"
    print(f"{name} by items: {cells}; p {counted.p:.2g} (McNemar's exact test)")
    for item in counted.lost[:_LOST_SHOWN]:
        print(f"  lost: {printable(item)}")
    if lost > _LOST_SHOWN:
        print(f"  and {lost - _LOST_SHOWN} more, see --json")


def _of_words(words: Sequence[str], data: Sequence[str]) -> tuple[str, list[Criterion], DataOf]:
    from edge_assistant_quantize.acceptance.criteria import from_words

    found = [from_words(each) for each in words]
    without = [name for name, criterion in found if criterion is None]
    if without:
        raise UsageError(f"'{without[0]}' has no criterion", f'say it: --metric "{without[0]} within_interval"')
    given = inputs.by_metric([name for name, _ in found], data)
    return "", [criterion for _, criterion in found if criterion], given


def _of_recipe(named: str, data: Sequence[str]) -> tuple[str, list[Criterion], DataOf]:
    """The text of a recipe, its criteria, and the data sets that its metrics name."""
    from edge_assistant_quantize.recipes.loading import load

    given = {name: {"path": path} for name, _, path in (each.partition("=") for each in data)}
    recipe = load(named, {"data": given} if given else None)
    if not recipe.criteria:
        raise UsageError(f"{recipe.name} has no criteria", "name them: --metric")
    decided = [each for each in recipe.metrics if each.criterion]
    for each in decided:
        if each.data not in recipe.data:
            what = f"{recipe.name}: '{each.metric}' is measured on '{each.data}', which is not given"
            raise UsageError(what, f"say where it is: --data {each.data}=PATH")
    return recipe.text, recipe.criteria, {each.metric: recipe.data[each.data] for each in decided}
