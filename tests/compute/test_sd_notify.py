"""Messages to systemd: few, only of work that advanced, from under the offline lock too; nothing where nobody asks."""

from __future__ import annotations

import math
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers.systemd import NotifySocket

from edge_assistant.compute import sd_notify

LOCKED = """
from edge_assistant.governance.offline import lock
assert lock.engage().locked
from edge_assistant.compute import sd_notify
sd_notify.ready("is ready")
"""


@pytest.fixture
def manager(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[NotifySocket]:
    address = str(tmp_path / "notify")
    for name, value in (("_next", 0.0), ("_granted", -math.inf), ("_loads", 0)):
        monkeypatch.setattr(sd_notify, name, value)
    for name, value in (("NOTIFY_SOCKET", address), ("WATCHDOG_USEC", "60000000"), ("WATCHDOG_PID", str(os.getpid()))):
        monkeypatch.setenv(name, value)
    with NotifySocket(address) as made:
        yield made


def test_it_tells_how_it_is(manager: NotifySocket) -> None:
    sd_notify.status("loads the models")
    sd_notify.ready("is ready")
    sd_notify.stopping()
    assert manager.heard() == [["STATUS=loads the models"], ["READY=1", "STATUS=is ready"], ["STOPPING=1"]]


def test_of_much_work_it_tells_a_few_times(manager: NotifySocket, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(sd_notify.time, "monotonic", lambda: now[0])
    for _ in range(6_000):  # a minute
        now[0] += 0.01
        sd_notify.advanced()
    told = manager.heard()
    assert len(told) == 4
    assert set(map(tuple, told)) == {("WATCHDOG=1", "EXTEND_TIMEOUT_USEC=60000000")}


def test_a_load_is_granted_time_once_and_what_advances_afterwards_takes_it_back(
    manager: NotifySocket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sd_notify, "_OFTEN", math.inf)  # each time
    with sd_notify.loading():
        with sd_notify.loading():
            assert manager.heard() == [["EXTEND_TIMEOUT_USEC=300000000", "WATCHDOG_USEC=300000000"]]
        assert manager.heard() == [["WATCHDOG=1", "EXTEND_TIMEOUT_USEC=60000000"]], "the outer one still loads"
    taken_back = ["WATCHDOG=1", "EXTEND_TIMEOUT_USEC=60000000", "WATCHDOG_USEC=60000000"]
    assert manager.heard() == [taken_back]
    sd_notify.advanced()
    assert manager.heard() == [taken_back[:2]]


def test_the_watchdog_of_another_process_is_not_changed(manager: NotifySocket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WATCHDOG_PID", "1")
    with sd_notify.loading():
        pass
    assert [line for lines in manager.heard() for line in lines if line.startswith("WATCHDOG_USEC")] == []


def test_without_systemd_nothing_is_sent(manager: NotifySocket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET")
    with sd_notify.loading():
        sd_notify.ready("is ready")
    assert (manager.heard(), sd_notify._next) == ([], math.inf)
    monkeypatch.setenv("NOTIFY_SOCKET", "/nowhere/notify")
    sd_notify.ready("is ready")


@pytest.mark.skipif(sys.platform != "linux", reason="abstract sockets are Linux's")
def test_an_abstract_address(monkeypatch: pytest.MonkeyPatch) -> None:
    name = f"edge-assistant-test-{os.getpid()}"
    monkeypatch.setenv("NOTIFY_SOCKET", f"@{name}")
    with NotifySocket(f"\0{name}") as made:
        sd_notify.stopping()
        assert made.heard() == [["STOPPING=1"]]


def test_it_works_under_the_lock(manager: NotifySocket) -> None:
    subprocess.run([sys.executable, "-c", LOCKED], env=dict(os.environ), check=True)
    assert manager.heard() == [["READY=1", "STATUS=is ready"]]


def test_threads_that_load_and_advance_at_once_leave_the_watchdog_as_it_was(
    manager: NotifySocket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sd_notify, "_OFTEN", math.inf)

    def loads() -> None:
        with sd_notify.loading():
            sd_notify.advanced()

    threads = [threading.Thread(target=loads) for _ in range(3)]  # nine messages: a socket may hold ten
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    told = [line for lines in manager.heard() for line in lines if line.startswith("WATCHDOG_USEC")]
    assert told[-1] == "WATCHDOG_USEC=60000000"


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("0::/system.slice/edge-assistant.service", "edge-assistant.service"),
        ("0::/user.slice/user-1000.slice/user@1000.service/app.slice/edge-assistant.service", ""),
        ("0::/", ""),
        ("", ""),
    ],
)
def test_the_service_by_its_group(line: str, found: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sd_notify, "_CGROUP", tmp_path / "cgroup")
    assert sd_notify.service() == ""
    (tmp_path / "cgroup").write_text(f"1:name=systemd:/\n{line}\n" if line else "")
    assert sd_notify.service() == found
