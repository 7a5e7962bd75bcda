"""What an assistant loads and when: beside perception what is sure to be needed, and no longer than there is room."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from helpers.engines import ScriptedEngine
from helpers.engines import model as reads

from edge_assistant.compute.runtime import Halt, Runtime
from edge_assistant.compute.scheduling import memory
from edge_assistant.core.errors import InputError, ModelTooLarge, PolicyRefused
from edge_assistant.core.events import Event, Perceived
from edge_assistant.core.signals import Kind, Origin, Signal, take_bytes
from edge_assistant.governance.policy import policy_file
from edge_assistant.governance.policy.policy import Policy
from edge_assistant.governance.policy.rules import PolicyRules
from edge_assistant.language.embedder import Embedder
from edge_assistant.language.engine import Engine
from edge_assistant.perception.sense import Percept, Request
from edge_assistant.perception.senses.text import Text
from edge_assistant.session import model_pool
from edge_assistant.session.assistant import Assistant
from edge_assistant.session.model_pool import ModelPool
from edge_assistant.vault import caches
from edge_assistant.vault.vault import Vault
from edge_assistant_models.model import InstalledModel
from edge_assistant_models.portfolio import Portfolio

FORM, NOTE = b"Allergies: none", b"The patient is allergic to penicillin."
PROSE = "Summarise what happened."
PERCEIVE = Text.perceive


def texts() -> list[Signal]:
    given = enumerate((FORM, NOTE), 1)
    return [take_bytes(data, Kind.TEXT, n, origin=Origin.USER, name=f"text {n}") for n, data in given]


def scripted_engine() -> ScriptedEngine:
    return reads({}, "summary", writes="It rained.")


class Made:
    """An assistant, and by which threads its language model and its embedder were loaded."""

    def __init__(self, portfolio: Portfolio, patch: pytest.MonkeyPatch, threads: int = 2, **options: Any) -> None:
        self.engines, self.embedders = list[str](), list[str]()
        self.patch = patch
        made = self

        class Watched(Embedder):
            def __init__(self, model: InstalledModel, runtime: Runtime) -> None:
                made.embedders.append(threading.current_thread().name)
                super().__init__(model, runtime)

        patch.setattr(model_pool, "Embedder", Watched)
        self.assistant = Assistant(portfolio, "test", runtime=Runtime(threads), engine=self.engine, **options)

    def until(self, wanted: Callable[[], bool]) -> None:
        """Let texts be perceived only once something has been loaded."""

        def perceive(sense: Text, signal: Signal, request: Request) -> Percept:
            assert any(wanted() or time.sleep(0.01) for _ in range(6000)), (
                "it is not loaded while signals are perceived"
            )
            return PERCEIVE(sense, signal, request)

        self.patch.setattr(Text, "perceive", perceive)

    def engine(self, model: InstalledModel, runtime: Runtime) -> ScriptedEngine:
        self.engines.append(threading.current_thread().name)
        return scripted_engine()


@pytest.fixture
def made(store: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Made]:
    return lambda **options: Made(Portfolio(store, home / "catalog"), monkeypatch, **options)


def ignore(event: Event) -> None:
    """Nobody watches."""


def test_the_models_that_reason_are_loaded_beside_perception(made: Callable[..., Made]) -> None:
    one = made()
    one.until(lambda: bool(one.engines and one.embedders))
    one.assistant.ask(PROSE, texts(), ignore)
    one.assistant.ask(PROSE, texts(), ignore)
    assert (one.engines, one.embedders) == (["ahead"], ["ahead"])


@pytest.mark.parametrize("verified", [False, True])
def test_on_one_core_or_verified_each_time_each_is_loaded_when_it_is_needed(
    made: Callable[..., Made], monkeypatch: pytest.MonkeyPatch, verified: bool
) -> None:
    if verified:
        monkeypatch.setattr(Policy, "verifies_always", property(lambda self: True))
    one = made(threads=2 if verified else 1)
    one.assistant.ask(PROSE, texts(), ignore)
    assert set(one.engines + one.embedders) == {threading.current_thread().name}


def test_what_cannot_be_loaded_ahead_is_told_when_it_is_wanted(made: Callable[..., Made]) -> None:
    one, perceived = made(), list[Event]()
    tried: list[str] = []

    def full(model: InstalledModel, runtime: Runtime) -> ScriptedEngine:
        tried.append(threading.current_thread().name)
        raise ModelTooLarge("no room", "close something")

    one.assistant.models._open_engine = full
    one.until(lambda: bool(tried))
    with pytest.raises(ModelTooLarge):
        one.assistant.ask(PROSE, texts(), perceived.append)
    assert tried == ["ahead", threading.current_thread().name]
    assert len([event for event in perceived if isinstance(event, Perceived)]) == 2


def test_an_error_does_not_wait_for_what_is_loaded_ahead(made: Callable[..., Made]) -> None:
    one, begun, how = made(), threading.Event(), list[str]()

    def slow(model: InstalledModel, runtime: Runtime) -> ScriptedEngine:
        begun.set()
        how.extend("stopped" for _ in range(6000) if not how and (runtime.halt.asked or time.sleep(0.01)))
        runtime.halt.check()
        return scripted_engine()

    one.assistant.models._open_engine = slow
    one.until(begun.is_set)
    damaged = take_bytes(b"\xff\xfe\xfa", Kind.TEXT, 1, origin=Origin.USER, name="damaged")
    with pytest.raises(InputError):
        one.assistant.ask(PROSE, [damaged], ignore)
    assert how == ["stopped"]
    assert not one.assistant.runtime.halt.asked
    one.assistant.models._open_engine = one.engine
    assert one.assistant.ask(PROSE, texts(), ignore).text


def test_the_language_model_does_not_go_for_the_embedder_while_an_answer_is_found(made: Callable[..., Made]) -> None:
    one = made(threads=1)
    one.assistant.ask(PROSE, texts(), ignore)
    models = one.assistant.models
    models._residency._kept = {models._engine: models._residency._kept[models._engine]}
    one.embedders.clear()
    models._residency._look = lambda: memory.Memory(16 << 30, 1 << 30)  # nothing to spare, and nothing missing
    with models.reasoning():
        assert models.meaning() is not None
        assert models.engine is not None
    assert one.embedders
    models._residency._look = lambda: memory.Memory(16 << 30, 0)
    models.relieve()
    assert models.engine is None


def test_what_the_model_did_is_told_of_this_question_where_it_was_loaded_anew(made: Callable[..., Made]) -> None:
    one = made(threads=1)
    first = one.assistant.ask(PROSE, texts(), ignore)
    models = one.assistant.models
    reasoning = models.reasoning

    def short() -> AbstractContextManager[None]:
        del models._residency._kept[models._engine]  # as where the machine runs short once perception has ended
        return reasoning()

    models.reasoning = short
    second = one.assistant.ask(PROSE, texts(), ignore)
    assert len(one.engines) == 2
    assert second.timings.prompt_tokens == first.timings.prompt_tokens > 0
    assert second.timings.completion_tokens == first.timings.completion_tokens > 0


def test_a_model_that_is_refused_is_not_loaded_ahead_and_recorded_once(made: Callable[..., Made]) -> None:
    rules = policy_file.problems(b'models.allowed = ["smollm2*", "qwen*"]')
    assert isinstance(rules, PolicyRules), rules
    policy = Policy(rules, Path("policy.toml"), wait=lambda seconds: None)
    recorded: list[object] = []
    policy.record = recorded.append
    one = made(policy=policy)
    with pytest.raises(PolicyRefused):
        one.assistant.ask(PROSE, texts(), ignore)
    assert (one.embedders, len(recorded)) == ([], 1)


def test_without_room_each_question_loads_anew_and_answers_the_same(
    made: Callable[..., Made], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "budget", lambda total, needed: 0)
    one = made()
    first, second = (one.assistant.ask(PROSE, texts(), ignore) for _ in range(2))
    assert (first.text, first.models, first.timings.completion_tokens) == (
        second.text,
        second.models,
        second.timings.completion_tokens,
    )
    assert len(one.engines) >= 2
    assert one.assistant.models.engine is None


def test_what_is_loaded_ahead_too_late_does_not_stay(
    made: Callable[..., Made], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "budget", lambda total, needed: 0)
    one, over = made(), threading.Event()
    loads, relieves = ModelPool._engine_of, memory.Residency.relieve

    def late(pool: ModelPool, model: InstalledModel) -> Engine:
        assert threading.current_thread().name != "ahead" or over.wait(60)
        return loads(pool, model)

    def relieved(residency: memory.Residency) -> bool:
        enough = relieves(residency)
        if one.engines:
            over.set()
        return enough

    monkeypatch.setattr(ModelPool, "_engine_of", late)
    monkeypatch.setattr(memory.Residency, "relieve", relieved)
    one.assistant.ask(PROSE, texts(), ignore)
    assert one.engines[1:] == ["ahead"]
    assert one.assistant.models.engine is None


def test_what_is_forgotten_is_in_no_sense_and_in_no_model(made: Callable[..., Made]) -> None:
    one = made()
    one.assistant.ask(PROSE, texts(), ignore)
    sense, engine = one.assistant.sense(Text), one.assistant.models.engine
    assert one.assistant.recall.bytes > 0
    one.assistant.forget()
    assert one.assistant.recall.bytes == 0
    assert one.assistant.sense(Text) is not sense
    assert isinstance(engine, ScriptedEngine)
    assert engine.forgotten == 1
    one.assistant.ask(PROSE, texts(), ignore)
    assert len(one.engines) == 1, "the language model stays loaded"


@pytest.mark.parametrize("then", ["settles", "perceives"])
def test_what_another_process_forgets_is_let_go_of(made: Callable[..., Made], then: str) -> None:
    assert Vault().place, "there are keys"
    one = made(caches=Vault())
    one.assistant.ask(PROSE, texts(), ignore)
    engine, recall = one.assistant.models.engine, one.assistant.recall
    assert isinstance(engine, ScriptedEngine)
    one.assistant.settle()
    before = recall.bytes
    assert (engine.settled, engine.forgotten) == (1, 0)
    caches.forget_all(Vault())
    if then == "settles":
        one.assistant.settle()
        assert recall.bytes == 0
    else:
        one.assistant.perceive(texts()[0], ignore)
        assert 0 < recall.bytes < before, "of this one alone"
    assert (engine.settled, engine.forgotten) == (1, 1)
    one.assistant.settle()
    assert (engine.settled, engine.forgotten) == (2, 1)


def test_what_one_assistant_has_loaded_the_next_one_uses_and_counts_anew(made: Callable[..., Made]) -> None:
    kept = memory.Residency(0)
    first, second = (made(residency=kept) for _ in range(2))
    answers = [one.assistant.ask(PROSE, texts(), ignore) for one in (first, second)]
    assert (len(first.engines), second.engines, len(first.embedders + second.embedders)) == (1, [], 1)
    assert answers[0].models == answers[1].models
    assert answers[0].timings.completion_tokens == answers[1].timings.completion_tokens
    assert second.assistant.models.engine is not None


def test_a_machine_that_runs_short_is_given_what_one_after_another_has_loaded(made: Callable[..., Made]) -> None:
    kept = memory.Residency(0)
    first = made(residency=kept)
    first.assistant.ask(PROSE, texts(), ignore)
    first.assistant.relieve()
    assert first.assistant.models.engine is not None, "what a profile needs stays"
    assert kept.relieve()
    kept._look = lambda: memory.Memory(16 << 30, 0)
    assert not kept.relieve()
    assert kept.loaded == ()
    kept._look = memory.read
    again = made(residency=kept)
    assert again.assistant.ask(PROSE, texts(), ignore).text
    assert len(again.engines) == 1


def test_a_model_with_another_sum_or_other_options_or_that_is_sealed_is_loaded_anew(made: Callable[..., Made]) -> None:
    kept = memory.Residency(0)
    made(residency=kept).assistant.ask(PROSE, texts(), ignore)
    sealing = made(residency=kept, caches=Vault())  # what it read may be kept on the disk
    sealing.assistant.ask(PROSE, texts(), ignore)
    assert len(sealing.engines) == 1
    for changed in ({"sha256": "0" * 64}, {"options": {"chat": "another"}}):
        other = made(residency=kept)
        model = other.assistant.models.model("language")
        other.assistant.models.given["language"] = replace(model, **changed)
        other.assistant.ask(PROSE, texts(), ignore)
        assert len(other.engines) == 1, changed


def test_what_listens_counts_while_it_is_held(made: Callable[..., Made]) -> None:
    one = made()
    ears = one.assistant.models.endpointer()
    (held,) = one.assistant.models._residency.loaded
    assert held.busy
    assert held.size > 0
    del ears
    assert one.assistant.models._residency.loaded == ()


def test_ctrl_c_while_the_thread_begins_waits_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is left to run while the interpreter is taken down ends the process with a signal."""
    halt, begun, how = Halt(), threading.Event(), list[str]()
    start = threading.Thread.start

    def job() -> None:
        begun.set()
        how.extend("stopped" for _ in range(6000) if not how and (halt.asked or time.sleep(0.01)))

    def interrupted(thread: threading.Thread) -> None:
        start(thread)
        assert begun.wait(60)
        raise KeyboardInterrupt

    monkeypatch.setattr(threading.Thread, "start", interrupted)
    with pytest.raises(KeyboardInterrupt), model_pool._beside([job], halt):
        pass
    assert how == ["stopped"]
    assert not halt.asked
