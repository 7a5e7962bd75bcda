"""What tests of the gateway stand on: one that runs, over a resident with the small models."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from helpers import plain_model
from helpers.commands import COMMAND, HANGS
from helpers.platforms import needs_lock

from edge_assistant.resident import client

TOKEN = "a token of the tests"
POLICY = '[serve]\naddresses = ["127.0.0.1"]\n'


@dataclass(frozen=True)
class Gateway:
    """A gateway that runs.

    Attributes:
        broker: its process, whose child is the gateway itself.
        port: on which it listens for HTTP.
        home: of the product.
    """

    broker: subprocess.Popen[str]
    port: int
    home: Path

    @property
    def process(self) -> int:
        """The process that has the network sockets."""
        return int(Path(f"/proc/{self.broker.pid}/task/{self.broker.pid}/children").read_text().split()[0])


@pytest.fixture(scope="package")
def served(homes: Iterator[Path], store: Path) -> Iterator[Gateway]:
    """A gateway for all tests here: its resident takes seconds to start."""
    home = next(homes)
    home.mkdir(mode=0o700)
    with pytest.MonkeyPatch.context() as patched:
        plain_model.use(patched)
        patched.setenv("EDGE_ASSISTANT_HOME", str(home))
        patched.setenv("EDGE_ASSISTANT_MODELS", str(store))
        patched.setenv("EDGE_ASSISTANT_PROFILE", "test")
        (home / "config").mkdir()
        (home / "config" / "policy.toml").write_text(POLICY)
        (home / "token").write_text(TOKEN)
        line = [*COMMAND, "serve", "--http", "127.0.0.1:0", "--token-file", str(home / "token")]
        pipe = subprocess.PIPE
        with subprocess.Popen(line, stdout=pipe, stderr=pipe, text=True, env=dict(os.environ)) as broker:
            assert broker.stdout is not None
            said = broker.stdout.readline()
            assert said.startswith("http: listening on 127.0.0.1:"), broker.communicate()
            yield Gateway(broker, int(said.rpartition(":")[2]), home)
            broker.send_signal(signal.SIGTERM)
            broker.wait(HANGS)
        client.end("stop")


@pytest.fixture
def gateway(served: Gateway, monkeypatch: pytest.MonkeyPatch) -> Gateway:
    """The same, in the home in which it runs."""
    monkeypatch.setenv("EDGE_ASSISTANT_HOME", str(served.home))
    return served


pytestmark = needs_lock
