"""What the processes of the gateway can do to the network, and what is left of them."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import textwrap
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing, suppress
from http.client import HTTPConnection
from pathlib import Path

import pytest
from helpers.commands import COMMAND, HANGS
from helpers.gateways import TOKEN, Gateway, housed, serving
from helpers.platforms import needs_lock

from edge_assistant.core.errors import UsageError
from edge_assistant.governance.policy import pin
from edge_assistant.resident import client
from edge_assistant.serve import processes

pytestmark = needs_lock
PROTOCOLS = ("http",)
ROLES = f'roles.pin = "{pin.hashed("147258", cost=1024)}"\n'

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


def test_a_resident_starts_for_a_question_only_and_has_no_network_sockets(gateway: Gateway) -> None:
    url, body = f"http://127.0.0.1:{gateway.port}", b'{"input": "a pump"}'
    with pytest.raises(urllib.error.HTTPError, match="503") as caught, urllib.request.urlopen(f"{url}/readyz"):
        pass
    with caught.value as answer:
        assert json.loads(answer.read()) == {"status": "no resident runs"}
    assert client.status() is None
    asked = urllib.request.Request(f"{url}/v1/embeddings", body, {"Authorization": f"Bearer {TOKEN}"})
    with urllib.request.urlopen(asked) as answer:
        assert answer.status == 200
    with urllib.request.urlopen(f"{url}/readyz") as answer:
        assert json.loads(answer.read()) == {"status": "ready"}
    resident = client.status()
    assert resident is not None
    assert network_sockets(gateway.process)
    assert network_sockets(gateway.broker.pid) == []
    assert network_sockets(int(resident["pid"])) == []


def test_no_answer_waits_for_the_client_to_acknowledge_its_first_part(gateway: Gateway) -> None:
    """Linux does that after 40 ms; the first answers of a connection are acknowledged at once."""
    took = []
    with closing(HTTPConnection("127.0.0.1", gateway.port)) as connection:
        for _ in range(30):
            began = time.perf_counter()
            connection.request("GET", "/healthz")
            assert connection.getresponse().read()
            took.append(time.perf_counter() - began)
    assert min(took[-10:]) < 0.03, took


@pytest.mark.parametrize(("end", "status"), [(signal.SIGKILL, 70), (signal.SIGTERM, 0)])
def test_a_gateway_that_is_killed_is_a_failure_of_the_command(
    homes: Iterator[Path], store: Path, end: signal.Signals, status: int, capfd: pytest.CaptureFixture[str]
) -> None:
    with serving(next(homes), store, "http") as running:
        os.kill(running.process, end)
        assert running.broker.wait(HANGS) == status
    assert capfd.readouterr().err == (
        f"error: the gateway ended by itself (status {-end}) - start it again\n" * (status > 0)
    )


def test_that_models_are_missing_is_said_before_anybody_asks(tmp_path: Path) -> None:
    def told() -> dict[str, str]:
        with suppress(urllib.error.HTTPError), urllib.request.urlopen(f"http://127.0.0.1:{gateway.port}/readyz") as got:
            found: dict[str, str] = json.loads(got.read())
            return found
        return {}

    with serving(tmp_path / "home", tmp_path / "no models", "http") as gateway:
        with pytest.MonkeyPatch.context() as patch:
            housed(patch, gateway.home, tmp_path / "no models")
            assert subprocess.run([*COMMAND, "resident", "start"], env=dict(os.environ), check=False).returncode == 0
        assert told() == {"status": "degraded", "code": "model.missing"}


@pytest.mark.parametrize("text", ["8011", "127.0.0.1:", "127.0.0.1:x", "127.0.0.1:70000", ":8011"])
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="is no address"):
        processes.address(text)


def test_an_address_is_told_as_it_stands_in_links() -> None:
    script = "from edge_assistant.serve import processes as all; all.fork(['--app=[::1]:0']); print(all.forked.ports)"
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert ran.stdout.startswith("{'app': '[::1]:")


@pytest.mark.parametrize(
    ("policy", "words", "status", "said"),
    [
        ("", ["--http", "127.0.0.1:0"], 5, "the policy refuses: no gateway on 127.0.0.1 (serve.addresses)"),
        ('[serve]\naddresses = ["127.0.0.1"]\n', ["--http", "0.0.0.0:0"], 5, "no gateway on 0.0.0.0"),
        ('[serve]\naddresses = ["127.0.0.1"]\n', [], 2, "nothing is to listen"),
        ('[serve]\naddresses = ["127.0.0.1"]\n', ["--http", "nowhere"], 2, "'nowhere' is no address"),
        ('[serve]\naddresses = ["127.0.0.1"]\n', ["--http", "127.0.0.1:0", "--token-file", "x"], 3, "the token in x"),
        ('[serve]\naddresses = ["127.0.0.1"]\n', ["--http", "127.0.0.1:0", "--app", "127.0.0.1:0"], 2, "of its own"),
        (f'{ROLES}serve.addresses = ["127.0.0.1"]\n', ["--http", "127.0.0.1:0"], 5, "a visitor may not: serve (roles."),
        (f'{ROLES}serve.addresses = ["stdio"]\n', ["--mcp", "stdio"], 5, "a visitor may not: serve (roles.visitor)"),
    ],
)
def test_what_does_not_begin_says_why_and_listens_nowhere(
    home: Path, policy: str, words: list[str], status: int, said: str
) -> None:
    if policy:
        (home / "config").mkdir()
        (home / "config" / "policy.toml").write_text(policy)
    ran = subprocess.run(
        [*COMMAND, "serve", *words], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    assert (ran.returncode, ran.stderr.count("\n")) == (status, 1), ran.stderr
    assert said in ran.stderr
    assert textwrap.shorten(ran.stdout, 200) == ""
