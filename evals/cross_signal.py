"""Cross-signal reasoning: questions over scenarios, judged; beside it one prompt with everything, and an ablation."""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from edge_assistant.core.errors import UsageError
from edge_assistant_quantize import arguments
from edge_assistant_quantize.datasets.scenarios import ScenarioJob, jobs, load
from evals import record
from evals.results import EVERYTHING, Results, ScenarioResult, figures, progress, show, to_json
from evals.warm import Product, WarmAssistant
from evals.ways import Ablation, BaselinePrompt, BaselineWay, Command, Way

NAME = "cross-signal"
HELP = "questions over scenarios: status, answer and citations, by domain and by type"
BASELINE_QUESTIONS = 60

EXAMPLES = """examples:
  edge-assistant bench cross-signal scenarios --out results.jsonl      again, it goes on where it was
  edge-assistant bench cross-signal scenarios --gold --baseline
  edge-assistant bench cross-signal scenarios --gold --record docs/measured.csv --first-sight
  edge-assistant bench cross-signal scenarios --only 'receipt-*' --command "edge-assistant ask"

DIR holds scenarios as docs/scenarios.md describes them."""


def configure(parser: argparse.ArgumentParser) -> None:
    """The folder, which questions of it, and who answers."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = EXAMPLES
    parser.add_argument("folder", type=Path, metavar="DIR", help="a folder of scenarios")
    which = parser.add_argument_group("which questions")
    which.add_argument("--only", metavar="GLOB", help="of scenarios with such a name, as 'receipt-*'")
    which.add_argument("--limit", type=arguments.count, metavar="N", help="the first N")
    which.add_argument("--sample", type=arguments.count, metavar="N", help="N of them, drawn by the seed")
    which.add_argument("--seed", type=int, default=0, metavar="S", help="of samples (0)")
    how = parser.add_argument_group("how they are answered")
    how.add_argument("--profile", metavar="NAME", help="which models")
    how.add_argument("--domain", metavar="F", help="words of a domain, as for 'ask'")
    how.add_argument("--gold", action="store_true", help="gold evidence of evidence.json instead of perception")
    how.add_argument("--command", metavar="C", help="by a command, cold for each question, as 'edge-assistant ask'")
    how.add_argument("--timeout", type=float, default=300.0, metavar="S", help="seconds for each with --command (300)")
    how.add_argument("--baseline", action="store_true", help="also by baseline-prompt and by the ablation")
    how.add_argument(
        "--baseline-questions",
        type=arguments.count,
        default=BASELINE_QUESTIONS,
        metavar="N",
        help=f"that these get, drawn by the seed ({BASELINE_QUESTIONS})",
    )
    parser.add_argument("--out", type=Path, metavar="F", help="keep each result as it comes; a second run goes on")
    parser.add_argument("--record", type=Path, metavar="F", help="append the figures to a record, one row a run")
    parser.add_argument("--first-sight", action="store_true", help="record that nobody has read a failure of this set")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(args: argparse.Namespace) -> int:
    """Ask, judge and print; 0, however many are right.

    Raises:
        UsageError: options that exclude each other, or a file of results of another run.
        InputError: there are no scenarios, or one is malformed.
        ModelError: a model is missing or corrupt.
    """
    if args.gold and args.command:
        raise UsageError("--gold cannot be handed to a command", "leave one of --gold and --command out")
    scenarios = load(args.folder, args.only)
    with_gold = [scenario for scenario in scenarios if args.gold and scenario.gold()]  # read before hours of work
    if args.gold and not with_gold:
        raise UsageError(f"no scenario of {args.folder.name} has gold evidence", "leave --gold out")
    asked = draw(jobs(scenarios, args.limit), args.sample, args.seed)
    fewer = draw(asked, args.baseline_questions, args.seed)
    profile, domain = args.profile or args.settings.profile, args.domain or args.settings.domain
    settings = {"profile": profile, "domain": domain, "gold": args.gold, "command": None}
    if args.command:
        settings = {"profile": None, "domain": None, "gold": False, "command": args.command}
    done: dict[str, list[ScenarioResult]] = {}
    commit = record.commit() if args.record else ""  # of the code that answers, which is loaded now
    with Results(args.out, settings) as results:
        try:
            for way in _ways(args, profile, domain):
                done[way.name] = _answer_all(way, asked if way.name == EVERYTHING else fewer, results)
        except KeyboardInterrupt:
            if args.out:
                print(f"{results.kept} results are kept in {args.out.name}; it goes on from there", file=sys.stderr)
            raise
    if args.record:
        reasoning = "command" if args.command else "reading"
        how = {
            "commit": commit,
            "reasoning": reasoning,
            "profile": str(profile),
            "gold": args.gold,
            "first": args.first_sight,
        }
        record.add(args.record, done[EVERYTHING], args.folder, **how)
    summary = _summary(args, settings, done)
    if args.json:
        print(json.dumps(summary, ensure_ascii=False))
    else:
        show(summary, done[EVERYTHING])
    return 0


def _ways(args: argparse.Namespace, profile: str, domain: str | None) -> list[Way]:
    """Who answers, the product first."""
    from edge_assistant.reasoning.rules.domain import load as vocabulary_of
    from edge_assistant_models.portfolio import Portfolio

    if args.command and not args.baseline:
        return [Command(args.command, args.timeout)]
    assistant = WarmAssistant(Portfolio(), profile, vocabulary=vocabulary_of(domain) if domain else None)
    assistant.start()
    product = Command(args.command, args.timeout) if args.command else Product(assistant, gold=args.gold)
    if not args.baseline:
        return [product]
    return [product, *(BaselineWay(plain, assistant, gold=args.gold) for plain in (Ablation(), BaselinePrompt()))]


def _answer_all(way: Way, asked: Sequence[ScenarioJob], results: Results) -> list[ScenarioResult]:
    """Every question answered in one way, or found among the results of an earlier run."""
    done: list[ScenarioResult] = []
    began, answered, correct = time.perf_counter(), 0, 0
    for number, job in enumerate(asked, 1):
        result = results.find(job, way.name)
        if result is None:
            result = ScenarioResult.of(job, way.name, way.answer(job))
            results.add(result)
            answered += 1
        done.append(result)
        correct += result.judged.correct
        if answered:
            left = (time.perf_counter() - began) / answered * (len(asked) - number)
            progress(result, number, len(asked), correct, left, sys.stderr)
    return done


def draw(found: Sequence[ScenarioJob], sample: int | None, seed: int) -> list[ScenarioJob]:
    """A sample of questions in their own order; all of them where it is None or they are no more."""
    if sample is None or sample >= len(found):
        return list(found)
    return [found[i] for i in sorted(random.Random(seed).sample(range(len(found)), sample))]  # noqa: S311 - no secret


def _summary(
    args: argparse.Namespace, settings: dict[str, Any], done: dict[str, list[ScenarioResult]]
) -> dict[str, Any]:
    """All that is printed, as `--json` prints it; the ways side by side on the questions that all of them got."""
    common = set.intersection(*({result.job.key for result in results} for results in done.values()))
    shared = {way: [result for result in results if result.job.key in common] for way, results in done.items()}
    product = done[EVERYTHING]
    return {
        "scenarios": len({result.job.scenario.id for result in product}),
        "questions": len(product),
        **settings,
        "seed": args.seed,
        "seconds_include_perception": not args.gold,
        EVERYTHING: figures(product),
        "side_by_side": {way: figures(results) for way, results in shared.items()} if len(done) > 1 else None,
        "wrong": [to_json(result) for result in product if not result.judged.correct],
        "ungrounded": [to_json(result) for result in product if result.reply.ungrounded],
    }
