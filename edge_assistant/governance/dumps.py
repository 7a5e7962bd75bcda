"""No picture of the memory is written to the disk where a process dies: keys and all that was said stand in it."""

from __future__ import annotations

import contextlib


def off() -> None:
    """Keep the system from writing core dumps of this process and its children, where it knows such a limit."""
    with contextlib.suppress(ImportError, OSError, ValueError):
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
