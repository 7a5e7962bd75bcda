"""A program outside the lock that listens on loopback, for the proof: what gets through to it got through.

It first reaches itself, which shows that the ways are open to a process without the lock. It prints a line of JSON
then, and another for each line that it is sent: what has arrived since, by way. It ends with its input.
"""

from __future__ import annotations

import contextlib
import json
import select
import socket
import sys
from collections.abc import Mapping

LOOPBACK = {socket.AF_INET: "127.0.0.1", socket.AF_INET6: "::1"}
WAYS = {
    "TCP IPv4": (socket.AF_INET, socket.SOCK_STREAM),
    "UDP IPv4": (socket.AF_INET, socket.SOCK_DGRAM),
    "TCP IPv6": (socket.AF_INET6, socket.SOCK_STREAM),
    "UDP IPv6": (socket.AF_INET6, socket.SOCK_DGRAM),
}
REACH_S = 2.0


def reach(family: int, kind: int, port: int) -> None:
    """Connect to a port on loopback, and send a datagram where that is the kind.

    Raises:
        OSError: it cannot be done.
    """
    use(socket.socket(family, kind), family, port)


def use(made: socket.socket, family: int, port: int) -> None:
    """Reach a port on loopback by a socket, and close it; raises OSError if it cannot be done."""
    with made:
        made.settimeout(REACH_S)
        made.connect((LOOPBACK[socket.AddressFamily(family)], port))
        made.send(b"reached")


def main() -> None:
    """Listen until the input ends."""
    listening: dict[str, socket.socket] = {}
    missing: dict[str, str] = {}
    with contextlib.ExitStack() as stack:
        for way, (family, kind) in WAYS.items():
            try:
                made = stack.enter_context(socket.socket(family, kind))
                made.bind((LOOPBACK[family], 0))
            except OSError as error:
                missing[way] = error.strerror or str(error)
                continue
            if kind == socket.SOCK_STREAM:
                made.listen()
            made.setblocking(False)
            listening[way] = made
        ports = {way: made.getsockname()[1] for way, made in listening.items()}
        for way, port in ports.items():
            with contextlib.suppress(OSError):
                reach(*WAYS[way], port)
        _say({"ports": ports, "missing": missing, "arrived": _arrived(listening)})
        for _ in sys.stdin:
            _say({"arrived": _arrived(listening)})


def _arrived(listening: Mapping[str, socket.socket]) -> dict[str, int]:
    """How many connections or datagrams have come since one looked last; on loopback they are there at once."""
    counts = dict.fromkeys(listening, 0)
    for way, made in listening.items():
        while select.select([made], [], [], 0)[0]:
            if WAYS[way][1] == socket.SOCK_STREAM:
                made.accept()[0].close()
            else:
                made.recv(64)
            counts[way] += 1
    return counts


def _say(what: Mapping[str, object]) -> None:
    print(json.dumps(what), flush=True)


if __name__ == "__main__":
    main()
