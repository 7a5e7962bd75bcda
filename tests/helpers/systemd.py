"""systemd as PID 1 in namespaces of its own, for the units that are written: no unit of this machine runs there.

`/etc` is a copy, `/run`, `/tmp`, `/var/lib` and home folders are empty; what Python and the tests need of the latter is
bound into them.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

MANAGER = Path("/lib/systemd/systemd")
WAITS_S = 60.0
_ROOT = Path(__file__).parents[2]
_EMPTIED = ("/root", "/home", "/tmp")
_TARGETS = ("default", "basic", "sysinit", "multi-user", "sockets", "timers", "shutdown")
_SPACES = ("--fork", "--pid", "--kill-child", "--mount", "--uts", "--ipc", "--net", "--cgroup", "--mount-proc")
_KEYS = "/etc/credstore.encrypted"
_BOOT = """
set -e
mount --make-rprivate /
ip link set lo up
mount -t cgroup2 none /sys/fs/cgroup
mkdir -p {work}/old
cp -a /etc {work}/etc
for folder in {emptied}; do mkdir -p {work}/old$folder; mount --bind $folder {work}/old$folder; done
mount -t tmpfs -o mode=755 tmpfs /run
mkdir /run/old; mount --rbind {work}/old /run/old
mkdir /run/etc; mount --bind {work}/etc /run/etc
for folder in {emptied} /var/lib /var/tmp; do mount -t tmpfs -o mode=755 tmpfs $folder; done
mount --bind /run/etc /etc
for path in {bound}; do mkdir -p $path; mount --bind /run/old$path $path; done
umount -R /run/old
mkdir -p {keys}
head -c 32 /dev/urandom | systemd-creds encrypt --with-key=host --name=master - {keys}/edge-assistant.master
printf %s {token} | systemd-creds encrypt --with-key=host --name=token - {keys}/edge-assistant.token
mount --make-rshared /
export container=test SYSTEMD_UNIT_PATH=/etc/systemd/system
exec {manager} --system --log-target=null
"""


def missing() -> str:
    """Why it cannot be run here; empty if it can."""
    if sys.platform != "linux" or os.geteuid() != 0:
        return "only root makes such namespaces"
    lacks = [name for name in ("unshare", "nsenter", "ip", "systemctl", "systemd-creds") if shutil.which(name) is None]
    if lacks or not MANAGER.exists():
        return f"not installed: {', '.join(lacks) or MANAGER}"
    tried = subprocess.run(["unshare", *_SPACES, "mount", "-t", "tmpfs", "tmpfs", "/mnt"], capture_output=True)
    if tried.returncode != 0:
        return "namespaces and mounts are not allowed"
    return "" if _cgroup() is not None else "there is no cgroup2"


def analyze(*words: str | Path) -> subprocess.CompletedProcess[str]:
    """Run `systemd-analyze`."""
    return subprocess.run(["systemd-analyze", *map(str, words)], capture_output=True, text=True, timeout=WAITS_S)


class NotifySocket:
    """The end of `$NOTIFY_SOCKET` that systemd has."""

    def __init__(self, address: str) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(address)
        self._socket.setblocking(False)

    def __enter__(self) -> NotifySocket:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def heard(self) -> list[list[str]]:
        """The messages since one looked, each as its lines."""
        found = []
        while True:
            try:
                found.append(self._socket.recv(4_096).decode().split("\n"))
            except BlockingIOError:
                return found


class Booted:
    """A systemd that runs."""

    def __init__(self, manager: int) -> None:
        self._enter = ["nsenter", "-t", str(manager), "-m", "-p", "-n", "-i", "-u", "-C"]

    def run(self, *words: str | Path, check: bool = True) -> str:
        """Run something as root beside it; what it prints."""
        ran = subprocess.run([*self._enter, *map(str, words)], capture_output=True, text=True, timeout=WAITS_S)
        assert not check or ran.returncode == 0, ran.stderr
        return ran.stdout

    def show(self, unit: str) -> dict[str, str]:
        """What it says of a unit."""
        found = self.run("systemctl", "show", unit, check=False).splitlines()
        return dict(line.split("=", 1) for line in found if "=" in line)

    def until(self, unit: str, **wanted: str) -> dict[str, str]:
        """Wait until a unit is as wanted, and give what is said of it."""
        end = time.monotonic() + WAITS_S
        while True:
            found = self.show(unit)
            if all(found.get(key) == value for key, value in wanted.items()):
                return found
            assert time.monotonic() < end, {key: found.get(key) for key in (*wanted, "Result", "ExecMainStatus")}
            time.sleep(0.1)


@contextmanager
def booted(work: Path, units: Mapping[str, str], etc: Mapping[str, str], token: str, *needed: Path) -> Iterator[Booted]:
    """Boot with units, all of which with `[Install]` are enabled.

    Args:
        work: an empty folder.
        units: and drop-ins, by name.
        etc: files that are put into `/etc`, by name.
        token: of the gateway.
        needed: paths that services read, besides those of Python and this repository.
    """
    targets = {f"{name}.target": "[Unit]\nDefaultDependencies=no\n" for name in _TARGETS}
    targets["default.target"] += "Wants=multi-user.target sockets.target timers.target\n"
    script = _BOOT.format(
        work=work,
        emptied=" ".join(_EMPTIED),
        bound=" ".join(map(str, _hidden(needed))),
        keys=_KEYS,
        token=token,
        manager=MANAGER,
    )
    written = {f"systemd/system/{name}": text for name, text in {**targets, **units}.items()} | dict(etc)
    lines = []
    for name, text in written.items():
        (work / "given" / name).parent.mkdir(parents=True, exist_ok=True)
        (work / "given" / name).write_text(text)
    lines.append(f"rm -rf {work}/etc/systemd/system; cp -r {work}/given/. {work}/etc/")
    enabled = " ".join(name for name, text in units.items() if "[Install]" in text)
    lines.append(f"systemctl --root=/ enable {enabled} 2>&1")
    script = script.replace("for folder in", f"{lines[0]}\nfor folder in", 1)
    script = script.replace("mount --make-rshared", f"{lines[1]}\nmount --make-rshared")
    group = _cgroup()
    assert group is not None
    group = group / f"edge-assistant-test-{os.getpid()}"
    group.mkdir(exist_ok=True)
    inside = f'echo $$ > {group}/cgroup.procs; exec unshare {" ".join(_SPACES)} sh -c "$0"'
    with (work / "log").open("wb") as log:
        outer = subprocess.Popen(["sh", "-c", inside, script], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        yield Booted(_manager(outer, work / "log"))
    finally:
        outer.send_signal(signal.SIGKILL)
        outer.wait(WAITS_S)
        _remove(group)


def _manager(outer: subprocess.Popen[bytes], log: Path) -> int:
    """The process that is PID 1 inside, once it is systemd."""
    end = time.monotonic() + WAITS_S
    while True:
        with suppress(OSError, IndexError):
            child = Path(f"/proc/{outer.pid}/task/{outer.pid}/children").read_text().split()[0]
            if Path(f"/proc/{child}/exe").resolve().name == MANAGER.resolve().name:
                return int(child)
        assert outer.poll() is None, log.read_text()
        assert time.monotonic() < end, log.read_text()
        time.sleep(0.05)


def paths() -> list[Path]:
    """What Python reads."""
    return [Path(sys.base_prefix), Path(sys.prefix).resolve(), _ROOT, *map(Path, filter(None, sys.path))]


def _hidden(needed: tuple[Path, ...]) -> list[Path]:
    """What has to be bound into folders that are emptied; none within another."""
    found = {path for path in [*paths(), *needed] if str(path).startswith(_EMPTIED) and path.is_dir()}
    return sorted(path for path in found if not found.intersection(path.parents))


def dropin(*lines: str, needed: tuple[Path, ...] = ()) -> str:
    """A drop-in of a service that lets it read this Python, with more lines."""
    bound = [f"BindReadOnlyPaths={path}" for path in _hidden(needed) if str(path).startswith("/tmp")]
    variables = json.dumps(f"PYTHONPATH={os.pathsep.join(map(str, paths()[2:]))}")
    return "\n".join(["[Service]", "ProtectHome=no", f"Environment={variables}", *bound, *lines, ""])


def _cgroup() -> Path | None:
    """The folder of this process's group in the second version of cgroups."""
    mounts = (line.split() for line in Path("/proc/self/mounts").read_text().splitlines())
    mounted = next((Path(words[1]) for words in mounts if words[2] == "cgroup2"), None)
    own = Path("/proc/self/cgroup").read_text().splitlines()[-1]
    return mounted / own.removeprefix("0::/") if mounted is not None and own.startswith("0::/") else None


def _remove(group: Path) -> None:
    """Remove a group whose processes were killed."""
    end = time.monotonic() + WAITS_S
    while group.exists() and time.monotonic() < end:
        for folder in sorted((path for path in group.rglob("*") if path.is_dir()), reverse=True):
            with suppress(OSError):
                folder.rmdir()
        with suppress(OSError):
            group.rmdir()
        time.sleep(0.05)
