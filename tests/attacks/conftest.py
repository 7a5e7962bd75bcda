"""Trials for all tests of this folder: a real assistant with a language model that obeys whatever it reads."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from edge_assistant_models.model import InstalledModel
from edge_assistant_models.portfolio import Portfolio
from evals.attack.trial import Trial
from evals.attacks import prepare


@pytest.fixture(scope="module")
def obeying(store: Path, tmp_path_factory: pytest.TempPathFactory) -> Trial:
    """A trial with the stub, over the models of the profile `test`."""
    portfolio = Portfolio(store, user_catalog=tmp_path_factory.mktemp("catalog"))
    return prepare(portfolio, "test", tmp_path_factory.mktemp("attacked"), stub=True)


@pytest.fixture(scope="module")
def real(store: Path, tmp_path_factory: pytest.TempPathFactory) -> Trial:
    """A trial with the language model of the profile `test`."""
    portfolio = Portfolio(store, user_catalog=tmp_path_factory.mktemp("catalog"))
    return prepare(portfolio, "test", tmp_path_factory.mktemp("attacked"), stub=False)


@pytest.fixture(scope="module")
def few_layers(store: Path, few: InstalledModel, tmp_path_factory: pytest.TempPathFactory) -> Trial:
    """The same with few of its layers: its instructions take the whole one seconds to read."""

    class FewLayers(Portfolio):
        def open(self, name: str, **how: Any) -> InstalledModel:
            return few if name == few.name else super().open(name, **how)

    portfolio = FewLayers(store, user_catalog=tmp_path_factory.mktemp("catalog"))
    return prepare(portfolio, "test", tmp_path_factory.mktemp("attacked"), stub=False)
