"""What tests of the gateway over HTTP stand on: one that runs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers.gateways import Gateway, serving


@pytest.fixture(scope="module")
def served(homes: Iterator[Path], store: Path) -> Iterator[Gateway]:
    """A gateway for all tests of a file: its resident takes seconds to start."""
    with serving("http", next(homes), store) as running:
        yield running


@pytest.fixture
def gateway(served: Gateway, monkeypatch: pytest.MonkeyPatch) -> Gateway:
    """The same, in the home in which it runs."""
    monkeypatch.setenv("EDGE_ASSISTANT_HOME", str(served.home))
    return served
