"""A confined process keeps what it has open and computes; all else is refused, whatever the kernel lacks of it."""

from __future__ import annotations

import errno
import socket
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from helpers.platforms import needs_landlock, needs_lock

pytestmark = needs_lock

# Runs Python code under a filter that answers a system call as a kernel does that has none of it.
WITHOUT = """
import os, sys
from edge_assistant.sandbox import seccomp
made, number = seccomp.BpfInstruction, int(sys.argv[1])
seccomp.install([made(0x20, 0, 0, 0), made(0x15, 0, 1, number), made(0x06, 0, 0, 0x50000 | int(sys.argv[2])),
                 made(0x06, 0, 0, seccomp.ALLOW)], seccomp.machine().numbers["seccomp"])
os.execv(sys.argv[3], sys.argv[3:])
"""
LANDLOCK = (444, errno.ENOSYS)
REFUSED = {
    "read a file": "open('/etc/hostname')",
    "write a file": "open(sys.argv[1] + '/new', 'w')",
    "write where reading is allowed": "open(sys.argv[1] + '/there', 'r+')",
    "make a file in memory": "os.memfd_create('new')",
    "open a file by its descriptor": "open('/proc/self/fd/0')",
    "look at another file": "os.stat('/etc/hostname')",
    "remove a file": "os.unlink(sys.argv[1] + '/there')",
    "rename a file": "os.rename(sys.argv[1] + '/there', sys.argv[1] + '/here')",
    "change its rights": "os.chmod(sys.argv[1] + '/there', 0o777)",
    "make a socket": "socket.socket(socket.AF_UNIX)",
    "make a network socket": "socket.socket(socket.AF_INET)",
    "make a pair of sockets": "socket.socketpair()",
    "start a program": "os.execv('/bin/sh', ['sh', '-c', 'true'])",
    "fork": "os.fork()",
    "start another program": "subprocess.run(['true'], check=False)",
    "signal its parent": "os.kill(os.getppid(), 0)",
    "signal its parent by a file": "fcntl.fcntl(0, fcntl.F_SETOWN, os.getppid())",
    "look into its parent": "open(f'/proc/{os.getppid()}/environ')",
    "take what its parent has open": "os.pidfd_open(os.getppid())",
    "change its priority": "os.nice(-1)",
    "raise its limits": "resource.setrlimit(resource.RLIMIT_AS, (-1, -1))",
    "obey a terminal": "fcntl.ioctl(0, termios.TIOCSTI, b'x')",
}


def told(
    code: str, *arguments: str, without: tuple[int, int] | None = None, readable: str = "()", before: str = ""
) -> list[str]:
    """What confined Python code prints, first what the system lacked; `before` runs while it is not confined yet."""
    script = "import fcntl, os, resource, socket, subprocess, sys, termios, threading\n"
    script += f"from edge_assistant.sandbox import confinement\n{before}\n"
    script += f"print(confinement.confine({readable}, 1 << 28))\n" + textwrap.dedent(code)
    command = [sys.executable, "-c", script, *arguments]
    if without is not None:
        command = [sys.executable, "-c", WITHOUT, *map(str, without), *command]
    environment = {"OPENBLAS_NUM_THREADS": "1", "PYTHONPATH": ":".join(sys.path)}
    ran = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, env=environment
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout.splitlines()


@pytest.mark.parametrize("without", [pytest.param(None, marks=needs_landlock), LANDLOCK], ids=["whole", "no Landlock"])
def test_everything_but_computing_is_refused(tmp_path: Path, without: tuple[int, int] | None) -> None:
    (tmp_path / "there").write_text("kept")
    code = "".join(
        f"""
        try:
            {call}
            print({name!r})
        except (OSError, ValueError):
            pass
        """
        for name, call in REFUSED.items()
    )
    missing, *through = told(code, str(tmp_path), without=without)
    assert through == []
    assert ("Landlock" in missing) is (without is not None)
    assert (tmp_path / "there").read_text() == "kept"


@needs_landlock
def test_it_reads_in_folders_that_it_was_left(tmp_path: Path) -> None:
    (tmp_path / "font").write_text("glyphs")
    code = "print(open(sys.argv[1] + '/font').read(), os.listdir(sys.argv[1]))"
    assert told(code, str(tmp_path), readable="(sys.argv[1],)")[1:] == ["glyphs ['font']"]
    refused = f"try:\n    {code}\nexcept OSError:\n    print('refused')"
    assert told(refused, str(tmp_path), readable="(sys.argv[1],)", without=LANDLOCK)[1:] == ["refused"]


def test_it_computes_in_threads_with_bounded_memory() -> None:
    code = """
    done = []
    thread = threading.Thread(target=done.append, args=(sum(range(1000)),))
    thread.start()
    thread.join()
    print(done, len(bytes(1 << 27)))
    try:
        bytes(1 << 29)
    except MemoryError:
        print("bounded")
    """
    assert told(code)[1:] == [f"[499500] {1 << 27}", "bounded"]


def test_where_the_system_takes_no_filter_it_says_so() -> None:
    from edge_assistant.sandbox import confinement, seccomp

    machine = seccomp.machine()
    assert machine is not None
    (missing,) = told("", without=(machine.numbers["seccomp"], errno.EINVAL))
    assert confinement.NO_FILTER in missing


@needs_landlock
def test_a_thread_that_was_there_before_gets_no_files_either(tmp_path: Path) -> None:
    """Landlock keeps only the thread that asks for it, so that where there are others no file is left to be read."""
    (tmp_path / "font").write_text("glyphs")
    thread = "threading.Thread(target=threading.Event().wait, daemon=True).start()"
    code = "try:\n    open(sys.argv[1] + '/font')\nexcept OSError:\n    print('refused')"
    assert told(code, str(tmp_path), readable="(sys.argv[1],)", before=thread)[1:] == ["refused"]


def test_what_it_has_open_stays_open() -> None:
    one, other = socket.socketpair()
    with one, other:
        code = "import os, sys\nfrom edge_assistant.sandbox import confinement\nconfinement.confine((), 1 << 28)\n"
        code += "os.write(int(sys.argv[1]), os.read(int(sys.argv[1]), 9))"
        one.send(b"there")
        subprocess.run([sys.executable, "-c", code, str(other.fileno())], pass_fds=(other.fileno(),), check=True)
        assert one.recv(9) == b"there"


def test_memory_is_bounded_and_none_dumped_where_there_is_no_proc() -> None:
    code = """
    import pathlib, resource
    from edge_assistant.sandbox import confinement
    confinement.Path = lambda name: pathlib.Path("/nowhere" + name)
    confinement._limit(1 << 28)
    print(resource.getrlimit(resource.RLIMIT_CORE))
    try:
        bytes(3 << 29)
    except MemoryError:
        print("bounded")
    """
    environment = {"OPENBLAS_NUM_THREADS": "1", "PYTHONPATH": ":".join(sys.path)}
    command = [sys.executable, "-c", textwrap.dedent(code)]
    ran = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    assert ran.stdout.splitlines() == ["(0, 0)", "bounded"]
