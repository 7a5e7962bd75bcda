"""`edge-assistant serve`: a gateway for other programs, which the resident answers."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge_assistant.compute import sd_notify
from edge_assistant.core import errors, extras
from edge_assistant.core.errors import EdgeAssistantError, InputUnreadable, ResidentLost, UsageError
from edge_assistant.resident import client
from edge_assistant.serve import messages, processes
from edge_assistant.serve.pty_process import PtyProcess

if TYPE_CHECKING:
    from edge_assistant.governance.policy.rules import Serving

NAME = "serve"
HELP = "let other programs ask, by the protocols that they speak; off unless a policy allows it"

EXAMPLES = """examples:
  edge-assistant serve --http 127.0.0.1:8011
  edge-assistant serve --http 127.0.0.1:8011 --token-file token.txt
  edge-assistant serve --mcp stdio
  edge-assistant serve --wyoming 127.0.0.1:10300   for Home Assistant
  edge-assistant serve --app 127.0.0.1:8012        the app in a browser

a policy has to allow the address: [serve] addresses = ["127.0.0.1", "stdio"]"""

TOKEN_BYTES = 4_096  # of the file


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the addresses and the token."""
    parser.add_argument("--http", metavar="ADDRESS:PORT", help="listen for clients of OpenAI's API")
    parser.add_argument(
        "--mcp",
        metavar="stdio|ADDRESS:PORT",
        help="be an MCP server on standard input and output, or listen for clients",
    )
    parser.add_argument(
        "--wyoming", metavar="ADDRESS:PORT", help="listen for Home Assistant; whoever reaches the port may ask"
    )
    parser.add_argument("--app", metavar="ADDRESS:PORT", help="show the app in a browser, one page at a time")
    parser.add_argument("--no-start", action="store_true", help="start no resident: whatever supervises it does")
    parser.add_argument("--token-file", metavar="F", type=Path, help="the token that clients send; one is made without")


def run(args: argparse.Namespace) -> int:
    """Let the gateway begin, and give it connections to the resident until one of both ends.

    Raises:
        UsageError: nothing is to listen, a package is missing, or this is no Linux.
        PolicyRefused: the policy allows no such address.
        InputUnreadable: the file of the token cannot be read.
        EdgeAssistantError: the gateway crashed, or was killed.
    """
    from edge_assistant.governance.policy import policy

    fork = processes.forked
    if sys.platform != "linux" or fork is None:
        raise UsageError("nothing is to listen", "say where: --http 127.0.0.1:8011")
    shown = PtyProcess()
    try:
        for address in fork.addresses.values():
            policy.current().check_address(address)
        _check_packages(fork.addresses)
        token = _token(args.token_file)
        rules = policy.current().rules.serve
        info = _info(args.settings.profile) if "wyoming" in fork.ports else {}
        processes.begin(fork, {"token": token, "folders": rules.folders, "info": info})
        told = sys.stderr if processes.STDIO in fork.addresses.values() else sys.stdout  # the client reads that
        if args.token_file is None and {"http", "mcp"} & fork.ports.keys():
            print(f"token: {token}", file=told)
        for name, port in fork.ports.items():
            print(f"{name}: listening on {port}", file=told, flush=True)
        if "app" in fork.ports:
            end = "TOKEN, with the token of the file" if args.token_file else token
            print(f"open in a browser: http://{fork.ports['app']}/#{end}", file=told, flush=True)
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # the gateway's status says how it ended
            _serve(fork, rules, shown, starts=not args.no_start)
        if (status := processes.leave(fork)) not in {0, -signal.SIGTERM}:
            raise EdgeAssistantError(f"the gateway ended by itself (status {status})", "start it again")
        return 0
    except KeyboardInterrupt:
        return 0
    finally:
        sd_notify.stopping()
        processes.leave(fork)
        shown.end()


def _check_packages(addresses: Mapping[str, str]) -> None:
    """Whether the packages are there, and the app in a browser is served alone.

    Raises:
        UsageError: one is missing, or the app is not alone.
    """
    if "app" in addresses and len(addresses) > 1:
        what = "the app in a browser is served by a process that ends with each page"
        raise UsageError(what, "let other programs ask by an 'edge-assistant serve' of its own")
    extras.require("'serve'", *(("tui", "serve", "browser") if "app" in addresses else ("serve",)))


def _token(file: Path | None) -> str:
    if file is None:
        return secrets.token_urlsafe(24)
    try:
        with file.open("rb") as opened:
            token = opened.read(TOKEN_BYTES).decode().strip()
        token.encode("ascii")  # all that a header holds
    except (OSError, ValueError):
        raise InputUnreadable(f"the token in {file.name} cannot be read", "check the file") from None
    if len(token) < 16:
        raise UsageError("the token has less than 16 characters", "write a longer one into the file")
    return token


def _info(profile: str) -> Mapping[str, Any]:
    """What Wyoming clients are told of the services."""
    from edge_assistant.serve import wyoming_info
    from edge_assistant_models.portfolio import Portfolio

    return wyoming_info.described(Portfolio(), profile)


def _serve(fork: processes.Fork, rules: Serving, shown: PtyProcess, *, starts: bool) -> None:
    """Grant the gateway's wishes for connections, files and the app, until it ends."""
    ready = False
    while data := fork.control.recv(messages.MOST_BYTES):
        if data == messages.TURNED:
            sd_notify.advanced()
            shown.reap()
            if not ready:
                sd_notify.ready("listens")
            ready = True
            continue
        if data == messages.HUNG_UP:
            shown.hung_up()
            continue
        try:
            with _granted(data, rules, starts, shown) as (found, descriptors):
                socket.send_fds(fork.control, [json.dumps(found).encode()], descriptors)
        except EdgeAssistantError as error:
            fork.control.send(json.dumps({"error": errors.packed(error)}).encode())


@contextlib.contextmanager
def _granted(
    data: bytes, rules: Serving, starts: bool, shown: PtyProcess
) -> Iterator[tuple[dict[str, list[str]], list[int]]]:
    """What the gateway wishes for as descriptors: a connection to the resident, a file, files and their names, the app.

    Raises:
        ResidentLost: there is no resident, or the app cannot be started.
        PolicyRefused: the file is in none of the folders.
        InputError: the file cannot be opened.
        RuntimeError: it is no wish but the gateway's fault, which ends it.
    """
    from edge_assistant.serve import folders

    if data in {messages.CONNECT, messages.FIND}:
        with _resident(starts, wanted=data == messages.CONNECT) as connection:
            yield {}, [connection.fileno()]
        return
    if data == messages.FOLDER:
        with folders.within(rules.wyoming_folder, messages.FILES) as found:
            yield {"files": [*found]}, [*found.values()]
        return
    if data.startswith(messages.OPEN):
        descriptor = folders.opened(json.loads(data.removeprefix(messages.OPEN)), rules.folders)
    elif data.startswith(messages.APP):
        descriptor = shown.started(*json.loads(data.removeprefix(messages.APP)))
    else:
        raise RuntimeError(data.decode("utf-8", "replace"))
    try:
        yield {}, [descriptor]
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _resident(starts: bool, *, wanted: bool) -> Iterator[socket.socket]:
    """A connection to the resident; one that is `wanted` and does not run is started. Nothing waits here for it."""
    with contextlib.ExitStack() as held:
        try:
            channel = held.enter_context(client.connected())
        except (FileNotFoundError, ConnectionRefusedError):
            if not wanted:
                raise ResidentLost("no resident runs", "ask something, which starts one") from None
            if starts:
                _start()
            whose = "edge-assistant resident start" if starts else "edge-assistant kiosk check"
            raise ResidentLost("no resident can be started", f"see '{whose}'") from None
        except (OSError, client.Unavailable) as error:
            raise ResidentLost(f"the resident cannot be reached: {client.why(error)}", "try again") from None
        yield channel.connection


def _start() -> None:
    """Start a resident that stays; its socket is there at once, and it answers when its models are loaded."""
    from edge_assistant.cli import resident
    from edge_assistant.resident import server

    with contextlib.suppress(UsageError, OSError):  # another one was quicker, or there is no memory for it
        resident.spawned(server.opened(), 0, subprocess.DEVNULL)
