"""Speed: each part of the product against a baseline, alternating in one run; medians, spreads and what is promised."""

from __future__ import annotations

import argparse
import importlib.util
import json
import statistics
import sys
import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge_assistant.cli import given
from edge_assistant.core.errors import UsageError
from edge_assistant.core.signals import Kind
from edge_assistant_quantize import arguments

if TYPE_CHECKING:
    from evals.speed.comparison import Comparison
    from evals.speed.report import Report
    from evals.speed.rows import Row

NAME = "speed"
HELP = "each part against a baseline in the same run: a question, speech, writing, decoding, memory"

EXAMPLES = """examples:
  edge-assistant bench speed --image examples/clinic/form.jpg --audio examples/clinic/note.wav
  edge-assistant bench speed --all --out speed.json --plot speed.svg
  edge-assistant bench speed --part page --part decode --quick --compare speed.json

Without --part it is the cold question over the signals that are given. docs/speed.md says what each part measures."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Which parts, over what, how often, and where the figures go."""
    from evals.speed.part import QUESTION, QUICK_REPEATS, REPEATS, parts

    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    found = parts()
    listed = "\n".join(f"  {name:10} {part.HELP}" for name, part in found.items())
    parser.epilog = f"parts:\n{listed}\n\n{EXAMPLES}"
    which = parser.add_argument_group("what is measured")
    which.add_argument("--part", action="append", choices=list(found), help="one of the parts below, repeatable")
    which.add_argument("--all", action="store_true", help="every part; what one needs and is not there leaves it out")
    which.add_argument("--quick", action="store_true", help="fewer and smaller things, for a first look")
    which.add_argument("--question", default=QUESTION, metavar="Q", help=f"what is asked ({QUESTION!r})")
    which.add_argument("--profile", metavar="NAME", help="which models")
    which.add_argument(
        "--repeats", type=arguments.count, metavar="N", help=f"runs of each ({REPEATS}, quick {QUICK_REPEATS})"
    )
    which.add_argument(
        "--speech", type=Path, metavar="DIR", help="recordings *.wav with *.txt, not spoken ones of ours"
    )
    where = parser.add_argument_group("where the figures go")
    where.add_argument("--out", type=Path, metavar="F", help="keep them as they come; a run that broke off goes on")
    where.add_argument("--compare", type=Path, metavar="F", help="against an earlier --out; 1 where a part got worse")
    where.add_argument("--plot", type=Path, metavar="F", help="draw them: F.png or F.svg")
    where.add_argument("--json", action="store_true", help="print one JSON object")
    given.configure(parser)


def run(args: argparse.Namespace) -> int:
    """Measure and print; 0, or 1 where a part got worse than in the run that it is compared with.

    Raises:
        UsageError: no signal is given, what a part needs is not installed, or a file is not what it should be.
        ModelError: a model is missing.
        StorageFull: the figures cannot be kept.
    """
    from evals.speed import comparison, report, runner

    signals = tuple((kind, path) for kind, path in args.given if kind is not Kind.VIDEO)
    if not signals and not args.part and not args.all:
        raise UsageError("no signal is given", "give some, such as --image examples/clinic/form.jpg, or take --all")
    earlier = report.load(args.compare) if args.compare else None
    plot = _plot(args.plot)
    with tempfile.TemporaryDirectory() as folder:
        measured = runner.run(args, signals, Path(folder))
    compared = comparison.compare(earlier.rows, measured.rows) if earlier else None
    differs = report.differences(earlier, measured) if earlier else []
    if plot is not None:
        plot(measured.rows)
    if measured.warning:
        print(f"warning: {measured.warning}", file=sys.stderr)
    for line in differs:
        print(f"warning: the two runs differ: {line}", file=sys.stderr)
    if args.json:
        print(json.dumps(_told(args, measured, compared, differs)))
    else:
        lines = (
            report.measured_table(measured)
            if compared is None
            else [*report.measured_table(measured), "", *report.comparison_table(compared)]
        )
        print("\n".join(lines))
    return int(any(one.change is comparison.Change.WORSE for one in compared or ()))


def _told(
    args: argparse.Namespace, measured: Report, compared: Sequence[Comparison] | None, differs: Sequence[str]
) -> dict[str, Any]:
    """What `--json` prints: the whole run, and of the cold question what it has always told."""
    told = {
        "question": args.question,
        "repeats": measured.settings["repeats"],
        **_question(measured),
        **measured.to_json(),
    }
    if compared is not None:
        told["compared"] = [
            {"name": one.name, "before": one.before, "now": one.now, "noise": one.noise, "change": str(one.change)}
            for one in compared
        ]
        told["differs"] = list(differs)
    return told


def _question(measured: Report) -> dict[str, Any]:
    """Ratio, medians and peaks of the cold question; nothing where it was not measured."""
    rows = {row.name: row for row in measured.rows}
    time, memory = rows.get("question.time"), rows.get("question.memory")
    if time is None:
        return {}
    seconds = statistics.median(time.ours), statistics.median(time.theirs)
    peaks = (max(memory.ours), max(memory.theirs)) if memory else (0.0, 0.0)
    names = ("product", "baseline")
    both = {name: {"seconds": s, "peak_mib": p} for name, s, p in zip(names, seconds, peaks, strict=True)}
    return {"ratio": seconds[0] / seconds[1], **both}


def _plot(path: Path | None) -> Callable[[Sequence[Row]], None] | None:
    """What draws into a file; looked at before minutes of work.

    Raises:
        UsageError: matplotlib is not installed, or the file's name tells no form that is drawn.
    """
    if path is None:
        return None
    if path.suffix not in (".png", ".svg"):
        raise UsageError(f"{path.name} is no PNG or SVG", "let its name end with .png or .svg")
    if importlib.util.find_spec("matplotlib") is None:
        raise UsageError("matplotlib is not installed", "install it: pip install 'edge-assistant-offline[bench]'")
    from evals.speed import plots

    return partial(plots.draw, path)
