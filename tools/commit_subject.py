"""Fails if a commit's subject is longer than 72 characters, ends with a full stop, or has no empty line below it.

Without an argument it checks the last commits, as `make check` does; with a file the message in it, for pre-commit.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

MOST = 72  # characters, which `git log` shows in one line
RECENT = 10  # commits


def faults(message: str) -> list[str]:
    """What is wrong with a commit message; comment lines do not count.

    >>> faults("Read each source before rules"), faults("It was read.")
    ([], ["'It was read.' ends with a full stop"])
    """
    lines = [line for line in message.splitlines() if not line.startswith("#")]
    subject = lines[0] if lines else ""
    checks = {
        "is empty": not subject,
        f"has more than {MOST} characters": len(subject) > MOST,
        "ends with a full stop": subject.endswith("."),
        "has no empty line below it": len(lines) > 1 and bool(lines[1]),
    }
    return [f"{subject!r} {fault}" for fault, there in checks.items() if there]


def main() -> int:
    """Print what is wrong; 1 if anything is."""
    if len(sys.argv) > 1:
        messages = [Path(sys.argv[1]).read_text("utf-8")]
    else:
        log = ["git", "log", f"-{RECENT}", "--no-merges", "-z", "--format=%B"]
        messages = subprocess.run(log, capture_output=True, text=True, check=True).stdout.split("\0")
    found = [fault for message in messages if message for fault in faults(message)]
    print(*found, sep="\n", end="\n" if found else "")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
