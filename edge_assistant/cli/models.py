"""`edge-assistant models`: what models there are, and bringing them here."""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from edge_assistant.cli import terminal
from edge_assistant.core.signals import printable

if TYPE_CHECKING:
    from edge_assistant.storage.settings import Settings
    from edge_assistant_models.entries import Entry
    from edge_assistant_models.model import InstalledModel
    from edge_assistant_models.portfolio import Portfolio

NAME = "models"
HELP = "list, pull, verify, remove, export and import models"

EXAMPLES = """examples:
  edge-assistant models list
  edge-assistant models pull --profile starter
  edge-assistant models info whisper-base
  edge-assistant models verify
  edge-assistant models export models.tar --profile starter
  edge-assistant models import models.tar"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the verb's own verbs and their arguments."""
    verbs = parser.add_subparsers(dest="models_verb", required=True, metavar="VERB")

    verb = _verb(verbs, "list", "every model with role, size, licence, state and profiles", _list)
    verb.add_argument("--json", action="store_true", help="print one JSON object")

    verb = _verb(verbs, "info", "all that the catalog says about a model", _info, "whisper-base")
    verb.add_argument("name", metavar="NAME")
    verb.add_argument("--json", action="store_true", help="print one JSON object")

    verb = _verb(verbs, "pull", "bring a model or a profile's models here", _pull, "--profile tiny", "yolox-nano")
    verb.add_argument("name", metavar="NAME", nargs="?")
    verb.add_argument(
        "--profile", metavar="P", help="auto, tiny, starter, standard, large or test (as the settings say)"
    )
    verb.add_argument("--own", action="store_true", help="fetch what your own catalog names, without asking you")
    verb.add_argument("--plain", action="store_true", help="lines instead of bars")
    verb.add_argument("--json", action="store_true", help="print one JSON object")

    verb = _verb(verbs, "verify", "read every byte of one or all models", _verify, "", "whisper-base")
    verb.add_argument("name", metavar="NAME", nargs="?")
    verb.add_argument("--json", action="store_true", help="print one JSON object")

    verb = _verb(verbs, "remove", "delete a model, or what a broken pull left of it", _remove, "whisper-base")
    verb.add_argument("name", metavar="NAME")

    verb = _verb(verbs, "export", "write installed models into one archive", _export, "models.tar --profile starter")
    verb.add_argument("file", metavar="FILE", type=Path)
    verb.add_argument("name", metavar="NAME", nargs="*", help="which models (all that are installed)")
    verb.add_argument("--profile", metavar="P", help="the installed models of a profile")
    verb.add_argument("--plain", action="store_true", help="lines instead of bars")

    verb = _verb(verbs, "import", "bring the models of an archive here, each file verified", _import, "models.tar")
    verb.add_argument("file", metavar="FILE", type=Path)
    verb.add_argument("--plain", action="store_true", help="lines instead of bars")


def _verb(
    verbs: argparse._SubParsersAction[argparse.ArgumentParser],
    name: str,
    help_text: str,
    action: Callable[[argparse.Namespace, Portfolio], int],
    *examples: str,
) -> argparse.ArgumentParser:
    lines = [f"  edge-assistant models {name} {example}".rstrip() for example in examples or ("",)]
    verb = verbs.add_parser(
        name,
        help=help_text,
        description=f"{help_text[0].upper()}{help_text[1:]}.",
        epilog="\n".join(["examples:", *lines]),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    verb.set_defaults(models_action=action)
    return verb


def run(args: argparse.Namespace) -> int:
    """Run the verb.

    Raises:
        EdgeAssistantError: what cannot be done, with the status to exit with.
    """
    portfolio = terminal.portfolio()
    status: int = args.models_action(args, portfolio)
    return status


def _profiles_of(portfolio: Portfolio, name: str) -> list[str]:
    return [profile.name for profile in portfolio.profiles() if any(name in names for names in profile.roles.values())]


def _summary(portfolio: Portfolio, entry: Entry) -> dict[str, object]:
    return {
        "name": entry.name,
        "role": entry.role,
        "bytes": entry.bytes,
        "licence": entry.licence,
        "state": str(portfolio.state(entry.name)),
        "profiles": _profiles_of(portfolio, entry.name),
        "tested": entry.tested,
        "own": entry.own,
    }


def _print_json(value: object) -> None:
    print(json.dumps(value, ensure_ascii=False, indent=2))


def _print_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Columns as wide as their widest cell."""
    lines = [[printable(cell) for cell in row] for row in [head, *rows]]
    widths = [max(len(row[column]) for row in lines) for column in range(len(head))]
    for row in lines:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def _list(args: argparse.Namespace, portfolio: Portfolio) -> int:
    from edge_assistant_models.transfer import mebibytes

    models = [_summary(portfolio, entry) for entry in portfolio.entries()]
    if args.json:
        _print_json({"models": models, "folder": str(portfolio.store.root)})
        return 0
    rows = [
        [
            str(model["name"]),
            str(model["role"]),
            mebibytes(entry.bytes),
            entry.licence,
            ", ".join([str(model["state"]), *entry.doubts]),
            ", ".join(portfolio.within(entry.name)),
        ]
        for model, entry in zip(models, portfolio.entries(), strict=True)
    ]
    _print_table(["name", "role", "size", "licence", "state", "profiles"], rows)
    return 0


def _info(args: argparse.Namespace, portfolio: Portfolio) -> int:
    entry = portfolio.entry(args.name)
    files = [
        {"key": file.key, "path": file.path, "bytes": file.bytes, "sha256": file.sha256 or None}
        | ({"tensors_sha256": file.tensors_sha256} if file.tensors_sha256 else {})
        for file in entry.files
    ]
    facts = _summary(portfolio, entry) | {
        "description": entry.description,
        "home": entry.home,
        "licence_url": entry.licence_url,
        "memory_mib": entry.memory_mib,
        "importer": entry.importer.name if entry.importer else None,
        "mirror": [source.label for source in entry.mirror.sources] if entry.mirror else [],
        "sources": [source.label for source in entry.sources],
        "options": dict(entry.options),
        "figures": dict(entry.figures),
        "folder": str(portfolio.store.folder(entry.name)),
        "files": files,
    }
    if args.json:
        _print_json(facts)
        return 0
    facts["profiles"] = list(portfolio.within(entry.name))
    for key, value in facts.items():
        if key != "files" and value not in (None, [], {}):
            print(printable(f"{key.replace('_', ' ') + ':':<14}{_for_people(value)}"))
    for file in files:
        digest = file["sha256"] or file.get("tensors_sha256")
        print(printable(f"{'file:':<14}{file['path']}  {file['bytes']} bytes  {digest}"))
    return 0


def _for_people(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(str(item) for item in value)
    if isinstance(value, dict):
        return ", ".join(f"{key.replace('_', ' ')} {_for_people(item)}" for key, item in value.items())
    return str(value)


def _pull(args: argparse.Namespace, portfolio: Portfolio) -> int:
    from edge_assistant.cli._pull_progress import shown
    from edge_assistant.core.errors import UsageError

    if args.name and args.profile:
        raise UsageError("a name and a profile were given", "give one of them")
    profile = args.profile or args.settings.profile
    local_only = [] if args.own else _unconfirmed(portfolio, args.name, profile)
    with shown(args.plain or args.settings.plain) as watch:
        if args.name:
            portfolio.pull([args.name], watch, local_only)
            names = {portfolio.entry(args.name).role: args.name}
        else:
            names = portfolio.pull_profile(profile, watch, local_only)
    if not getattr(args, "alone", False) or _locked(not args.no_lock):
        _prepare(portfolio, names.values(), args.settings)
    if args.json:
        _print_json({"models": names, "folder": str(portfolio.store.root)})
    return 0


def _unconfirmed(portfolio: Portfolio, name: str | None, profile: str) -> list[str]:
    """The models of the user's own catalog for which no network may be asked; a person is shown what it would be.

    Whatever runs as this user can write into that catalog, the locked app too: an address could carry a secret out.

    Raises:
        ModelUnknown: there is no such model or profile.
    """
    from edge_assistant_models.store import ModelState

    roles = [[name]] if name else portfolio.profile(profile).roles.values()
    own = [portfolio.entry(model) for models in roles for model in models if portfolio.entry(model).own]
    return [
        entry.name
        for entry in own
        if entry.asked and (portfolio.state(entry.name) is ModelState.INSTALLED or not _confirmed(entry))
    ]


def _confirmed(entry: Entry) -> bool:
    """Whether a person has seen all that the network would be asked for, and agrees; False without a terminal."""
    from edge_assistant.cli import terminal

    if not terminal.asks():
        return False
    what = f"{entry.name} is of your own catalog ({entry.origin}); the network would be asked for:"
    print(printable(what), *(printable(f"  {line}") for line in entry.asked), sep="\n", file=sys.stderr)
    return terminal.agrees(f"fetch {entry.name}?")


def _locked(wanted: bool) -> bool:
    """Lock this process, which needs no network any more; whether it may go on.

    What it prepares is read from caches and models that locked processes write too.
    """
    from edge_assistant.core.errors import LockFailed
    from edge_assistant.governance.offline import lock

    try:
        lock.engage(wanted)
    except LockFailed:  # the first question prepares it, and says what is wrong
        return False
    return True


def _prepare(portfolio: Portfolio, names: Iterable[str], settings: Settings) -> None:
    """Compute what the first question would wait for: an embedder's examples, a language model's prompts."""
    for name in names:
        entry = portfolio.entry(name)
        if entry.role == "embedder":
            _read_examples(portfolio.open(name))
        elif entry.role == "language" and settings.cache:
            _read_prompts(portfolio.open(name), settings)


def _read_examples(model: InstalledModel) -> None:
    """Let an embedder read the examples that questions are compared with."""
    from edge_assistant.compute.runtime import Runtime
    from edge_assistant.language.embedder import Embedder
    from edge_assistant.reasoning.talk import prepare

    print(f"{model.name}: reading the examples, some 10 s the first time", file=sys.stderr, flush=True)
    print(f"{model.name}: {prepare(Embedder(model, Runtime.detect())):,} examples read", file=sys.stderr, flush=True)


def _read_prompts(model: InstalledModel, settings: Settings) -> None:
    """Let a language model read what all its prompts begin with; what goes wrong the first question says."""
    from edge_assistant.compute.runtime import Runtime
    from edge_assistant.core.errors import EdgeAssistantError
    from edge_assistant.governance.policy.policy import current
    from edge_assistant.language.engine import LlamaEngine
    from edge_assistant.language.states import state_cache
    from edge_assistant.reasoning.comprehension.prompts import read_prompts
    from edge_assistant.vault.vault import Vault

    policy = current()
    if not policy.keeps_caches:
        return
    print(f"{model.name}: reading its prompts, some 30 s the first time", file=sys.stderr, flush=True)
    with contextlib.suppress(EdgeAssistantError):
        runtime = Runtime.detect(settings.gpu if policy.allows_gpu else "off")
        vault = Vault()
        _ = vault.place  # makes the master key on a new machine, or asks for it: a cache waits for neither
        read = read_prompts(LlamaEngine(model, runtime, cache=state_cache(vault)))
        print(f"{model.name}: {read} prompts read", file=sys.stderr, flush=True)


def _verify(args: argparse.Namespace, portfolio: Portfolio) -> int:
    from edge_assistant.core.errors import ModelCorrupt

    present = [entry.name for entry in portfolio.entries() if portfolio.store.folder(entry.name).is_dir()]
    names = [args.name] if args.name else present
    problems: dict[str, list[str]] = {}
    for name in names:
        checks = portfolio.verify(name)
        problems[name] = [check.problem for check in checks if check.problem]
        if not args.json:
            print(f"{name}: {'; '.join(problems[name]) or 'sound'}", flush=True)
    bad = [name for name in names if problems[name]]
    error = (
        ModelCorrupt(f"{', '.join(bad)} cannot be trusted", f"run 'edge-assistant models pull {bad[0]}'")
        if bad
        else None
    )
    if args.json:
        report: dict[str, object] = {
            "models": [{"name": name, "sound": not problems[name], "problems": problems[name]} for name in names]
        }
        if error:  # raised, it would be printed as a second JSON object
            report["error"] = {"code": error.code, "message": error.message, "hint": error.hint}
            print(f"error: {error}", file=sys.stderr)
        _print_json(report)
        return error.exit_status if error else 0
    if error:
        raise error
    if not names:
        print("no models are installed")
    return 0


def _remove(args: argparse.Namespace, portfolio: Portfolio) -> int:
    from edge_assistant.cli._pull_progress import shown
    from edge_assistant_models.transfer import mebibytes

    with shown(args.settings.plain) as watch:
        size = portfolio.store.remove(portfolio.entry(args.name), watch)
    print(f"{args.name} is removed ({mebibytes(size)})")
    return 0


def _export(args: argparse.Namespace, portfolio: Portfolio) -> int:
    from edge_assistant.cli._pull_progress import shown
    from edge_assistant.core.errors import UsageError

    if args.name and args.profile:
        raise UsageError("a name and a profile were given", "give one of them")
    if args.file.exists():
        raise UsageError(f"{args.file.name} exists already", "name another file or remove it")
    names = args.name or _installed(portfolio, args.profile)
    if not names:
        raise UsageError("no installed model can be exported", "pull some first")
    with shown(args.plain or args.settings.plain) as watch:
        portfolio.export(names, args.file, watch)
    return 0


def _installed(portfolio: Portfolio, profile: str | None) -> list[str]:
    """What is installed of a profile, or of everything; a damaged model is named too, so that it is reported.

    Raises:
        ModelMissing: nothing fills a role that the profile needs.
    """
    from edge_assistant.core.errors import ModelMissing
    from edge_assistant_models.store import ModelState

    names = [entry.name for entry in portfolio.entries()]
    installed = [name for name in names if portfolio.state(name) in {ModelState.INSTALLED, ModelState.CORRUPT}]
    if profile is None:
        return installed
    chosen = portfolio.profile(profile)
    empty = [
        role for role, models in chosen.roles.items() if role not in chosen.optional and not {*models} & {*installed}
    ]
    if empty:
        what = f"the profile {chosen.name} has no model here for {', '.join(empty)}"
        raise ModelMissing(what, f"run 'edge-assistant models pull --profile {chosen.name}'")
    return [name for name in installed if any(name in models for models in chosen.roles.values())]


def _import(args: argparse.Namespace, portfolio: Portfolio) -> int:
    from edge_assistant.cli._pull_progress import shown

    with shown(args.plain or args.settings.plain) as watch:
        names = portfolio.load(args.file, watch)
    _prepare(portfolio, names, args.settings)
    return 0
