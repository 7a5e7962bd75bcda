"""`doctor --prove-offline`: all is refused under the lock, and the same attempts get through without it."""

from __future__ import annotations

import errno
import json
from collections.abc import Callable, Mapping

import pytest
from helpers.commands import Command
from helpers.platforms import needs_lock

from edge_assistant.core.errors import UsageError
from edge_assistant.governance.offline import proof
from edge_assistant.governance.offline.attempts import ATTEMPTS, ONCE
from edge_assistant.governance.offline.listener import WAYS
from edge_assistant.governance.offline.proof import Proof, ProofOutcome, ProofResult


@pytest.fixture
def command(tmp_path) -> Command:
    return Command(tmp_path)


@needs_lock
def test_everything_is_refused(command: Command) -> None:
    ran = command("doctor", "--prove-offline", "--json")
    assert ran.status == 0
    said = json.loads(ran.out)
    assert said["offline"] is said["locked"] is True
    assert {*said["reached"], *said["missing"]} == {*WAYS}
    assert "TCP IPv4" in said["reached"]
    tried = {(result["attempt"], result["way"]): result["outcome"] for result in said["results"]}
    ways = [(attempt, way) for attempt in ATTEMPTS for way in said["reached"]] + [(one, "terminal") for one in ONCE]
    assert tried == dict.fromkeys(ways, "refused")
    errors = {(result["way"] == "terminal", result["error"]) for result in said["results"]}
    assert errors == {(False, "EACCES"), (False, "ENOSYS"), (False, "EIO"), (True, "EPERM")}


@needs_lock
def test_without_the_lock_the_same_attempts_get_through(command: Command) -> None:
    ran = command("--no-lock", "doctor", "--prove-offline", "--json")
    assert ran.status == 1
    said = json.loads(ran.out)
    assert said["offline"] is said["locked"] is False
    through = {result["attempt"] for result in said["results"] if result["outcome"] == "got through"}
    assert through >= {*ATTEMPTS} - {"io_uring"}  # which a kernel may lack or forbid
    assert "TIOCSETD" in through  # any kernel grants it to a terminal's own process; TIOCSTI only some
    assert not [result for result in said["results"] if result["outcome"] != "got through" and result["error"] == ""]
    assert not [result for result in said["results"] if result["way"] == "terminal" and result["error"] == "EPERM"]


@needs_lock
def test_the_table_is_for_people(command: Command) -> None:
    ran = command("doctor", "--prove-offline")
    assert ran.status == 0
    lines = [line.strip() for line in ran.out.splitlines() if line.strip()]
    assert lines[0] == "offline"
    assert lines[1].startswith("outside the lock a listener on loopback was reached by: TCP IPv4")
    assert [line.split("  ")[0] for line in lines if "refused" in line][:7] == [*ATTEMPTS]
    assert [line for line in lines if line.startswith("typed")] == [
        f"typed into a terminal by {request}: refused EPERM" for request in ("TIOCSTI", "TIOCLINUX", "TIOCSETD")
    ]
    assert lines[-1] == "offline: all refused"


class Listener:
    """One that nothing reaches but what it is told."""

    def __init__(self, missing: Mapping[str, str], arrives: int = 0) -> None:
        self.reached = tuple(way for way in WAYS if way not in missing)
        self.ports = dict.fromkeys(self.reached, 9)
        self.missing = missing
        self.arrives = arrives
        self.closed = False

    def arrived(self) -> Mapping[str, int]:
        return dict.fromkeys(self.reached, self.arrives)

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def proved(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Proof]:
    """The proof with one attempt that fails as told, under a lock that is said to be in force."""

    def made(failure: Exception | None, missing: Mapping[str, str] | None = None, arrives: int = 0) -> Proof:
        def attempt(family: int, kind: int, port: int) -> None:
            if failure is not None:
                raise failure

        monkeypatch.setattr(proof, "ATTEMPTS", {"one": attempt})
        monkeypatch.setattr(proof, "ONCE", {})
        monkeypatch.setattr(proof.lock, "state", lambda: proof.lock.OfflineLock(True))
        listener = Listener(missing or {}, arrives)
        monkeypatch.setattr(proof, "_listener", listener)
        found = proof.prove()
        assert listener.closed
        return found

    return made


REFUSED, FAILED, THROUGH = ProofOutcome.REFUSED, ProofOutcome.FAILED, ProofOutcome.THROUGH


@pytest.mark.parametrize(
    ("failure", "arrives", "outcome", "error"),
    [
        (PermissionError(errno.EACCES, "denied"), 0, REFUSED, "EACCES"),
        (OSError(errno.ENOSYS, "no such call"), 0, REFUSED, "ENOSYS"),
        (ConnectionRefusedError(errno.ECONNREFUSED, "it had a socket"), 0, FAILED, "ECONNREFUSED"),
        (TimeoutError("too late"), 0, FAILED, "too late"),
        (ValueError("no address"), 0, FAILED, "no address"),
        (None, 0, THROUGH, ""),
        (PermissionError(errno.EACCES, "whatever it says, something came"), 1, THROUGH, "EACCES"),
    ],
)
def test_only_a_refusal_counts(
    proved: Callable[..., Proof], failure: Exception | None, arrives: int, outcome: ProofOutcome, error: str
) -> None:
    found = proved(failure, arrives=arrives)
    assert set(found.results) == {ProofResult("one", way, outcome, error) for way in WAYS}
    assert found.holds is (outcome is ProofOutcome.REFUSED)


def test_where_nothing_listens_nothing_is_proven(proved: Callable[..., Proof]) -> None:
    with pytest.raises(UsageError, match="nothing listens outside the lock"):
        proof.prove()
    missing = dict.fromkeys(("TCP IPv6", "UDP IPv6"), "Cannot assign requested address")
    without_ipv6 = proved(PermissionError(errno.EACCES, "denied"), missing)
    assert {result.way for result in without_ipv6.results} == {"TCP IPv4", "UDP IPv4"}
    assert (without_ipv6.missing, without_ipv6.holds) == (missing, True)
    assert not proved(PermissionError(errno.EACCES, "denied"), dict.fromkeys(WAYS, "no loopback")).holds
    refused = ProofResult("one", "TCP IPv4", ProofOutcome.REFUSED, "EACCES")
    assert not Proof(True, ("TCP IPv4",), {}, (refused,)).holds  # the others neither reached nor missing
    assert not Proof(False, tuple(WAYS), {}, (refused,)).holds  # refused, but not by the lock
