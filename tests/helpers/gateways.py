"""A gateway that runs in processes of its own, over a resident with the small models and a plain language model."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
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
        port: on which it listens.
        home: of the product.
    """

    broker: subprocess.Popen[str]
    port: int
    home: Path

    @property
    def process(self) -> int:
        """The process that has the network sockets."""
        return int(Path(f"/proc/{self.broker.pid}/task/{self.broker.pid}/children").read_text().split()[0])

    @property
    def mib(self) -> int:
        """Its memory."""
        return int(Path(f"/proc/{self.process}/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE") >> 20


def housed(patch: pytest.MonkeyPatch, home: Path, store: Path) -> None:
    """Have processes of the product use this home, the small models and a plain language model."""
    plain_model.use(patch)
    patch.setenv("EDGE_ASSISTANT_HOME", str(home))
    patch.setenv("EDGE_ASSISTANT_MODELS", str(store))
    patch.setenv("EDGE_ASSISTANT_PROFILE", "test")


@contextmanager
def serving(protocol: str, home: Path, store: Path, policy: str = POLICY) -> Iterator[Gateway]:
    """A gateway in a home that is not there yet; a resident that it started ends with it.

    The variables of its home are set while it starts and ends only: other tests run meanwhile.
    """
    home.mkdir(mode=0o700)
    (home / "config").mkdir()
    (home / "config" / "policy.toml").write_text(policy)
    (home / "token").write_text(TOKEN)
    line = [*COMMAND, "serve", f"--{protocol}", "127.0.0.1:0", "--token-file", str(home / "token")]
    with pytest.MonkeyPatch.context() as patch:
        housed(patch, home, store)
        broker = subprocess.Popen(line, stdout=subprocess.PIPE, text=True, env=dict(os.environ))
    assert broker.stdout is not None
    with broker:
        try:
            said = broker.stdout.readline()
            assert said.startswith(f"{protocol}: listening on 127.0.0.1:"), said
            yield Gateway(broker, int(said.rpartition(":")[2]), home)
        finally:
            broker.terminate()
            with pytest.MonkeyPatch.context() as patch:
                housed(patch, home, store)
                client.end("stop")
