"""A Python process of its own for code that may go wrong: it shares one socket with this one, and can be killed."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import time

_CODE = "import json, sys; sys.path[:] = json.loads(sys.argv[1]); from {module} import main; main({descriptor})"
# Nothing of this process's. Each arena reserves 64 MB; a library that starts threads when it is imported starts none.
_ENVIRONMENT = {"LC_ALL": "C.UTF-8", "MALLOC_ARENA_MAX": "2", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
_GONE_S = 5.0  # in which a process that was killed is gone


class ChildProcess:
    """One such process.

    Attributes:
        channel: this end of the socket; the other one is the only thing that the process has open.
    """

    def __init__(self, module: str) -> None:
        """Start it; that takes some milliseconds, in which it has not imported anything yet.

        Args:
            module: whose `main` is called with the descriptor of its end of the socket.

        Raises:
            OSError: it cannot be started.
        """
        self.channel, other = socket.socketpair()
        descriptor = other.fileno()
        places = json.dumps([place for place in sys.path if os.path.isabs(place)])  # noqa: PTH117 - of many, quickly
        command = [sys.executable, "-I", "-S", "-B", "-c", _CODE.format(module=module, descriptor=descriptor), places]
        with other:
            try:
                self._process = subprocess.Popen(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    pass_fds=(descriptor,),
                    env=_ENVIRONMENT,
                    cwd="/",
                    start_new_session=True,  # of no terminal, whose Ctrl-C is for this process
                )
            except BaseException:
                self.channel.close()
                raise

    @property
    def pid(self) -> int:
        """Its number."""
        return self._process.pid

    def seconds(self) -> float:
        """Processor time that it has taken; 0 where the system does not tell."""
        with contextlib.suppress(OSError):
            return time.clock_gettime(~self._process.pid << 3 | 2)  # clock_getcpuclockid(3)
        return 0.0

    def end(self) -> None:
        """Kill it."""
        self.channel.close()
        self._process.kill()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_GONE_S)

    def let_go(self) -> None:
        """Close this end of the socket, as a fork has to whose parent goes on with it."""
        self.channel.close()
        self._process.returncode = 0  # not to be waited for
