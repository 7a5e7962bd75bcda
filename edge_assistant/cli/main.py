"""The command `edge-assistant`: finds its verbs in this folder, locks the process, runs one as the policy allows."""

from __future__ import annotations

import argparse
import atexit
import contextlib
import itertools
import signal
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from edge_assistant.cli import frame
from edge_assistant.core.errors import EdgeAssistantError, PolicyInvalid, UsageError
from edge_assistant.core.signals import printable
from edge_assistant.governance import dumps
from edge_assistant.governance.offline import lock

if TYPE_CHECKING:
    from edge_assistant.storage.settings import Settings

BEGAN = time.perf_counter()  # the command's start, as near as Python code can see it
APP_GROUP = "edge_assistant.app"  # entry points of apps that the bare command can open
NO_LOCK = "--no-lock"
AGAIN = "run the command again"
POLICY = "policy"  # the verb that a policy does not restrict, as it says what is wrong with one
# Benches write results where they are told and start other programs; the resident is not bounded, see `lock.engage`.
# Who forgets overwrites the master key where a link leads to it, as on a stick, and opens nothing of anybody's. The
# verb of a kiosk writes units where systemd looks, and opens no signal either.
_UNBOUNDED = frozenset(("bench", "forget", "kiosk", "resident"))
_WRITTEN = {("models", "export"), ("audit", "export"), ("audit", "checkpoint")}  # whose FILE is written

EXAMPLES = """examples:
  edge-assistant
  edge-assistant --attach form.jpg --microphone file:note.wav
  edge-assistant ask "Which allergies are known?" --image form.jpg --audio note.wav
  edge-assistant models pull --profile starter
  edge-assistant doctor

exit status: 0 answered, 1 a check fails, 2 wrong command line, 3 an input cannot be used, 4 a model is missing or
corrupt, 5 a policy or the offline lock refuses, 6 the disk is full, 70 a fault of ours, 130 interrupted"""


def main(argv: Sequence[str] | None = None, ready: Callable[[], None] = lambda: None) -> int:
    """Run the command and return its exit status.

    Args:
        argv: the command line; None takes this process's own, and locks the process first.
        ready: called once the process is locked: what waited for it.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    pulls = [word for word in arguments if not word.startswith("-")][:2] == ["models", "pull"]

    def run() -> int:
        if argv is None:
            dumps.off()
            _lock(arguments)
            ready()
        return _run(arguments, BEGAN, alone=argv is None)

    again = f"{AGAIN}; the pull goes on where it was" if pulls else AGAIN
    status = frame.command(run, as_json="--json" in arguments, again=again)
    if argv is None:  # all is said; what models and threads leave is cleared up whatever is pressed now
        atexit.register(signal.signal, signal.SIGINT, signal.SIG_IGN)
    return status


def _lock(arguments: Sequence[str]) -> None:
    """Take this process off the network before anything else is loaded; say so where that cannot be.

    Two are outside: `models pull`, and the launcher that the bare command is, whose app locks itself.

    Raises:
        LockFailed: it should work on this machine and cannot be set.
    """
    lock.silence()
    words = _after_lock(arguments)
    if not words or words[0].startswith("-") or words[:2] == ["models", "pull"]:
        return
    if words[0] == "doctor" and "--prove-offline" in words:
        from edge_assistant.governance.offline import proof

        proof.listen()
    if words[0] == "serve":
        from edge_assistant.serve import processes

        processes.fork(words[1:])
    resident = words[0] == "resident"  # which asks the kernel who the commands are that it answers
    found = lock.engage(wanted=len(words) == len(arguments), apart=not resident)
    if not found.locked:
        what = f"{found.word}: code in this process can reach the network, as {found.why_not} - {found.hint}"
        print(f"warning: {what}", file=sys.stderr)


def parser(only: str | None = None) -> argparse.ArgumentParser:
    """The command line.

    Args:
        only: the verb that is wanted, or nothing for the bare command; the others take time to import and are left
            out. None for all.
    """
    top = frame.parser(
        "edge-assistant",
        "Asks over pictures, recordings, video, readings and text, offline, with sources. Without a verb it"
        " opens the app.",
        EXAMPLES,
    )
    _configure_lock(top)
    if not only:
        _configure_app(top)
    modules = frame.verbs(__package__, only)
    if only not in [module.NAME for module in modules]:
        from edge_assistant.core import plugins

        modules += [plugins.load(plugin, ModuleType) for plugin in plugins.installed(plugins.VERBS).values()]
    frame.add_verbs(top, modules, only)
    return top


def _configure_lock(top: argparse.ArgumentParser) -> None:
    """Add the option that stands before any verb."""
    top.add_argument(NO_LOCK, action="store_true", help="go on without the offline lock: code can reach the network")


def _configure_app(top: argparse.ArgumentParser) -> None:
    """Add the options of the bare command."""
    group = top.add_argument_group("the app", "what it is opened with; NAME of a device, or file:F to stand in for it")
    group.add_argument("--attach", metavar="F", action="append", default=[], help="a signal to begin with, repeatable")
    group.add_argument("--camera", metavar="NAME|file:F", help="a camera; or a video, a picture or a folder of them")
    group.add_argument("--microphone", metavar="NAME|file:F", help="a microphone; or a recording")
    group.add_argument("--speaker", metavar="NAME|file:F", help="a speaker; or a WAV file to write")
    group.add_argument("--profile", metavar="P", help="which models: tiny, starter, standard, large, auto")
    group.add_argument("--language", metavar="L", help="of what is spoken, such as en; detected by default")
    group.add_argument("--domain", metavar="F", help="words of a domain, see docs/domains.md")


def _run(arguments: list[str], began: float, *, alone: bool) -> int:
    """Run a verb; `alone` says that the process is the command's own, and so may ask the resident."""
    args = _parsed(arguments)
    args.began, args.alone = began, alone
    from edge_assistant.compute.scheduling import topology
    from edge_assistant.governance.redaction.log_filter import logged
    from edge_assistant.storage import logs, settings

    topology.tell_libraries()
    args.settings = settings.load()
    logs.start(args.settings.log_level, logged)
    if args.verb is None:
        return _open_app(args)
    from edge_assistant.governance import erasure

    bound(args)
    _attempt("an interrupted erasure is not complete", erasure.complete)
    _attempt("disabled caches are not removed yet", lambda: _uncache(args.settings))
    status = _policed(args)
    if args.verb != POLICY:  # which also says what is wrong with one
        _attempt("expired conversations are not erased yet", lambda: _expire(args.settings))
    return status


def bound(args: argparse.Namespace) -> None:
    """Let this process write only into its own folders, and into that of a file that the command line names.

    Raises:
        LockFailed: the kernel refuses.
        StorageFull: there is no home folder.
    """
    from edge_assistant.governance.offline import bounds

    if args.verb not in _UNBOUNDED:
        written = (args.verb, getattr(args, f"{args.verb}_verb", None)) in _WRITTEN
        file: Path | None = getattr(args, "file", None) if written else None
        pulls = args.verb == "models" and args.models_verb == "pull" and args.alone and not args.no_lock
        named = [] if file is None else [file.resolve().parent]  # another file takes its place once that is whole
        shows_app = args.verb == "serve" and args.app is not None  # which keeps within these bounds, and has settings
        bounds.keep(named, settings=shows_app, pulls=pulls)


def _attempt(what: str, do: Callable[[], object]) -> None:
    """Do what goes by itself with every command; a failure is said, and tried again by the next command."""
    try:
        do()
    except EdgeAssistantError as error:
        print(printable(f"warning: {what}, as {error.message} - {error.hint}"), file=sys.stderr)


def _uncache(settings: Settings) -> None:
    """Forget what is kept to be quicker, if the person or the policy does not want it."""
    from edge_assistant.governance import erasure
    from edge_assistant.governance.policy.policy import current

    with contextlib.suppress(PolicyInvalid):  # which the verb is going to say
        if not (settings.cache and current().keeps_caches):
            erasure.forget_caches()


def _expire(settings: Settings) -> None:
    """Forget what is older than the policy keeps; the person may want it kept for longer."""
    from edge_assistant.governance import erasure
    from edge_assistant.governance.policy.policy import current

    erasure.expire_when_due(current().history_days(settings.keep_days))


def _policed(args: argparse.Namespace) -> int:
    """Run a verb as far as the policy allows; the one about policies always, as it says what is wrong with one.

    Raises:
        PolicyRefused: it may not be run, or the policy is wrong.
    """
    from edge_assistant.cli import _units, given, terminal
    from edge_assistant.compute import sd_notify
    from edge_assistant.core import limits
    from edge_assistant.governance.policy.policy import current

    if args.verb == POLICY:
        return int(args.run(args))
    pulls = args.verb == "models" and args.models_verb == "pull"  # outside of the lock, as it has to
    if pulls:
        current().check_pull()
    else:
        current().check_lock(lock.state().locked)
    files = given.from_files(getattr(args, "given", ()))
    held = getattr(args, "held", None) is not None  # what goes on with what it was given has been admitted before
    if not held and args.verb not in _units.VERBS.get(sd_notify.service(), ()):
        terminal.admit(current(), [args.verb, "attach"] if files else [args.verb])
    with limits.lowered(current().limits):
        return int(args.run(args))


def _parsed(arguments: list[str]) -> argparse.Namespace:
    """The command line understood; a verb is its first word, but for `--no-lock`.

    Raises:
        UsageError: it is wrong.
    """
    words = _after_lock(arguments)
    if words and not words[0].startswith("-"):
        return parser(words[0]).parse_args(arguments)
    app = frame.Parser(prog="edge-assistant", add_help=False)
    _configure_lock(app)
    _configure_app(app)
    args, rest = app.parse_known_args(arguments)
    if not rest:
        args.verb = None
        return args  # no verb has been looked up: the app should be there soon
    bare = parser("")
    args, rest = bare.parse_known_args(arguments)
    if args.verb is not None:
        raise UsageError(f"{words[0]} stands before the verb {args.verb}", "put the options of a verb behind it")
    raise UsageError(f"unrecognized arguments: {' '.join(rest)}", f"see '{bare.prog} --help'")


def _after_lock(arguments: Sequence[str]) -> list[str]:
    """The command line without `--no-lock`, which may stand before a verb."""
    return list(itertools.dropwhile(lambda word: word == NO_LOCK, arguments))


def _open_app(args: argparse.Namespace) -> int:
    """Open the app that is installed beside the core.

    Raises:
        UsageError: there is no terminal or no app.
        PolicyInvalid: the policy is wrong.
        PolicyRefused: a visitor may not begin with files.
    """
    from importlib.metadata import entry_points

    from edge_assistant.cli import terminal
    from edge_assistant.governance.policy.policy import current

    current()  # a policy that is wrong is told here, and not by an app that does not open
    if not all(stream.isatty() for stream in (sys.stdin, sys.stdout, sys.stderr)):  # it is drawn on the last
        raise UsageError("the app needs a terminal", "ask on the command line: edge-assistant ask QUESTION, or --help")
    if args.attach:
        terminal.admit(current(), ["attach"])
    apps = list(entry_points(group=APP_GROUP))
    if not apps:
        raise UsageError("no app is installed", "ask on the command line: edge-assistant ask QUESTION, or --help")
    return int(apps[0].load()(args))


if __name__ == "__main__":
    sys.exit(main())
