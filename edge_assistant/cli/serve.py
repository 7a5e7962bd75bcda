"""`edge-assistant serve`: a gateway for other programs, which the resident answers."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from edge_assistant.compute import sd_notify
from edge_assistant.core import errors
from edge_assistant.core.errors import EdgeAssistantError, InputUnreadable, ResidentLost, UsageError
from edge_assistant.resident import client
from edge_assistant.serve import messages, processes

NAME = "serve"
HELP = "let other programs ask, by the protocols that they speak; off unless a policy allows it"

EXAMPLES = """examples:
  edge-assistant serve --http 127.0.0.1:8011
  edge-assistant serve --http 127.0.0.1:8011 --token-file token.txt
  edge-assistant serve --mcp stdio
  edge-assistant serve --wyoming 127.0.0.1:10300   for Home Assistant

a policy has to allow the address: [serve] addresses = ["127.0.0.1", "stdio"]"""

TOKEN_BYTES = 4_096  # of the file
_STARTS_S, _POLL_S = 20.0, 0.1


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
    parser.add_argument("--no-start", action="store_true", help="start no resident: whatever supervises it does")
    parser.add_argument("--token-file", metavar="F", type=Path, help="the token that clients send; one is made without")


def run(args: argparse.Namespace) -> int:
    """Let the gateway begin, and give it connections to the resident until one of both ends.

    Raises:
        UsageError: nothing is to listen, or this is no Linux.
        PolicyRefused: the policy allows no such address.
        InputUnreadable: the file of the token cannot be read.
    """
    from edge_assistant.governance.policy import policy

    fork = processes.forked
    if sys.platform != "linux" or fork is None:
        raise UsageError("nothing is to listen", "say where: --http 127.0.0.1:8011")
    try:
        for address in fork.addresses.values():
            policy.current().check_address(address)
        token = _token(args.token_file)
        folders = policy.current().rules.serve.folders
        info = _info(args.settings.profile) if "wyoming" in fork.ports else {}
        processes.begin(fork, {"token": token, "folders": folders, "info": info})
        told = sys.stderr if processes.STDIO in fork.addresses.values() else sys.stdout  # the client reads that
        if args.token_file is None and {"http", "mcp"} & fork.ports.keys():
            print(f"token: {token}", file=told)
        for name, port in fork.ports.items():
            print(f"{name}: listening on {port}", file=told, flush=True)
        return _serve(fork, folders, starts=not args.no_start)
    except KeyboardInterrupt:
        return 0
    finally:
        sd_notify.stopping()
        processes.leave(fork)


def _token(file: Path | None) -> str:
    if file is None:
        return secrets.token_urlsafe(24)
    try:
        with file.open("rb") as opened:
            token = opened.read(TOKEN_BYTES).decode().strip()
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


def _serve(fork: processes.Fork, folders: Sequence[str], *, starts: bool) -> int:
    """Grant the gateway's wishes for connections and files."""
    ready = False
    while data := fork.control.recv(1 << 16):
        if data == messages.TURNED:
            sd_notify.advanced()
            if not ready:
                sd_notify.ready("listens")
            ready = True
            continue
        try:
            with _granted(data, folders, starts) as descriptor:
                socket.send_fds(fork.control, [b"{}"], [descriptor])
        except EdgeAssistantError as error:
            kind = next(one.__name__ for one in type(error).__mro__ if one.__name__ in errors.__all__)
            fork.control.send(json.dumps({"error": [kind, error.message, error.hint]}).encode())
    return 0


@contextlib.contextmanager
def _granted(data: bytes, folders: Sequence[str], starts: bool) -> Iterator[int]:
    """A descriptor of what the gateway wishes for: a connection to the resident, or a file.

    Raises:
        ResidentLost: there is no resident.
        PolicyRefused: the file is in none of the folders.
        InputError: the file cannot be opened.
        RuntimeError: it is no wish but the gateway's fault, which ends it.
    """
    if data == messages.CONNECT:
        with _resident(starts) as connection:
            yield connection.fileno()
    elif data.startswith(messages.OPEN):
        from edge_assistant.serve import folders as files

        descriptor = files.opened(json.loads(data.removeprefix(messages.OPEN)), folders)
        try:
            yield descriptor
        finally:
            os.close(descriptor)
    else:
        raise RuntimeError(data.decode("utf-8", "replace"))


@contextlib.contextmanager
def _resident(starts: bool) -> Iterator[socket.socket]:
    """A connection to the resident; if none runs, it is started, or waited for."""
    since = time.monotonic()
    while True:
        try:
            with client.connected() as channel:
                yield channel.connection
                return
        except (FileNotFoundError, ConnectionRefusedError):
            if time.monotonic() - since > _STARTS_S:
                raise ResidentLost("no resident can be started", "see 'edge-assistant resident start'") from None
            if starts:
                _start()
            else:
                time.sleep(_POLL_S)
        except (OSError, client.Unavailable) as error:
            raise ResidentLost(f"the resident cannot be reached: {client.why(error)}", "try again") from None


def _start() -> None:
    """Start a resident that stays; its socket is there at once, and it answers when its models are loaded."""
    from edge_assistant.cli import resident
    from edge_assistant.resident import server

    with contextlib.suppress(UsageError):  # another one was quicker
        resident.spawned(server.opened(), 0, subprocess.DEVNULL)
