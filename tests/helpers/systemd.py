"""systemd as PID 1 in namespaces of its own, for the units that are written: no unit of this machine runs there.

`/etc` is a copy, `/run`, `/tmp`, `/var/lib`, home folders, and those that other users may not enter on the way to what
services read, are empty; what Python and the tests need of the latter is bound into them. A folder may stand for the
disk, which stays when the power is cut: all processes are killed at once, and what they wrote is there at the next
boot.
"""

from __future__ import annotations

import ctypes
import itertools
import json
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

MANAGER = Path("/lib/systemd/systemd")
WAITS_S = 240.0
_NEW_NETWORK = 0x40000000  # CLONE_NEWNET
_ROOT = Path(__file__).parents[2]
_EMPTIED = ("/root", "/home", "/tmp")
_ENTERED = stat.S_IROTH | stat.S_IXOTH
_TARGETS = ("default", "basic", "sysinit", "multi-user", "sockets", "timers", "shutdown")
_SPACES = ("--fork", "--pid", "--kill-child", "--mount", "--uts", "--ipc", "--net", "--cgroup", "--mount-proc")
_KEYS = "/etc/credstore.encrypted"
_DISK = ("/var/lib", "/var/tmp")
_BOOT = """
set -e
mount --make-rprivate /
ip link set lo up
mount -t cgroup2 none /sys/fs/cgroup
mkdir -p {work}/old
cp -a /etc {work}/etc
rm -rf {work}/etc/systemd/system
cp -r {work}/given/. {work}/etc/
for folder in {emptied}; do mkdir -p {work}/old$folder; mount --bind $folder {work}/old$folder; done
for folder in {disk}; do mkdir -p {work}/old/disk$folder; mount --bind {kept}$folder {work}/old/disk$folder; done
mount -t tmpfs -o mode=755 tmpfs /run
mkdir /run/old; mount --rbind {work}/old /run/old
mkdir /run/etc; mount --bind {work}/etc /run/etc
for folder in {emptied} /var/lib /var/tmp; do mount -t tmpfs -o mode=755 tmpfs $folder; done
for folder in {disk}; do mkdir -p $folder; mount --bind /run/old/disk$folder $folder; done
mount --bind /run/etc /etc
for path in {bound}; do
    mkdir -p $path
    if [ -n "$(find /run/old$path -maxdepth 0 -perm -005)" ]; then mount --bind /run/old$path $path; continue; fi
    for one in $(ls /run/old$path); do mkdir -p $path/$one; mount --bind /run/old$path/$one $path/$one; done
done
umount -R /run/old
mkdir -p {keys}
cat /etc/master | systemd-creds encrypt --with-key=host --name=master - {keys}/edge-assistant.master
printf %s {token} | systemd-creds encrypt --with-key=host --name=token - {keys}/edge-assistant.token
systemctl --root=/ enable {enabled} 2>&1
{last}
mount --make-rshared /
export container=test SYSTEMD_UNIT_PATH=/etc/systemd/system
exec {manager} --system --log-target=null
"""


def missing() -> str:
    """Why it cannot be run here; empty if it can."""
    if sys.platform != "linux" or os.geteuid() != 0:
        return "only root makes such namespaces"
    programs = ("unshare", "nsenter", "ip", "pkill", "systemctl", "systemd-creds")
    lacks = [name for name in programs if shutil.which(name) is None]
    if lacks or not MANAGER.exists():
        return f"not installed: {', '.join(lacks) or MANAGER}"
    tried = subprocess.run(["unshare", *_SPACES, "mount", "-t", "tmpfs", "tmpfs", "/mnt"], capture_output=True)
    if tried.returncode != 0:
        return "namespaces and mounts are not allowed"
    if _cgroup() is None:
        return "there is no cgroup2"
    closed = [path for path in (_ROOT / "edge_assistant", Path(__file__)) if not path.stat().st_mode & stat.S_IROTH]
    return f"services run as another user, who may not read {closed[0]}" if closed else ""


_TRIED = f"""[Unit]
DefaultDependencies=no
[Service]
Type=oneshot
RemainAfterExit=yes
DynamicUser=yes
StateDirectory=tried
PrivateNetwork=yes
ProtectSystem=strict
DevicePolicy=closed
ExecStart="{sys.executable}" -c ""
[Install]
WantedBy=multi-user.target
"""


def try_boot(work: Path) -> None:
    """Boot with a service of none of ours; raises AssertionError if that does not start."""
    with booted(work, {"tried.service": _TRIED}, {}, "") as manager:
        manager.until("tried.service", ActiveState="active")


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

    def silent(self, seconds: float) -> bool:
        """Whether nothing comes for so long."""
        self.heard()
        time.sleep(seconds)
        return self.heard() == []


class Booted:
    """A systemd that runs.

    Attributes:
        root: its root folder, as it is seen from outside.
        enter: what a command begins with to run beside it.
    """

    def __init__(self, manager: int) -> None:
        self._manager = manager
        self.enter = [str(shutil.which("nsenter")), "-t", str(manager), "-m", "-p", "-n", "-i", "-u", "-C"]
        self.root = Path(f"/proc/{manager}/root")

    def cut(self) -> None:
        """Cut the power: the kernel kills every process as PID 1 is gone."""
        os.kill(self._manager, signal.SIGKILL)

    def connected(self, port: int) -> socket.socket:
        """A connection of a client inside to this machine."""

        def made() -> socket.socket:
            with Path(f"/proc/{self._manager}/ns/net").open("rb") as network:
                assert ctypes.CDLL(None).setns(network.fileno(), _NEW_NETWORK) == 0
            return socket.create_connection(("127.0.0.1", port), timeout=WAITS_S)

        with ThreadPoolExecutor(1) as alone:  # this thread stays in its own network
            return alone.submit(made).result()

    def run(self, *words: str | Path, check: bool = True) -> str:
        """Run something as root beside it; what it prints."""
        ran = subprocess.run([*self.enter, *map(str, words)], capture_output=True, text=True, timeout=WAITS_S)
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
def booted(
    work: Path,
    units: Mapping[str, str],
    etc: Mapping[str, str],
    token: str,
    *needed: Path,
    disk: Path | None = None,
    last: str = "",
) -> Iterator[Booted]:
    """Boot with units, all of which with `[Install]` are enabled.

    Args:
        work: a folder that is empty or is not there yet.
        units: and drop-ins, by name.
        etc: files that are put into `/etc`, by name.
        token: of the gateway.
        needed: paths that services read, besides those of Python and this repository.
        disk: a folder in which the data stay for the next boot, and the master key.
        last: lines of the shell before systemd begins.
    """
    if disk is not None:
        for folder in _DISK:
            (disk / folder[1:]).mkdir(parents=True, exist_ok=True)
    master = os.urandom(32) if disk is None else _made_once(disk / "master")
    targets = {f"{name}.target": "[Unit]\nDefaultDependencies=no\n" for name in _TARGETS}
    targets["default.target"] += "Wants=multi-user.target sockets.target timers.target\n"
    emptied = _emptied(needed)
    script = _BOOT.format(
        work=work,
        emptied=" ".join(emptied),
        bound=" ".join(map(str, _hidden(needed, emptied))),
        keys=_KEYS,
        last=last,
        disk="" if disk is None else " ".join(_DISK),
        kept=disk,
        token=token,
        enabled=" ".join(name for name, text in units.items() if "[Install]" in text),
        manager=MANAGER,
    )
    written = {f"systemd/system/{name}": text for name, text in {**targets, **units}.items()} | dict(etc)
    for name, text in written.items():
        (work / "given" / name).parent.mkdir(parents=True, exist_ok=True)
        (work / "given" / name).write_text(text)
    (work / "given" / "master").write_bytes(master)
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
        outer.kill()
        outer.wait(WAITS_S)
        _remove(group)


def _made_once(key: Path) -> bytes:
    """A master key that is there the next time, too."""
    if not key.exists():
        key.write_bytes(os.urandom(32))
    return key.read_bytes()


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


def _emptied(needed: tuple[Path, ...]) -> tuple[str, ...]:
    """The folders that are emptied: always the same, and the first on the way to a path that others may not enter."""
    found = {*_EMPTIED}
    for path in (*paths(), *needed):
        way = [*reversed(path.parents), path]
        if not found.intersection(map(str, way)):
            closed = (str(one) for one in way if one.is_dir() and one.stat().st_mode & _ENTERED != _ENTERED)
            found.update(itertools.islice(closed, 1))
    return tuple(sorted(found))


def _hidden(needed: tuple[Path, ...], emptied: tuple[str, ...]) -> list[Path]:
    """What has to be bound into folders that are emptied; none within another."""
    found = {
        path
        for path in [*paths(), *needed]
        if path.is_dir() and {*emptied}.intersection(map(str, (path, *path.parents)))
    }
    return sorted(path for path in found if not found.intersection(path.parents))


def dropin(*lines: str, needed: tuple[Path, ...] = (), first: tuple[Path, ...] = ()) -> str:
    """A drop-in of a service that lets it read this Python, with more lines; Python looks into folders `first`."""
    bound = [f"BindReadOnlyPaths={path}" for path in _hidden(needed, ("/tmp",))]
    variables = json.dumps(f"PYTHONPATH={os.pathsep.join(map(str, (*first, *paths()[2:])))}")
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
