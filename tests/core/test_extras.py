"""What is said where a package is missing, and that the extra which is named brings it."""

from __future__ import annotations

import re
import tomllib
from importlib.metadata import packages_distributions

import pytest

from edge_assistant.core import extras
from edge_assistant.core.errors import UsageError


@pytest.mark.parametrize("extra", extras.PACKAGES)
def test_each_package_is_brought_by_its_extra(extra: str, pytestconfig: pytest.Config) -> None:
    project = tomllib.loads((pytestconfig.rootpath / "pyproject.toml").read_text("utf-8"))["project"]
    brought = {re.split(r"[^\w-]", line)[0].lower() for line in project["optional-dependencies"][extra]}
    known = packages_distributions()
    for package in extras.PACKAGES[extra]:
        assert brought & {name.lower() for name in known[package]}, package


def test_of_several_extras_the_one_is_named_that_brings_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(extras.PACKAGES, "browser", ("json", "wsproto_of_another_time"))
    extras.require("'serve'", "serve")
    with pytest.raises(UsageError) as caught:
        extras.require("'serve'", "serve", "browser", otherwise=", or not")
    assert str(caught.value) == (
        "'serve' needs wsproto-of-another-time, which the extra 'browser' brings"
        " - run 'pip install edge-assistant-offline[serve,browser]', or not"
    )
