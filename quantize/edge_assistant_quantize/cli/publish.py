"""`edge-quantize publish`: an accepted model into the user's own catalog and store."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from edge_assistant.core.signals import printable
from edge_assistant_quantize.arguments import count
from edge_assistant_quantize.cli import _measuring
from edge_assistant_quantize.errors import UsageError

if TYPE_CHECKING:
    from edge_assistant_quantize.publish.publish import Plan
    from edge_assistant_quantize.publish.said import Said

NAME = "publish"
HELP = "write an accepted model into your catalog, so that the product uses it"

EXAMPLES = """examples:
  edge-quantize publish out/nanodet --yes
  edge-quantize publish out/smollm2/accepted --name smollm2-q4 --licence Apache-2.0 \\
      --licence-url https://www.apache.org/licenses/LICENSE-2.0 \\
      --home https://huggingface.co/HuggingFaceTB/SmolLM2-135M-Instruct \\
      --family chatml --context 8192 --profile starter
  edge-quantize publish smollm2-q4.gguf --record accepted --profile none

exit status: 0 published, 1 not accepted or not confirmed, 2 something is missing or the name is taken"""


def configure(parser: argparse.ArgumentParser) -> None:
    """The options; what a recipe's table `publish` says need not be said again."""
    parser.add_argument("model", type=Path, metavar="DIR|F", help="what a run wrote, a form in it, or a .gguf or .onnx")
    parser.add_argument("--record", type=Path, metavar="DIR", help="where its record is (default: beside it)")
    parser.add_argument("--reference", metavar="R", help="the model whose other files a lone .onnx file takes")
    _measuring.add_lone_file(parser)
    parser.add_argument("--name", default="", metavar="N", help="in the catalog (default: its own)")
    parser.add_argument("--licence", default="", metavar="SPDX", help="such as Apache-2.0")
    parser.add_argument("--licence-url", default="", metavar="U", help="where the licence stands")
    parser.add_argument("--home", default="", metavar="U", help="the official page of the model")
    parser.add_argument("--description", default="", metavar="T", help="one line")
    parser.add_argument("--family", default="", metavar="F", help="chat template of a language model: chatml, ...")
    parser.add_argument("--context", type=count, metavar="N", help="tokens of a language model")
    parser.add_argument(
        "--memory-mib", type=count, metavar="N", help="what it needs (default: as measured, or estimated)"
    )
    parser.add_argument(
        "--profile", action="append", metavar="P", help="comes first in it; repeatable; none (default: of the settings)"
    )
    parser.add_argument("--unaccepted", default="", metavar="REASON", help="publish what was not accepted, and why")
    parser.add_argument("--replace", action="store_true", help="replace what is published under this name")
    parser.add_argument("--yes", action="store_true", help="do not ask")
    parser.add_argument("--json", action="store_true", help="print one JSON object; needs --yes")


def run(args: argparse.Namespace) -> int:
    """Say what will be published, ask, and publish it; 0, or 1 if that was not confirmed."""
    from edge_assistant.cli import terminal
    from edge_assistant_quantize import progress, record
    from edge_assistant_quantize.publish import judged
    from edge_assistant_quantize.publish.publish import plan, publish

    if not args.yes and (args.json or not terminal.asks()):
        raise UsageError("nobody can be asked whether this may be published", "confirm on the command line: --yes")
    folder = judged.find(args.model)
    model, _ = _measuring.models(str(folder), args.reference, args)
    measured = record.read(args.record) if args.record else judged.record_of(folder)
    found = judged.judge(model, measured, args.unaccepted.strip())
    planned = plan(model, found, _said(args), profile=args.settings.profile, replace=args.replace)
    if not args.yes:
        print(*_shown(planned), sep="\n", file=sys.stderr)
        if not terminal.agrees("Publish it?"):
            print("nothing was published", file=sys.stderr)
            return 1
    with progress.shown(plain=args.settings.plain) as watch:
        publish(planned, watch, replace=args.replace)
    if args.json:
        print(json.dumps(_facts(planned), ensure_ascii=False, indent=2))
        return 0
    print(printable(f"published: {planned.entry.name}, {_place(planned)}"))
    print(printable(f"its card: edge-assistant models info {planned.entry.name}"))
    return 0


def _said(args: argparse.Namespace) -> Said:
    from edge_assistant_quantize.publish.said import Said

    profiles = args.profile
    if profiles and "none" in profiles and len(profiles) > 1:
        raise UsageError("--profile none stands with another profile", "give one of them")
    chosen = None if profiles is None else tuple(name for name in profiles if name != "none")
    fields = ("name", "licence", "licence_url", "home", "description", "family", "context", "memory_mib")
    return Said(**{name: getattr(args, name) for name in fields}, profiles=chosen)


def _shown(planned: Plan) -> list[str]:
    """The entry for the person who is asked."""
    from edge_assistant_models.transfer import mebibytes
    from edge_assistant_quantize.report import page

    entry, found = planned.entry, planned.judged
    lines = [f"{entry.name}: {entry.role}, {mebibytes(entry.bytes)}, {entry.licence}", f"  {entry.description}"]
    if found.unaccepted:
        lines.append(f"  NOT ACCEPTED: {found.unaccepted}")
    if found.record and found.form:
        lines += [f"  {page.verdict(found.record, verdict)}" for verdict in found.form.verdicts]
    return [printable(line) for line in (*lines, f"  {_place(planned)}")]


def _place(planned: Plan) -> str:
    entry = planned.entry
    return f"first for {entry.role} in {', '.join(entry.profiles)}" if entry.profiles else "in no profile"


def _facts(planned: Plan) -> dict[str, object]:
    from edge_assistant_quantize.publish.places import Places

    entry, places = planned.entry, Places.own()
    return {
        "name": entry.name,
        "role": entry.role,
        "bytes": entry.bytes,
        "accepted": not planned.judged.unaccepted,
        "profiles": list(entry.profiles),
        "entry": str(places.entry_file(entry.name)),
        "folder": str(places.kept(entry.name)),
    }
