"""A gateway that runs in processes of its own, over a resident with the small models and a plain language model."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from helpers import plain_model
from helpers.commands import COMMAND

from edge_assistant.resident import client

TOKEN = "a token of the tests"
POLICY = '[serve]\naddresses = ["127.0.0.1"]\n'


@dataclass(frozen=True)
class Gateway:
    """A gateway that runs.

    Attributes:
        broker: its process, whose child is the gateway itself.
        ports: on which it listens, by protocol.
        home: of the product.
    """

    broker: subprocess.Popen[str]
    ports: dict[str, int]
    home: Path

    @property
    def port(self) -> int:
        """That of its only protocol."""
        [port] = self.ports.values()
        return port

    @property
    def process(self) -> int:
        """The process that has the network sockets."""
        return children(self.broker.pid)[0]

    @property
    def mib(self) -> int:
        """Its memory."""
        return used(self.process)["mib"]


def children(process: int, proc: Path = Path("/proc")) -> list[int]:
    """The processes that a process started and has not waited for."""
    return [int(number) for number in (proc / f"{process}/task/{process}/children").read_text().split()]


def used(process: int, proc: Path = Path("/proc")) -> dict[str, int]:
    """Memory, descriptors and threads of a process."""
    pages = int((proc / f"{process}/statm").read_text().split()[1])
    count = {name: len(list((proc / f"{process}/{name}").iterdir())) for name in ("fd", "task")}
    return {"mib": pages * os.sysconf("SC_PAGESIZE") >> 20, **count}


def housed(patch: pytest.MonkeyPatch, home: Path, store: Path, *, plain: bool = True) -> None:
    """Have processes of the product use this home, the small models and a plain language model, or the small one."""
    if plain:
        plain_model.use(patch)
    patch.setenv("EDGE_ASSISTANT_HOME", str(home))
    patch.setenv("EDGE_ASSISTANT_MODELS", str(store))
    patch.setenv("EDGE_ASSISTANT_PROFILE", "test")


@contextmanager
def serving(
    home: Path,
    store: Path,
    *protocols: str,
    policy: str = POLICY,
    plain: bool = True,
    before: Sequence[str | Path] = (),
) -> Iterator[Gateway]:
    """A gateway in a home that is not there yet; a resident that it started ends with it.

    The variables of its home are set while it starts and ends only: other tests run meanwhile. `before` is what its
    command line begins with, such as a tracer that leaves it its process number.
    """
    home.mkdir(mode=0o700)
    (home / "config").mkdir()
    (home / "config" / "policy.toml").write_text(policy)
    (home / "token").write_text(TOKEN)
    words = [word for name in protocols for word in (f"--{name}", "127.0.0.1:0")]
    line = [*before, *COMMAND, "serve", *words, "--token-file", str(home / "token")]
    with pytest.MonkeyPatch.context() as patch:
        housed(patch, home, store, plain=plain)
        broker = subprocess.Popen(line, stdout=subprocess.PIPE, text=True, env=dict(os.environ))
    assert broker.stdout is not None
    with broker:
        try:
            said = dict(broker.stdout.readline().split(": listening on 127.0.0.1:") for _ in protocols)
            assert {*said} == {*protocols}
            yield Gateway(broker, {name: int(port) for name, port in said.items()}, home)
        finally:
            broker.terminate()
            with pytest.MonkeyPatch.context() as patch:
                housed(patch, home, store, plain=plain)
                client.end("stop")
