"""The facade over the real store, with a plain or a scripted model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from helpers.assistants import Ask, promises
from helpers.engines import ScriptedEngine
from helpers.plain_model import PlainEngine

from edge_assistant.compute.runtime import Runtime
from edge_assistant.core.answer import Answer
from edge_assistant.core.events import Event
from edge_assistant.core.signals import Signal
from edge_assistant.language.embedder import Embedder
from edge_assistant.session import model_pool
from edge_assistant.session.assistant import Assistant
from edge_assistant_models.model import InstalledModel
from edge_assistant_models.portfolio import Portfolio


@pytest.fixture(scope="session")
def embedder(models: Callable[[str], InstalledModel]) -> Embedder:
    return Embedder(models("embedder"), Runtime(1))


@pytest.fixture(autouse=True)
def one_embedder(embedder: Embedder, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every assistant here has the same one, which takes longer to open than to ask."""
    monkeypatch.setattr(model_pool, "Embedder", lambda model, runtime: embedder)


@pytest.fixture
def portfolio(store: Path, home: Path) -> Portfolio:
    return Portfolio(store, home / "catalog")


@pytest.fixture
def ask(portfolio: Portfolio) -> Ask:
    """Asks, or compares without a question, with a plain or a scripted model; every answer keeps its promises."""

    def run(
        question: str, signals: Sequence[Signal], engine: ScriptedEngine | None = None, **options: Any
    ) -> tuple[Answer, list[Event]]:
        events: list[Event] = []
        opens = PlainEngine if engine is None else lambda model, runtime: engine
        facade = Assistant(portfolio, "test", runtime=Runtime(1), engine=opens)
        if question:
            answer = facade.ask(question, signals, events.append, **options)
        else:
            answer = facade.check(signals, events.append, **options)
        promises(answer, events)
        return answer, events

    return run
