"""`edge-quantize accept`: whether a model may stand for another."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from edge_assistant_quantize import progress
from edge_assistant_quantize.cli import _measuring, _recording
from edge_assistant_quantize.errors import UsageError

if TYPE_CHECKING:
    from edge_assistant_quantize.acceptance.accept import DataOf
    from edge_assistant_quantize.acceptance.criteria import Criterion
    from edge_assistant_quantize.record import Verdict

NAME = "accept"
HELP = "decide by measurement whether a model may stand for another"

EXAMPLES = """examples:
  edge-quantize accept whisper-int8 --reference whisper-base --metric "wer at_most_worse=0.005" --data recordings
  edge-quantize accept nanodet-int8.onnx --reference nanodet --data photos \\
      --metric "presence within_interval" --metric "precision within_interval"
  edge-quantize accept mine --reference minilm-l6-int8 --metric "cosine at_least=0.99" --data texts.txt --record out
  edge-quantize accept mine --reference whisper-base --recipe whisper.toml

a criterion is one of at_most_worse=X (with by=interval: by the end of the interval, too), within_interval, at_least=X
and at_most=X; exit status: 0 accepted, 1 not"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Both models, the criteria and the data."""
    parser.add_argument("candidate", metavar="CANDIDATE", help="a folder, a file or a name of the catalog")
    parser.add_argument("--reference", required=True, metavar="R", help="what it would stand for")
    asked = parser.add_mutually_exclusive_group(required=True)
    asked.add_argument(
        "--metric", action="append", default=[], metavar="M", help='with its criterion: "wer at_most=0.1"'
    )
    asked.add_argument(
        "--recipe", metavar="F", help="a recipe whose metrics have criteria; its data, or --data NAME=PATH"
    )
    parser.add_argument(
        "--record", type=Path, metavar="DIR", help="write record and report there, beside models accepted before"
    )
    _measuring.configure(parser)


def run(args: argparse.Namespace) -> int:
    """Measure both and decide; 0 where every criterion holds, else 1."""
    from edge_assistant_quantize.acceptance import accept

    recipe, criteria, data = _of_recipe(args.recipe, args.data) if args.recipe else _of_words(args.metric, args.data)
    accept.check(criteria)
    candidate, reference = _measuring.models(args.candidate, args.reference, args)
    assert reference is not None
    runtime = _measuring.runtime(args)
    with progress.shown() as watch:
        of_reference = accept.measure_reference(reference, data, runtime, watch)
        results = accept.measure(candidate, reference, data, runtime, watch)
    verdicts = accept.judge(criteria, results, of_reference)
    if args.record:
        forms = _recording.variant(candidate, results, verdicts), _recording.variant(reference, of_reference)
        _recording.write(_recording.record(*forms, candidate.role, data, results, recipe), args.record)
    accepted = all(verdict.accepted for verdict in verdicts)
    if args.json:
        import msgspec

        facts = {"candidate": candidate.name, "reference": reference.name, "accepted": accepted}
        print(json.dumps({**facts, "verdicts": msgspec.to_builtins(verdicts)}))
    else:
        _measuring.show([_HEAD, *(_row(verdict) for verdict in verdicts)])
        print(f"{candidate.name} is {'' if accepted else 'not '}accepted in place of {reference.name}")
    return 0 if accepted else 1


def _of_words(words: Sequence[str], data: Sequence[str]) -> tuple[str, list[Criterion], DataOf]:
    from edge_assistant_quantize.acceptance.criteria import from_words

    found = [from_words(each) for each in words]
    without = [name for name, criterion in found if criterion is None]
    if without:
        raise UsageError(f"'{without[0]}' has no criterion", f'say it: --metric "{without[0]} within_interval"')
    given = _measuring.by_metric([name for name, _ in found], data)
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


_HEAD = ("metric", "candidate", "reference", "difference", "interval", "criterion", "verdict")


def _row(verdict: Verdict) -> tuple[str, ...]:
    interval = verdict.interval
    return (
        verdict.metric,
        f"{verdict.value:z.4f}",
        "-" if verdict.reference is None else f"{verdict.reference:.4f}",
        "-" if interval is None else f"{interval.difference:+z.4f}",
        "-" if interval is None else f"{interval.low:+z.4f} to {interval.high:+z.4f} ({interval.level:.0%})",
        verdict.criterion,
        "accepted" if verdict.accepted else "not accepted",
    )
