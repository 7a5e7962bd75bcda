"""`bench`: a file is a bench."""

from __future__ import annotations

import re
import sys

import pytest
from helpers.commands import Here

from edge_assistant.cli.bench import benches
from edge_assistant.cli.main import parser
from edge_assistant.core.errors import UsageError


def test_every_bench_is_listed(here: Here) -> None:
    ran = here("bench", "--help")
    assert ran.status == 0
    names = {bench.NAME for bench in benches()}
    assert {"cross-signal", "readings", "writing"} <= names
    assert all(re.search(rf"^    {name}\s", ran.out, re.M) for name in names)


def test_an_installed_wheel_has_no_benches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "evals", None)  # as where it is not installed
    with pytest.raises(UsageError, match=r"^the evaluations are not installed - run 'bench' from a checkout$"):
        parser("bench")
    assert "bench" in parser("").format_help()
