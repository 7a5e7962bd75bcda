"""The two processes of `edge-assistant serve`, and what each may do.

The gateway holds the network sockets. It accepts connections and can connect to nothing, not even on this machine, so
whatever a client makes it do, it reaches nobody. The broker has no network socket. It gives the gateway connections
to the resident, and starts that where none runs. Both begin as one process, which makes the sockets and forks before
anything is loaded.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from edge_assistant.core.errors import LockFailed, UsageError
from edge_assistant.serve import messages

PROTOCOLS = ("http", "mcp", "wyoming", "app")
STDIO = "stdio"  # in place of an address: standard input and output
_OPTIONS = {f"--{name}": name for name in PROTOCOLS}
_LISTEN_FDS_START = 3  # where systemd's begin, sd_listen_fds(3)


@dataclass(frozen=True, slots=True)
class Fork:
    """What the broker has of the gateway, which waits until it is told to begin.

    Attributes:
        control: to it.
        process: its number.
        addresses: on which it is going to listen, by protocol.
        ports: the same with their ports, for people; without what is on standard input and output.
    """

    control: socket.socket
    process: int
    addresses: Mapping[str, str]
    ports: Mapping[str, str]


forked: Fork | None = None  # of this process, if it is a broker


def fork(words: Sequence[str]) -> None:
    """Make the sockets that a command line names, and fork the gateway, which waits; before the offline lock.

    Args:
        words: of the command line; they are parsed in full later.

    Raises:
        UsageError: an address is none, or is in use.
    """
    global forked
    named = _named(words)
    by_stdio = [name for name, address in named.items() if (name, address) == ("mcp", STDIO)]
    listening = _inherited() or {name: _bound(address) for name, address in named.items() if name not in by_stdio}
    if not listening and not by_stdio:
        return
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    names = {name: listener.getsockname()[:2] for name, listener in listening.items()}
    addresses = {name: host for name, (host, _) in names.items()} | dict.fromkeys(by_stdio, STDIO)
    ports = {name: f"[{host}]:{port}" if ":" in host else f"{host}:{port}" for name, (host, port) in names.items()}
    sys.stdout.flush()
    sys.stderr.flush()
    if (process := os.fork()) == 0:
        ours.close()
        _be_gateway(theirs, listening, bool(by_stdio))
    theirs.close()
    for listener in listening.values():
        listener.close()
    forked = Fork(ours, process, addresses, ports)


def _named(words: Sequence[str]) -> dict[str, str]:
    """The addresses of a command line by protocol."""
    found: dict[str, str] = {}
    for place, word in enumerate(words):
        option, is_joined, value = word.partition("=")
        if option in _OPTIONS:
            found[_OPTIONS[option]] = value if is_joined else next(iter(words[place + 1 :]), "")
    return found


def address(text: str) -> tuple[str, int]:
    """Host and port of `ADDRESS:PORT`.

    >>> address("127.0.0.1:8000"), address("[::1]:8000")
    (('127.0.0.1', 8000), ('::1', 8000))

    Raises:
        UsageError: it is none.
    """
    host, _, port = text.rpartition(":")
    if not host or not port.isascii() or not port.isdigit() or int(port) > 0xFFFF:
        raise UsageError(f"'{text}' is no address", "say it as 127.0.0.1:8000 or [::1]:8000")
    return host.removeprefix("[").removesuffix("]"), int(port)


def _bound(text: str) -> socket.socket:
    host, port = address(text)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    made = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)  # asyncio sets TCP_NODELAY where it says so
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((host, port))
    except OSError as error:
        made.close()
        raise UsageError(f"nothing can listen on {text} ({error.strerror})", "name another address or port") from None
    return made


def _inherited() -> dict[str, socket.socket]:
    """The sockets that systemd gives, by the names that its unit gives them; see sd_listen_fds(3)."""
    if os.environ.get("LISTEN_PID") != str(os.getpid()):
        return {}
    names = os.environ.get("LISTEN_FDNAMES", "").split(":")
    found = {
        name: socket.socket(fileno=_LISTEN_FDS_START + place) for place, name in enumerate(names) if name in PROTOCOLS
    }
    for name in ("LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"):
        os.environ.pop(name, None)
    return found


def _be_gateway(control: socket.socket, listening: Mapping[str, socket.socket], by_stdio: bool) -> None:
    """Wait for the word to begin, lock this process, serve, and end it; never returns."""
    status = 70
    try:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # the broker gets it, too, and ends this
        if told := control.recv(messages.MOST_BYTES):
            from edge_assistant.governance.offline import lock

            kept = {listener.fileno() for listener in listening.values()}
            if not (found := lock.engage(accepting=kept)).locked:
                raise LockFailed(f"the gateway has to be locked: {found.why_not}", found.hint)
            from edge_assistant.serve import gateway

            status = gateway.run(control, listening, by_stdio, json.loads(told))
    except BaseException as error:
        with contextlib.suppress(OSError):
            control.send(f"{type(error).__name__}: {error}".encode())
    finally:
        os._exit(status)


def begin(fork: Fork, settings: Mapping[str, Any]) -> None:
    """Let the gateway begin; returns when it listens.

    Raises:
        LockFailed: it cannot be locked, or does not begin for another reason.
    """
    fork.control.send(json.dumps(settings).encode())
    if (told := fork.control.recv(messages.MOST_BYTES)) != messages.READY:
        raise LockFailed(f"the gateway does not begin: {told.decode() or 'it ended'}", "see 'edge-assistant doctor'")


def leave(fork: Fork) -> int:
    """Let the gateway end; its exit status, negative for a signal; 0 where this was called before."""
    fork.control.close()
    with contextlib.suppress(ChildProcessError):
        return os.waitstatus_to_exitcode(os.waitpid(fork.process, 0)[1])
    return 0
