"""The app on a pseudoterminal: the next one begins once the one before has ended, whatever that does."""

from __future__ import annotations

import subprocess
import sys

import pytest
from helpers.platforms import needs_lock

pytestmark = needs_lock

# It forks, so it is a process of its own, without the threads of tests.
BROKER = """
import os, pathlib, socket, sys, threading, time
from edge_assistant.cli import serve
from edge_assistant.serve import messages, processes, pty_process
pty_process._ENDS_S = 0.5
pty_process.COMMAND = ("/bin/sh", "-c", sys.argv[1])
def read(descriptor, text):
    found = b""
    while text not in found:
        found += os.read(descriptor, 1000)
    return found
shown = pty_process.PtyProcess()
os.environ["NOTIFY_SOCKET"] = "/nowhere"
"""
TWO = """
first = shown.started(91, 17)
print(read(first, b"ready").split())
process = shown._process
os.close(first)
second = shown.started(91, 17)
print(read(second, b"ready").split(), pathlib.Path(f"/proc/{process}").exists(), shown._process != process)
os.close(second)
shown.end()
print(shown._process)
"""
ONE = """
broker, gateway = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
def page():
    gateway.send(messages.APP + b"[91, 17]")
    [descriptor] = socket.recv_fds(gateway, 100, 1)[1]
    print(read(descriptor, b"ready").split())
    os.close(descriptor)
    gateway.send(messages.HUNG_UP)
    while shown._process is not None:
        gateway.send(messages.TURNED)
        time.sleep(0.05)
    print(shown._process)
    gateway.close()
threading.Thread(target=page).start()
serve._serve(processes.Fork(broker, 0, {}, {}), [], shown, starts=False)
"""
SAID = "[b'17', b'91', b'xterm-256color', b'ready']"


def said(script: str, begins: str) -> list[str]:
    """What a broker says, whose app is a shell that begins so and stays."""
    sized = 'until stty size | grep -v "^0 0$"; do sleep 0.05; done'
    shell = f'{begins} {sized}; echo "$TERM${{NOTIFY_SOCKET-}}"; echo ready; while :; do sleep 1; done'
    line = [sys.executable, "-c", BROKER + script, shell]
    ran = subprocess.run(line, capture_output=True, text=True, timeout=60, check=False)
    assert not ran.stderr
    return ran.stdout.splitlines()


@pytest.mark.parametrize("begins", ["", "trap '' HUP;"])
def test_one_takes_the_place_of_another(begins: str) -> None:
    """Also of one that does not end when its terminal hangs up."""
    assert said(TWO, begins) == [SAID, f"{SAID} False True", "None"]


@pytest.mark.parametrize("begins", ["", "trap '' HUP;"])
def test_it_ends_with_its_page_if_no_other_comes(begins: str) -> None:
    assert said(ONE, begins) == [SAID, "None"]
