"""Landlock beside the lock: other processes, sockets that are handed over, and where a command may write."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from helpers.commands import COMMAND
from helpers.platforms import needs_landlock, needs_landlock_scopes, needs_lock, needs_no_yama

from edge_assistant.sandbox import capabilities

pytestmark = needs_lock

# Runs a command under a filter that answers Landlock's calls as a kernel without it does.
WITHOUT = """
import errno, os, sys
from edge_assistant.sandbox import seccomp
made = seccomp.BpfInstruction
seccomp.install([made(0x20, 0, 0, 0), made(0x15, 0, 1, 444), made(0x06, 0, 0, 0x50000 | errno.ENOSYS),
                 made(0x06, 0, 0, seccomp.ALLOW)], seccomp.machine().numbers["seccomp"])
os.execv(sys.argv[1], sys.argv[1:])
"""


def told(script: str, *arguments: object, before: str = "lock.engage()", **how: object) -> list[str]:
    """What Python code prints in a process that has locked itself; `tries` prints what a call comes to."""
    code = "import argparse, errno, os, socket, sys\nfrom pathlib import Path\n"
    code += "from edge_assistant.governance.offline import lock\n" + textwrap.dedent(before)
    code += textwrap.dedent("""
    def tries(call, *arguments):
        try:
            call(*arguments)
            print("done")
        except OSError as error:
            print(errno.errorcode[error.errno])
    """) + textwrap.dedent(script)
    command = [sys.executable, "-c", code, *map(str, arguments)]
    ran = subprocess.run(command, capture_output=True, text=True, check=False, **how)  # type: ignore[call-overload]
    assert ran.returncode == 0, ran.stderr
    return str(ran.stdout).split()


@needs_landlock
@pytest.mark.parametrize("file", ["environ", "maps", "auxv"])
def test_root_reads_neither_the_environment_nor_the_memory_map_of_another_process(file: str) -> None:
    """Of a user the kernel refuses it by Landlock; root it lets past that, by rights that are given up."""
    with subprocess.Popen(["sleep", "60"]) as other:
        try:
            found = told(f"tries(lambda: open(f'/proc/{{sys.argv[1]}}/{file}', 'rb').read())", other.pid)
        finally:
            other.kill()
    assert found == ["EACCES"]


@needs_landlock_scopes
@pytest.mark.parametrize(
    ("engaged", "said"),
    [("lock.engage()", "EACCES"), pytest.param("lock.engage(apart=False)", "done", marks=needs_no_yama)],
)
def test_another_process_of_the_same_user_is_out_of_reach(engaged: str, said: str) -> None:
    """One with the rights that are left, as the kernel refuses whoever has fewer by itself."""
    with subprocess.Popen(["sleep", "60"], preexec_fn=capabilities.give_up) as other:
        try:
            found = told("tries(open, f'/proc/{sys.argv[1]}/mem', 'r+b')", other.pid, before=engaged)
        finally:
            other.kill()
    assert found == [said]


@needs_landlock_scopes
def test_a_tcp_socket_that_is_handed_over_does_not_connect() -> None:
    """Neither a new one nor one that listens, which an address of no family would turn into a new one."""
    script = """
    _, given, _, _ = socket.recv_fds(socket.socket(fileno=int(sys.argv[1])), 1, 2)
    for descriptor in given:
        tries(socket.socket(fileno=descriptor).connect, ("127.0.0.1", int(sys.argv[2])))
    """
    ours, theirs = socket.socketpair()
    with ours, theirs, socket.create_server(("127.0.0.1", 0)) as outside, socket.socket() as new:
        listening = socket.create_server(("127.0.0.1", 0))
        with listening:
            socket.send_fds(ours, [b"x"], [new.fileno(), listening.fileno()])
            port = outside.getsockname()[1]
            assert told(script, theirs.fileno(), port, pass_fds=[theirs.fileno()]) == ["EACCES", "EACCES"]


@needs_landlock_scopes
@pytest.mark.parametrize(("bus", "said"), [("unix:path=/run/user/0/bus", "EPERM"), ("unix:abstract=/tmp/x", "done")])
def test_abstract_sockets_of_others_are_there_for_a_bus_only(bus: str, said: str) -> None:
    name = f"\0edge-assistant-{os.getpid()}"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(name)
        server.listen()
        environment = {**os.environ, "DBUS_SESSION_BUS_ADDRESS": bus}
        script = "tries(socket.socket(socket.AF_UNIX).connect, '\\0' + sys.argv[1])"
        assert told(script, name[1:], env=environment) == [said]


BOUNDED = """
from edge_assistant.cli import main
from edge_assistant.governance.offline import bounds
bounds.ALWAYS = ("/dev", "/proc/self")
file = Path(os.environ["HOME"], "saved", "trail")
lock.engage()
verb, _, part = sys.argv[1].partition(" ")
main.bound(argparse.Namespace(verb=verb, **{f"{verb}_verb": part}, file=file))
"""
WRITES = """
home = Path(os.environ["HOME"])
for place in ("", ".ssh", "project", "saved", "data", "data/catalog", "data/state", "data/cache", "tmp"):
    tries((home / place / "new").touch)
tries(lambda: open(home / ".bashrc", "a").close())
tries(os.truncate, home / ".bashrc", 0)
tries(os.rename, home / "data" / "new", home / ".profile")
tries(os.symlink, "data", home / "project" / "link")
tries(os.unlink, home / ".bashrc")
tries((home / ".bashrc").read_text)
tries(lambda: open("/dev/null", "w").close())
"""


PULLS = """
from edge_assistant.cli import main
from edge_assistant.governance.offline import bounds
bounds.ALWAYS = ("/dev", "/proc/self")
alone, no_lock = "alone" in sys.argv, "--no-lock" in sys.argv
main.bound(argparse.Namespace(verb="models", models_verb="pull", alone=alone, no_lock=no_lock))
"""


@needs_landlock
@pytest.mark.parametrize(
    ("how", "said"), [(["alone"], "EACCES"), (["alone", "--no-lock"], "done"), (["in a test"], "done")]
)
def test_a_pull_has_the_network_and_writes_into_its_own_folders(tmp_path: Path, how: list[str], said: str) -> None:
    """A locked process writes into the store, too: a link there would lead the pull to what it deletes and replaces."""
    for folder in ("documents/old", "data/models", "tmp"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "data" / "models" / ".downloads").symlink_to(tmp_path / "documents")
    places = {"HOME": tmp_path, "EDGE_ASSISTANT_HOME": tmp_path / "data", "TMPDIR": tmp_path / "tmp"}
    environment = {**os.environ, **{name: str(place) for name, place in places.items()}}
    environment.pop("EDGE_ASSISTANT_MODELS", None)
    script = """
    data = Path(os.environ["EDGE_ASSISTANT_HOME"])
    tries((data / "models" / "new").touch)
    tries((data / "models" / ".downloads" / "old").rmdir)
    tries(socket.socket().close)
    """
    assert told(script, *how, before=PULLS, env=environment) == ["done", said, "done"]


@needs_landlock_scopes
@pytest.mark.parametrize(("verb", "named"), [("ask", "EACCES"), ("models verify", "EACCES"), ("audit export", "done")])
def test_a_command_writes_into_its_own_folders_and_where_it_is_told(tmp_path: Path, verb: str, named: str) -> None:
    for folder in (".ssh", "project", "saved", "data/catalog", "tmp"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / ".bashrc").write_text("kept")
    places = {"HOME": tmp_path, "EDGE_ASSISTANT_HOME": tmp_path / "data", "TMPDIR": tmp_path / "tmp"}
    environment = {**os.environ, **{name: str(place) for name, place in places.items()}}
    found = told(WRITES, verb, before=BOUNDED, env=environment)
    assert found[:3] == ["EACCES"] * 3
    assert found[3] == named
    assert found[4:9] == ["done"] * 5
    assert found[9:14] == ["EACCES"] * 5
    assert found[14:] == ["done", "done"]
    assert (tmp_path / ".bashrc").read_text() == "kept"


@needs_landlock_scopes
def test_a_link_that_was_put_in_place_of_a_folder_leads_nowhere(tmp_path: Path) -> None:
    """Code that took over one command renames `models` and links it to the home folder, for the next command."""
    for folder in ("data", "tmp"):
        (tmp_path / folder).mkdir()
    (tmp_path / "data" / "models").symlink_to(tmp_path)
    places = {"HOME": tmp_path, "EDGE_ASSISTANT_HOME": tmp_path / "data", "TMPDIR": tmp_path / "tmp"}
    environment = {**os.environ, **{name: str(place) for name, place in places.items()}}
    environment.pop("EDGE_ASSISTANT_MODELS", None)
    assert told('tries(Path(os.environ["HOME"], ".bashrc").touch)', "ask", before=BOUNDED, env=environment) == [
        "EACCES"
    ]


@needs_landlock_scopes
def test_who_forgets_overwrites_the_key_wherever_a_link_leads_to_it(tmp_path: Path) -> None:
    (tmp_path / "stick").mkdir()
    (tmp_path / "stick" / "new").touch()
    places = {"EDGE_ASSISTANT_HOME": tmp_path / "data", "HOME": tmp_path, "TMPDIR": tmp_path / "data"}
    environment = {**os.environ, **{name: str(place) for name, place in places.items()}}
    script = "tries(os.truncate, Path(os.environ['HOME'], 'stick', 'new'), 0)"
    assert told(script, "forget", before=BOUNDED, env=environment) == ["done"]


@needs_landlock_scopes
@pytest.mark.parametrize(("given", "said"), [((), "EACCES"), (("--no-lock",), "done")])
def test_the_command_keeps_to_it(tmp_path: Path, given: tuple[str, ...], said: str) -> None:
    """Code that took over in the middle of a verb."""
    script = """
    from edge_assistant.cli import main, models
    from edge_assistant.governance.offline import bounds
    bounds.ALWAYS = ("/dev", "/proc/self")
    outside = Path(sys.argv[1], "new")
    models.run = lambda args: tries(outside.touch) or 0
    sys.argv = ["edge-assistant", *sys.argv[2:], "models", "list"]
    sys.stdout.flush()
    sys.exit(main.main())
    """
    (tmp_path / "tmp").mkdir()
    environment = {**os.environ, "EDGE_ASSISTANT_HOME": str(tmp_path / "data"), "TMPDIR": str(tmp_path / "tmp")}
    assert told(script, tmp_path, *given, before="", env=environment) == [said]


@pytest.mark.parametrize("line", ["ask x", "models list", "models pull x", "doctor"])
def test_there_are_no_threads_yet_that_would_not_be_kept(line: str) -> None:
    script = """
    from edge_assistant.cli import main
    from edge_assistant.governance.offline import bounds
    bounds.keep = lambda named, **given: sys.exit(print(len(os.listdir("/proc/self/task"))))
    sys.argv = ["edge-assistant", *sys.argv[1:]]
    main.main()
    """
    assert told(script, *line.split(), before="") == ["1"]


def test_a_store_that_is_made_is_for_all_to_read_and_the_data_are_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Services of a kiosk read the weights that root has pulled."""
    monkeypatch.setenv("EDGE_ASSISTANT_MODELS", str(tmp_path / "models"))
    monkeypatch.setenv("EDGE_ASSISTANT_HOME", str(tmp_path / "home"))
    told("from edge_assistant.governance.offline import bounds\nbounds._folders(False)", before="")
    modes = {folder.name: folder.stat().st_mode & 0o777 for folder in (tmp_path / "models", tmp_path / "home")}
    assert modes == {"models": 0o755, "home": 0o700}


def test_a_kernel_without_landlock_is_locked_all_the_same_and_doctor_says_what_it_lacks() -> None:
    command = [sys.executable, "-c", WITHOUT, *COMMAND, "doctor", "--json"]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    (check,) = [check for check in json.loads(ran.stdout)["checks"] if check["name"] == "offline lock"]
    assert check["ok"] is True
    assert check["found"] == (
        "offline, but other processes and all files are in reach, as this kernel has no Landlock, or none"
        " since Linux 5.19; doctor --prove-offline tries it"
    )


# What must go on under the lock and its bounds


LOCKS = """
import sys
from edge_assistant.governance.offline import bounds, lock
assert lock.engage() == lock.OfflineLock(True)
bounds.keep([])
"""
TESTS = """
import pytest
sys.exit(pytest.main(["-q", "-p", "no:cacheprovider", "-p", "no:xdist", *sys.argv[1:]]))
"""
BUS = """
from jeepney.io.blocking import open_dbus_connection
with open_dbus_connection("SESSION") as bus:
    print(bus.unique_name)
"""


def locked(code: str, *arguments: str, prefix: tuple[str, ...] = (), **added: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    command = [*prefix, sys.executable, "-c", LOCKS + code, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=kept | added)


def test_devices_and_decoders_work_locked(pytestconfig: pytest.Config, store: Path) -> None:
    """Their own tests, in a process that is locked; models are covered by every test of a real command."""
    tests = [
        "devices/test_sound.py::TestServer::test_what_is_played_is_heard",
        "devices/test_readings.py",
        "devices/test_video4linux.py",
        "perception/test_audio.py::test_containers",
    ]
    ran = locked(
        TESTS, *(str(pytestconfig.rootpath / "tests" / test) for test in tests), EDGE_ASSISTANT_MODELS=str(store)
    )
    assert ran.returncode == 0, ran.stdout[-3000:]


@pytest.mark.skipif(shutil.which("dbus-run-session") is None, reason="D-Bus is not installed")
def test_the_bus_of_the_keyring_is_reached() -> None:
    pytest.importorskip("jeepney", reason="it comes with keyring on Linux")
    ran = locked(BUS, prefix=("dbus-run-session", "--"))
    assert ran.stdout.startswith(":"), ran.stderr
