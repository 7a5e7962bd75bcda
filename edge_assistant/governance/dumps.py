"""No picture of the memory is written to the disk where a process dies: keys and all that was said stand in it."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path

_FILTER = Path("/proc/self/coredump_filter")  # which memory goes into a core dump, see core(5)
_NEITHER = 1  # byte: less than a file begins with, and the one limit at which Linux hands nothing to a program either


def off() -> None:
    """Keep the system from writing core dumps of this process and its children, where it knows such a limit.

    Most Linux systems hand core dumps to a program (systemd-coredump, apport), for which a limit of 0 does not count.
    So no memory is to be in them in the first place, and the limit is the one that does.
    """
    with contextlib.suppress(OSError):
        _FILTER.write_text("0")
    for limit in (_NEITHER, 0) if sys.platform == "linux" else (0,):
        with contextlib.suppress(ImportError, OSError, ValueError):
            import resource

            resource.setrlimit(resource.RLIMIT_CORE, (limit, limit))
            return
