"""Run the demo's three questions under strace, and say which sockets they asked for and which the kernel granted.

    python tools/offline_trace.py
    python tools/offline_trace.py -- ask "Is the door open?" --image door.jpg

Every process and thread of each command is traced, from its first instruction on, with CI unset, as libraries that send
telemetry keep silent under CI. The status is 1 where a network socket was granted. Needed: strace, the starter models.
"""

from __future__ import annotations

import argparse
import os
import re
import shlex
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

from locked import ROOT

CALLS = "socket,socketpair,connect,bind,io_uring_setup,pidfd_getfd,seccomp"
_DEMO = re.compile(r"\$\(BIN\)/edge-assistant (ask \".*)")
_CALL = re.compile(r"^\d+ +(?P<name>\w+)\((?P<first>[^,)]*).*\) += (?P<result>-?\d+)(?: (?P<error>E\w+))?")
_ADDRESS = re.compile(r"sa_family=(AF_\w+)")


def demo() -> list[list[str]]:
    """The questions that `make demo` asks."""
    makefile = (ROOT / "Makefile").read_text("utf-8").partition("\ntest:")[0]
    return [shlex.split(line) for line in _DEMO.findall(makefile)]


def trace(arguments: list[str]) -> tuple[list[str], int]:
    """What strace wrote of one command, and of how many processes and threads.

    Raises:
        CalledProcessError: the command fails.
    """
    environment = {name: value for name, value in os.environ.items() if name != "CI"}
    command = [sys.executable, "-m", "edge_assistant.cli.main", *arguments]
    with tempfile.TemporaryDirectory() as folder:
        strace = ["strace", "-ff", "-qq", "-e", f"trace={CALLS}", "-o", f"{folder}/trace", *command]
        subprocess.run(strace, cwd=ROOT, env=environment, check=True)
        files = sorted(Path(folder).iterdir())
        lines = [f"{file.suffix[1:]} {line}" for file in files for line in file.read_text().splitlines()]
        return lines, len(files)


def permitted(lines: list[str]) -> list[str]:
    """The lines by which something of the network was had: a socket, an address, a ring or another's descriptor."""
    found = []
    for line in lines:
        call = _CALL.match(line)
        if call is None or int(call["result"]) < 0:
            continue
        family = address[1] if (address := _ADDRESS.search(line)) else call["first"]
        unix = call["name"] in {"socket", "socketpair", "connect", "bind"} and family in {"AF_UNIX", "AF_LOCAL"}
        if not unix and call["name"] != "seccomp":
            found.append(line)
    return found


def summary(lines: list[str]) -> Counter[str]:
    """How often each call came to what, over all processes."""
    calls = [call for line in lines if (call := _CALL.match(line))]
    words = {"socket", "socketpair"}
    return Counter(
        f"{call['name']}({call['first'] if call['name'] in words else ''}) {call['error'] or 'granted'}"
        for call in calls
    )


def main() -> int:
    """Trace, print, judge."""
    parser = argparse.ArgumentParser(description="Trace the sockets of the demo's questions, or of another command.")
    parser.add_argument("command", nargs="*", help="of edge-assistant, behind --")
    args = parser.parse_args()
    bad: list[str] = []
    for arguments in [args.command] if args.command else demo():
        print(f"$ edge-assistant {shlex.join(arguments)}", flush=True)
        lines, processes = trace(arguments)
        bad += permitted(lines)
        print(f"\n  traced as user {os.geteuid()}, {processes} processes and threads; their sockets, and the filter:")
        for call, count in sorted(summary(lines).items()):
            print(f"  {count:4} x {call}")
        print()
    print("\n".join(["GRANTED:", *bad]) if bad else "no network socket was granted")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
