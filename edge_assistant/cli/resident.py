"""`edge-assistant resident`: a process that keeps the models in memory and answers `ask` and `check` at once."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from edge_assistant.cli.frame import FAULT
from edge_assistant.core.errors import UsageError
from edge_assistant.resident import client

if TYPE_CHECKING:
    from edge_assistant.resident.server import Held

NAME = "resident"
HELP = "keep the models in memory, so that ask and check answer at once"

EXAMPLES = """examples:
  edge-assistant resident start
  edge-assistant resident start --minutes 60
  edge-assistant resident status
  edge-assistant resident stop

exit status: 0 done, 1 none runs"""

MINUTES = 15
MOST_MINUTES = 1_440
_POLL_S = 0.05
_LONG_S = 10.0  # to get ready, from which on it is said that it goes on
_SAID_BYTES = 4_096  # of what a process says that ends at its start


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the verbs and their options."""
    verbs = parser.add_subparsers(dest="resident_verb", metavar="VERB", required=True, parser_class=type(parser))
    start = verbs.add_parser("start", help="start it in the background, and wait until it is ready")
    foreground = verbs.add_parser("run", help="be it, until Ctrl-C; for whatever else starts programs")
    for verb in (start, foreground):
        ends = f"without a question, after which it ends; 0 for never ({MINUTES})"
        verb.add_argument("--minutes", metavar="N", type=_minutes, default=MINUTES, help=ends)
    foreground.add_argument("--held", type=_held, help=argparse.SUPPRESS)
    verbs.add_parser("stop", help="end it; an answer that is being made has 20 seconds to come first")
    status = verbs.add_parser("status", help="say whether one runs")
    status.add_argument("--json", action="store_true", help="print one JSON object")


def run(args: argparse.Namespace) -> int:
    """Start it, be it, stop it, or say how it does.

    Raises:
        UsageError: it cannot run on this machine, runs already, or cannot be spoken to.
        StorageFull: there is no place for its socket.
    """
    if sys.platform != "linux":
        raise UsageError("there is no resident mode on this machine", "ask without it")
    verbs = {"start": _start, "run": _run, "stop": _stop, "status": _status}
    try:
        return verbs[args.resident_verb](args)
    except client.Unavailable as error:
        stop = "end its process" if args.resident_verb == "stop" else "'edge-assistant resident stop' ends it"
        what = f"the resident cannot be spoken to, as {error}"
        raise UsageError(what, f"try again; where that does not help, {stop}") from None


def _start(args: argparse.Namespace) -> int:
    """Take the resident's place, and hand it to a process in the background."""
    from edge_assistant.resident import server

    if (found := client.status()) is not None:
        print(f"a resident runs already, as process {found['pid']}")
        return 0
    held = server.opened()
    child = spawned(held, args.minutes, subprocess.PIPE)
    began, told = time.monotonic(), False
    assert child.stderr is not None
    with child.stderr:
        while child.poll() is None:
            with contextlib.suppress(client.Unavailable):  # on a busy machine Python takes long to start
                found = client.status()
            if found is not None and found["ready"]:
                child.returncode = 0  # it goes on by itself
                print(f"the resident is ready, as process {child.pid}")
                return 0
            if not told and time.monotonic() - began > _LONG_S:
                told = True
                print("the resident is getting ready; it waits while another edge-assistant computes", file=sys.stderr)
            time.sleep(_POLL_S)
        print(child.stderr.read(_SAID_BYTES).decode("utf-8", "replace"), end="", file=sys.stderr)
    return child.returncode or FAULT


def spawned(held: Held, minutes: int, stderr: int) -> subprocess.Popen[bytes]:
    """A resident in the background, which takes over what is held here.

    Args:
        held: from `server.opened`; closed in this process.
        minutes: without a question, after which it ends; 0 never.
        stderr: where it says what is wrong with its start, of `subprocess`.
    """
    child = subprocess.Popen(
        [*_command(minutes), "--held", str(held)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=stderr,
        pass_fds=(held.listener, held.claim),
        start_new_session=True,
    )
    held.close()
    return child


def _run(args: argparse.Namespace) -> int:
    """Be the resident."""
    from edge_assistant.cli import question
    from edge_assistant.resident import server
    from edge_assistant.resident.protocol import QuestionMessage, ServiceMessage
    from edge_assistant.resident.work import ResidentWork, Send

    facts, environment = question.facts(args.settings), dict(os.environ)  # first, as libraries change the environment
    from edge_assistant.cli import _listening, _service, _warm
    from edge_assistant.compute.runtime import Runtime
    from edge_assistant.core.answer import Answer
    from edge_assistant.core.errors import EdgeAssistantError
    from edge_assistant.core.events import Watch
    from edge_assistant.governance.offline import lock
    from edge_assistant.governance.policy import policy
    from edge_assistant.governance.redaction import log_filter
    from edge_assistant.reasoning.rules import domain
    from edge_assistant.vault.vault import Vault

    held = args.held or server.opened()
    gpu = args.settings.gpu if policy.current().allows_gpu else "off"
    kept = _warm.Warm(Runtime.detect(gpu))

    def warm() -> EdgeAssistantError | None:
        _reap()
        chosen = args.settings.domain
        words = domain.load(chosen) if chosen else None
        lacks = _warm.get_ready(kept, args.settings.profile, words, Vault() if args.settings.cache else None)
        if args.held:  # whoever started it has gone on, and does not read its stderr
            with Path(os.devnull).open("w") as nowhere:
                os.dup2(nowhere.fileno(), sys.stderr.fileno())
        return lacks

    def answer(asked: QuestionMessage, watch: Watch) -> tuple[Answer, str, Callable[[], None]]:
        policy.reread()  # a PIN counts for one command
        log_filter.renew()
        return question.answered(asked, watch, warm=kept)

    def serve(asked: ServiceMessage, watch: Watch, send: Send) -> tuple[Mapping[str, object], Callable[[], None]]:
        policy.reread()
        log_filter.renew()
        return _service.served(asked, watch, send, args.settings, kept)

    work = ResidentWork(
        facts=facts,
        environment=environment,
        answer=answer,
        serve=serve,
        listen=lambda channel, sound: _listening.listened(channel, sound, args.settings, kept.runtime),
        warm=warm,
        begin=kept.runtime.halt.clear,
        stop=kept.runtime.halt.ask,
        relieve=kept.relieve,
        changed=question.rules,
        alone=_alone,
        locked=lambda: lock.state().locked,
        again=_command(args.minutes),
    )
    server.serve(held, work, args.minutes)
    return 0


def _reap() -> None:
    """Forget the processes that decoded for this one before it restarted, which have ended with their sockets."""
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def _stop(args: argparse.Namespace) -> int:
    """End it, and wait until it is gone."""
    if not client.end("stop"):
        print("no resident runs")
        return 1
    print("the resident has ended")
    return 0


def _status(args: argparse.Namespace) -> int:
    """Say how it does."""
    found = client.status()
    if args.json:
        print(json.dumps({"runs": found is not None, **(found or {})}))
    elif found is None:
        print("no resident runs")
    else:
        print(said(found))
    return 0 if found is not None else 1


def said(found: Mapping[str, object]) -> str:
    """What a resident tells of itself, for people."""
    does = "is getting ready" if not found["ready"] else "answers" if found["answering"] else "is ready"
    after = f"ends after {found['minutes']} minutes without a question" if found["minutes"] else "stays"
    return (
        f"process {found['pid']} {does}, {found['answered']} answered, {found['memory_mib']} MiB of its own; it {after}"
    )


def _command(minutes: int) -> tuple[str, ...]:
    """The command line of the resident itself; Python is not to import from the folder that it stands in."""
    return sys.executable, "-P", "-m", "edge_assistant.cli.main", NAME, "run", "--minutes", str(minutes)


def _alone() -> bool:
    """Whether visitors ask, one after the other."""
    from edge_assistant.core.errors import PolicyInvalid
    from edge_assistant.governance.policy import policy

    try:
        return policy.current().roles
    except PolicyInvalid:
        return True


def _minutes(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) > MOST_MINUTES:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of minutes from 0 to {MOST_MINUTES}")
    return int(text)


def _held(text: str) -> Held:
    """What a resident hands to the one that goes on from it.

    Raises:
        ArgumentTypeError: it is none of that.
    """
    from edge_assistant.resident import server

    try:
        return server.taken(text)
    except (OSError, ValueError):
        raise argparse.ArgumentTypeError("that is for residents only") from None
