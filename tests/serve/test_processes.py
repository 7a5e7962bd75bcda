"""What the processes of the gateway can do to the network, and what is left of them."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
import textwrap
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from helpers.commands import COMMAND, until
from helpers.gateways import Gateway
from helpers.platforms import needs_lock

from edge_assistant.core.errors import UsageError
from edge_assistant.resident import client
from edge_assistant.serve import processes

pytestmark = needs_lock

# A process that holds a listening socket, and another listener that it may not reach.
ESCAPES = """
import ctypes, errno, os, socket, struct, sys
from edge_assistant.governance.offline import lock
listener, target = socket.create_server(("127.0.0.1", 0)), int(sys.argv[1])
number = listener.fileno()
lock.engage(accepting={number} if sys.argv[2] == "gateway" else None)
libc = ctypes.CDLL(None, use_errno=True)
def told(result):
    print("got through" if result >= 0 else errno.errorcode[ctypes.get_errno()])
def address(family, port=0):
    data = struct.pack("=HH", family, socket.htons(port)) + bytes([127, 0, 0, 1]) + bytes(8)
    return ctypes.create_string_buffer(data)
told(libc.connect(number, address(socket.AF_UNSPEC), 16))
told(libc.connect(number, address(socket.AF_INET, target), 16))
told(libc.sendto(number, b"x", 1, 0x20000000, address(socket.AF_INET, target), 16))
told(libc.socket(socket.AF_INET, socket.SOCK_STREAM, 0))
"""


@pytest.mark.parametrize(
    ("which", "told"),
    [("gateway", ["EACCES"] * 4), ("models", ["EBADF", "EBADF", "EBADF", "EACCES"])],
)
def test_no_listening_socket_is_turned_into_a_way_out(which: str, told: list[str]) -> None:
    """Without a lock the two steps lead out: it forgets that it listens, and connects."""
    with socket.create_server(("127.0.0.1", 0)) as target:
        port = str(target.getsockname()[1])
        line = [sys.executable, "-c", ESCAPES, port, which]
        ran = subprocess.run(line, capture_output=True, text=True, check=False)
        assert ran.stdout.splitlines() == told, ran.stderr
        free = ESCAPES.replace("lock.engage(", "dict(")
        ran = subprocess.run([*line[:2], free, *line[3:]], capture_output=True, text=True, check=False)
        assert ran.stdout.splitlines()[:2] == ["got through"] * 2, ran.stderr


def network_sockets(process: int) -> list[str]:
    """The sockets of TCP and UDP that a process has open."""
    tables = [Path(f"/proc/{process}/net/{name}") for name in ("tcp", "tcp6", "udp", "udp6", "raw")]
    rows = [row.split() for table in tables if table.exists() for row in table.read_text().splitlines()[1:]]
    inodes = {f"socket:[{row[9]}]" for row in rows}
    links = (one.readlink() for one in Path(f"/proc/{process}/fd").iterdir() if one.exists())
    return [str(link) for link in links if str(link) in inodes]


def test_only_the_gateway_has_network_sockets(gateway: Gateway) -> None:
    with contextlib.suppress(urllib.error.HTTPError), urllib.request.urlopen(f"http://127.0.0.1:{gateway.port}/readyz"):
        pass  # it asks the resident, which starts
    until(lambda: client.status() is not None)
    resident = client.status()
    assert resident is not None
    assert network_sockets(gateway.process)
    assert network_sockets(gateway.broker.pid) == []
    assert network_sockets(int(resident["pid"])) == []


@pytest.mark.parametrize("text", ["8011", "127.0.0.1:", "127.0.0.1:x", "127.0.0.1:70000", ":8011"])
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="is no address"):
        processes.address(text)


@pytest.mark.parametrize(
    ("policy", "words", "status", "said"),
    [
        ("", ["--http", "127.0.0.1:0"], 5, "the policy refuses: no gateway on 127.0.0.1 (serve.addresses)"),
        ('[serve]\naddresses = ["127.0.0.1"]\n', ["--http", "0.0.0.0:0"], 5, "no gateway on 0.0.0.0"),
        ('[serve]\naddresses = ["127.0.0.1"]\n', [], 2, "nothing is to listen"),
        ('[serve]\naddresses = ["127.0.0.1"]\n', ["--http", "nowhere"], 2, "'nowhere' is no address"),
        ('[serve]\naddresses = ["127.0.0.1"]\n', ["--http", "127.0.0.1:0", "--token-file", "x"], 3, "the token in x"),
    ],
)
def test_what_does_not_begin_says_why_and_listens_nowhere(
    home: Path, policy: str, words: list[str], status: int, said: str
) -> None:
    if policy:
        (home / "config").mkdir()
        (home / "config" / "policy.toml").write_text(policy)
    ran = subprocess.run([*COMMAND, "serve", *words], capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stderr.count("\n")) == (status, 1), ran.stderr
    assert said in ran.stderr
    assert textwrap.shorten(ran.stdout, 200) == ""
