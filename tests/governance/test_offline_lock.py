"""The offline lock in real processes: what it refuses, to whom, and where it cannot be set."""

from __future__ import annotations

import errno
import json
import os
import platform
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path

import pytest
from helpers.commands import COMMAND
from helpers.platforms import needs_lock

from edge_assistant.core.errors import LockFailed
from edge_assistant.governance.offline import lock
from edge_assistant.sandbox import seccomp
from edge_assistant.session import health

pytestmark = needs_lock

# Runs a command under a filter that refuses the call `seccomp`, as a strict sandbox does.
REFUSING = """
import errno, os, sys
from edge_assistant.sandbox import seccomp
number = seccomp.machine().numbers["seccomp"]
made = seccomp.BpfInstruction
refuses = [made(0x20, 0, 0, 0), made(0x15, 0, 1, number), made(0x06, 0, 0, 0x50000 | errno.EPERM),
           made(0x06, 0, 0, seccomp.ALLOW)]
seccomp.install(refuses, number)
os.execv(sys.argv[1], sys.argv[1:])
"""
IA32_GETPID = bytes.fromhex("b814000000 cd80 c3")  # mov eax, 20; int 0x80; ret


def locked(script: str, *arguments: str, before: str = "") -> subprocess.CompletedProcess[str]:
    """Run Python code in a process that has locked itself after `before`."""
    code = "import ctypes, errno, os, socket, subprocess, sys, threading\n"
    code += "from edge_assistant.governance.offline import lock\nfrom edge_assistant.sandbox import seccomp\n"
    code += textwrap.dedent(before)
    code += "\nassert lock.engage() == lock.OfflineLock(True)\n" + textwrap.dedent(script)
    return subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False)


def printed(script: str, *arguments: str, before: str = "") -> list[str]:
    ran = locked(script, *arguments, before=before)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout.splitlines()


def edge_assistant(*arguments: str, **options: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*COMMAND, *arguments], capture_output=True, text=True, check=False, **options)


def test_threads_and_children_are_refused_every_way_but_unix_sockets() -> None:
    before = """
    told, go = [], threading.Event()
    def tries():
        go.wait(60)
        for family in range(-1, 64):
            for call in (socket.socket, socket.socketpair):
                try:
                    made = call(family, socket.SOCK_DGRAM)
                    told.append(family)
                except OSError as error:
                    assert error.errno == errno.EACCES, (family, call, error)
    early = threading.Thread(target=tries)
    early.start()
    """
    script = """
    late = threading.Thread(target=tries)
    late.start()
    go.set()
    early.join(), late.join()
    print(*told)
    libc = ctypes.CDLL(None, use_errno=True)
    numbers = seccomp.machine().numbers
    for name, told in seccomp.REFUSED.items():
        assert libc.syscall(numbers[name], 0, 0, 0, 0, 0, 0) == -1
        assert ctypes.get_errno() == told, name
    for request in seccomp.IOCTLS:  # on no descriptor: a kernel without the filter says EBADF, whatever its settings
        for above in (0, 1 << 32, 0xFFFFFFFF << 32):
            told = libc.syscall(numbers["ioctl"], -1, ctypes.c_ulong(request | above), 0), ctypes.get_errno()
            assert told == (-1, errno.EPERM), request
    def filters():
        return [line for line in open("/proc/self/status") if line.startswith("Seccomp_filters")]
    once = filters()
    assert lock.engage() == lock.engage(wanted=False) == lock.state() == lock.OfflineLock(True)
    print(once == filters(), flush=True)
    code = "import socket\\ntry: socket.socket()\\nexcept OSError as error: print(error.errno)"
    subprocess.run([sys.executable, "-c", code])
    subprocess.run(["grep", "-E", "^(NoNewPrivs|Seccomp):", "/proc/self/status"])
    """
    told = printed(script, before=before)
    assert told == ["1 1 1 1", "True", str(errno.EACCES), "NoNewPrivs:\t1", "Seccomp:\t2"]


def test_nothing_is_typed_into_the_shell() -> None:
    """Code under the lock on a terminal that it controls, in a session of its own as behind a shell."""
    before = """
    import fcntl, select, termios
    os.setsid()
    main, terminal = os.openpty()
    fcntl.ioctl(terminal, termios.TIOCSCTTY, 0)
    """
    script = """
    for request, given in ((termios.TIOCSTI, b"\\n"), (0x541C, bytes(4)), (termios.TIOCSETD, bytes(4))):
        for descriptor in (terminal, os.open("/dev/tty", os.O_RDWR)):
            try:
                fcntl.ioctl(descriptor, request, given)
                print("granted", request)
            except OSError as error:
                print(errno.errorcode[error.errno])
    print(select.select([terminal], [], [], 0)[0])
    """
    assert printed(script, before=before) == ["EPERM"] * 6 + ["[]"]


@pytest.mark.parametrize("wanted", [True, False])
def test_a_filter_of_somebody_else_that_answers_alike_is_no_lock(wanted: bool) -> None:
    """It refuses the family that the lock asks about, and no other; then it is locked, even where nobody wanted it."""
    before = """
    made, of = seccomp.BpfInstruction, seccomp.machine().numbers
    allows = made(seccomp.RETURN, 0, 0, seccomp.ALLOW)
    alike = [made(seccomp.LOAD, 0, 0, 0), made(seccomp.EQUAL, 0, 4, of["socket"]), made(seccomp.LOAD, 0, 0, 16),
             made(seccomp.EQUAL, 0, 1, seccomp.NO_FAMILY),
             made(seccomp.RETURN, 0, 0, seccomp.ERRNO | errno.EACCES), allows, allows]
    seccomp.install(alike, of["seccomp"])
    assert seccomp.in_force()
    socket.socket().close()
    engage, lock.engage = lock.engage, lambda: engage(wanted=WANTED)
    """.replace("WANTED", str(wanted))
    script = """
    try: socket.socket()
    except OSError as error: print(error.errno)
    """
    assert printed(script, before=before) == [str(errno.EACCES)]


def test_a_32_bit_call_ends_the_process() -> None:
    before = f"""
    import mmap
    code = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    code.write({IA32_GETPID!r})
    call = ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(code)))
    """
    if os.uname().machine != "x86_64":
        pytest.skip("arm64 calls 32-bit code in no such way; the filter's test covers it")
    script = "import ctypes\n" + textwrap.dedent(before) + "print(call())"
    if subprocess.run([sys.executable, "-c", script], capture_output=True, check=False).returncode:
        pytest.skip("this kernel runs no 32-bit calls")
    assert locked("print(call())", before=before).returncode == -signal.SIGSYS


def test_a_network_socket_that_was_inherited_is_closed() -> None:
    with socket.socket() as network, socket.socket(socket.AF_UNIX) as unix, tempfile.TemporaryFile() as file:
        script = """
        for descriptor in map(int, sys.argv[1:]):
            try:
                os.fstat(descriptor)
                print("open")
            except OSError:
                print("closed")
        """
        code = "import os, sys\nfrom edge_assistant.governance.offline import lock\nlock.engage()\n"
        given = [network.fileno(), unix.fileno(), file.fileno()]
        command = [sys.executable, "-c", code + textwrap.dedent(script), *map(str, given)]
        ran = subprocess.run(command, capture_output=True, text=True, check=True, pass_fds=given)
    assert ran.stdout.split() == ["closed", "open", "open"]


@pytest.mark.parametrize("stream", ["stdin", "stderr"])
def test_a_network_socket_in_place_of_a_stream_is_refused(stream: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as network:
        out = subprocess.PIPE
        streams = {"stdin": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, stream: network}
        ran = subprocess.run([*COMMAND, "models", "list", "--json"], stdout=out, check=False, **streams)
    assert ran.returncode == 5
    error = json.loads(ran.stdout)["error"]
    assert error["code"] == "lock"
    assert error["message"] == f"descriptor {0 if stream == 'stdin' else 2} of this process is a network socket"


def test_where_the_kernel_refuses_the_command_and_the_app_stop() -> None:
    refusing = [sys.executable, "-c", REFUSING, *COMMAND]
    ran = subprocess.run([*refusing, "doctor", "--json"], capture_output=True, text=True, check=False)
    assert ran.returncode == LockFailed.exit_status == 5
    assert ran.stderr == (
        "error: the offline lock cannot be set: the kernel refuses seccomp (Operation not permitted)"
        " - use a Linux with seccomp filters; or --no-lock before the verb, and code can reach the network\n"
    )
    assert json.loads(ran.stdout)["error"]["code"] == "lock"
    app = [sys.executable, "-c", REFUSING, sys.executable, "-m", "edge_assistant_tui"]
    ran = subprocess.run(app, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    assert ran.returncode == 5
    assert ran.stderr.startswith("error: the offline lock cannot be set: the kernel refuses seccomp")
    went_on = subprocess.run(
        [*refusing, "--no-lock", "models", "list", "--json"], capture_output=True, text=True, check=False
    )
    assert went_on.returncode == 0
    assert json.loads(went_on.stdout)["models"]


def test_doctor_is_not_ready_unlocked() -> None:
    ran = edge_assistant("--no-lock", "doctor", "--json")
    said = json.loads(ran.stdout)
    (check,) = [check for check in said["checks"] if check["name"] == "offline lock"]
    assert (check["ok"], check["found"], check["hint"]) == (False, "NOT OFFLINE, --no-lock was given", "leave it out")
    assert said["ready"] is False
    assert ran.returncode == 1
    assert ran.stderr == (
        "warning: NOT OFFLINE: code in this process can reach the network, as --no-lock was given - leave it out\n"
    )


def test_elsewhere_it_is_said_to_be_unlocked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seccomp, "machine", lambda: None)
    monkeypatch.setattr(lock, "_unlocked", lock.state())
    found = lock.engage()
    assert (found.word, found.why_not) == ("NOT OFFLINE", "it works on Linux on x86-64 and arm64 only")
    assert health.offline_lock().ok is False


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other C libraries ask no resolver but over the network")
@pytest.mark.parametrize("set_", ["whole", "filter alone"])
def test_no_resolver_of_this_machine_is_asked_for_a_name(tmp_path: Path, set_: str) -> None:
    """One that runs beside, such as nscd or systemd-resolved, would pass the name on to the network."""
    script = """
    import socket, sys
    from edge_assistant.governance.offline import lock
    from edge_assistant.sandbox import seccomp
    if sys.argv[1] == "whole":
        lock.engage()
    else:
        machine = seccomp.machine()
        seccomp.install(seccomp.program(machine), machine.numbers["seccomp"])
    assert socket.gethostbyname("localhost") == "127.0.0.1"
    try:
        socket.gethostbyname("a-name-that-leaves.invalid")
    except OSError:
        print("unknown")
    """
    strace = ["strace", "-f", "-qq", "-e", "trace=connect", "-o", str(tmp_path / "trace")]
    command = [*strace, sys.executable, "-c", textwrap.dedent(script), set_]
    ran = subprocess.run(command, capture_output=True, text=True, check=True)
    assert ran.stdout == "unknown\n"
    assert ("AF_UNIX" in (tmp_path / "trace").read_text()) is (set_ == "filter alone")


def test_it_comes_before_other_libraries() -> None:
    code = """
    import sys
    before = set(sys.modules)
    from edge_assistant.cli import main
    from edge_assistant.governance.offline import lock
    engage = lock.engage
    def engaged(**how):
        loaded.update(sys.modules)
        return engage(**how)
    loaded = set()
    lock.engage = engaged
    sys.argv = ["edge-assistant", "models", "list", "--json"]
    assert main.main() == 0 and lock.state().locked
    top = {name.partition(".")[0] for name in loaded - before} - sys.stdlib_module_names
    print(sorted(top), file=sys.stderr)
    """
    ran = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=True)
    assert ran.stderr == "['edge_assistant', 'edge_assistant_models']\n"
