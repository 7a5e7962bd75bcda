"""The verbs `publish` and `unpublish`: an accepted model into the user's own catalog and store, and out of it."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from edge_assistant.cli import terminal
from edge_assistant.core.signals import printable
from edge_assistant_models.transfer import mebibytes
from edge_assistant_quantize.arguments import VerbResult, count, option, verb
from edge_assistant_quantize.cli import inputs
from edge_assistant_quantize.errors import UsageError
from edge_assistant_quantize.onnx import graphs
from edge_assistant_quantize.publish import card, judgement, places
from edge_assistant_quantize.publish import publish as catalog
from edge_assistant_quantize.publish.description import EntryDescription


@verb(
    "publish",
    "write an accepted model into your catalog, so that the product uses it",
    """  edge-quantize publish out/nanodet --yes
  edge-quantize publish out/smollm2/accepted --name smollm2-q4 --licence Apache-2.0 \\
      --licence-url https://www.apache.org/licenses/LICENSE-2.0 \\
      --home https://huggingface.co/HuggingFaceTB/SmolLM2-135M-Instruct \\
      --family chatml --context 8192 --profile starter
  edge-quantize publish smollm2-q4.gguf --record accepted --profile none

exit status: 0 published, 1 not accepted or not confirmed, 2 something is missing or the name is taken""",
    option("model", type=Path, metavar="DIR|F", help="what a run wrote, a form in it, or a .gguf or .onnx"),
    option("--record", type=Path, action="append", default=[], metavar="DIR", help="its records (default: beside it)"),
    option("--reference", metavar="R", help="the model whose other files a lone .onnx file takes"),
    *inputs.LONE_FILE,
    option("--name", default="", metavar="N", help="in the catalog (default: its own)"),
    option("--licence", default="", metavar="SPDX", help="such as Apache-2.0"),
    option("--licence-url", default="", metavar="U", help="where the licence stands"),
    option("--home", default="", metavar="U", help="the official page of the model"),
    option("--description", default="", metavar="T", help="one line"),
    option("--data-licence", default="", metavar="T", help="of the data that it was measured on, for the card"),
    option("--family", default="", metavar="F", help="chat template of a language model: chatml, ..."),
    option("--context", type=count, metavar="N", help="tokens of a language model"),
    option("--memory-mib", type=count, metavar="N", help="what it needs (default: as measured, or estimated)"),
    option("--profile", action="append", metavar="P", help="comes first in it; repeatable; none (default)"),
    option("--signer", default="", metavar="KEY", help="another machine whose record counts: 'audit key' there"),
    option("--unaccepted", default="", metavar="REASON", help="publish what was not accepted, and why"),
    option("--replace", action="store_true", help="replace what is published under this name"),
    option("--yes", action="store_true", help="do not ask"),
    option("--json", action="store_true", help="print one JSON object; needs --yes"),
)
def publish(args: argparse.Namespace) -> VerbResult:
    """Say what will be published, ask, and publish it; the status is 1 if that was not confirmed."""
    if not args.yes and (args.json or not terminal.asks()):
        raise UsageError("nobody can be asked whether this may be published", "confirm on the command line: --yes")
    model, _ = inputs.models(str(args.model), args.reference, args)
    for path in model.paths.values():
        graphs.check_one_file(path)  # no sum covers others
    named = [each for path in args.record for each in judgement.records_at(path)]
    found = judgement.judge(model, named or judgement.records_of(args.model), args.signer)
    planned = catalog.plan(model, found, _said(args), unaccepted=args.unaccepted.strip(), replace=args.replace)
    entry = planned.entry
    first = f"first for {entry.role} in {', '.join(entry.profiles)}" if entry.profiles else "in no profile"
    reason = planned.judged.unaccepted
    if not args.yes:
        shown = [f"{entry.name}: {entry.role}, {mebibytes(entry.bytes)}, {entry.licence}", f"  {entry.description}"]
        shown += [f"  NOT ACCEPTED: {reason}"] if reason else []
        shown += [f"  {said}" for each in planned.judged.looks for said in card.told(each)]
        print(*map(printable, [*shown, f"  {first}"]), sep="\n", file=sys.stderr)
        if not terminal.agrees("Publish it?"):
            return VerbResult(["nothing was published"], status=1)
    catalog.publish(planned, args.watch, replace=args.replace)
    facts = {
        "name": entry.name,
        "role": entry.role,
        "bytes": entry.bytes,
        "accepted": not reason,
        "profiles": entry.profiles,
        "entry": str(places.entry_file(entry.name)),
        "folder": str(places.kept(entry.name)),
        "card": str(places.kept(entry.name) / card.FILE),
    }
    published = f"published: {entry.name}, {first}{f', NOT ACCEPTED: {reason}' if reason else ''}"
    where = f"its card: {facts['card']}; in short: edge-assistant models info {entry.name}"
    return VerbResult([published, where], facts)


def _said(args: argparse.Namespace) -> EntryDescription:
    profiles = args.profile
    if profiles and "none" in profiles and len(profiles) > 1:
        raise UsageError("--profile none stands with another profile", "give one of them")
    chosen = None if profiles is None else tuple(name for name in profiles if name != "none")
    names = set(EntryDescription.__struct_fields__) - {"profiles"}
    return EntryDescription(**{name: getattr(args, name) for name in names}, profiles=chosen)


@verb(
    "unpublish",
    "take a published model out of your catalog, with its files and record",
    """  edge-quantize unpublish smollm2-q4
  edge-quantize unpublish smollm2-q4 --yes""",
    option("name", metavar="NAME"),
    option("--yes", action="store_true", help="do not ask"),
)
def unpublish(args: argparse.Namespace) -> VerbResult:
    """Ask, and take it away; the status is 1 where that was not confirmed."""
    if not args.yes and not terminal.asks():
        raise UsageError("nobody can be asked whether this may go", "confirm on the command line: --yes")
    if not args.yes and not terminal.agrees(f"Take {args.name} away, with its files and record?"):
        return VerbResult(["nothing was taken away"], status=1)
    catalog.unpublish(args.name)
    return VerbResult([f"taken away: {args.name}"])
