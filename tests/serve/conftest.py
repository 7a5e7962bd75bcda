"""What tests of the gateway stand on: one that runs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers.gateways import Gateway, serving


@pytest.fixture(scope="session")
def http_gateway(homes: Iterator[Path], store: Path) -> Iterator[Gateway]:
    """A gateway for HTTP, of all files of this process that need no other one: its resident takes seconds to start."""
    with serving(next(homes), store, "http") as running:
        yield running


@pytest.fixture(scope="module")
def served(request: pytest.FixtureRequest, homes: Iterator[Path], store: Path) -> Iterator[Gateway]:
    """A gateway of a file's own `PROTOCOLS`, or the one that is shared."""
    if not (protocols := getattr(request.module, "PROTOCOLS", ())):
        yield request.getfixturevalue("http_gateway")
        return
    with serving(next(homes), store, *protocols) as running:
        yield running


@pytest.fixture
def gateway(served: Gateway, monkeypatch: pytest.MonkeyPatch) -> Gateway:
    """The same, in the home in which it runs."""
    monkeypatch.setenv("EDGE_ASSISTANT_HOME", str(served.home))
    return served


@pytest.fixture(scope="module")
def shown(homes: Iterator[Path], store: Path) -> Iterator[Gateway]:
    """A gateway that shows the app."""
    with serving(next(homes), store, "app") as running:
        assert running.broker.stdout is not None
        link = f"open in a browser: http://127.0.0.1:{running.port}/#TOKEN, with the token of the file\n"
        assert running.broker.stdout.readline() == link
        yield running
