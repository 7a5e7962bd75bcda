"""Routes: which senses and models a question takes, as a pure function of what is asked."""

from __future__ import annotations

import pytest
from fakes import signal

from edge_assistant.perception.sense import senses
from edge_assistant.reasoning.question import understand
from edge_assistant.reasoning.route import needs_language, plan, route
from edge_assistant.signals import Kind, Signal

MODELS = {
    role: f"model-of-{role}"
    for role in ("language", "speech", "vad", "writing", "detector", "classifier", "faces", "embedder")
}
TEXT, TABLE, PICTURE, SOUND = (signal(kind) for kind in (Kind.TEXT, Kind.READINGS, Kind.IMAGE, Kind.AUDIO))


def way(question: str, *signals: Signal) -> tuple[str, set[str], str]:
    query = understand(question)
    found = route(query, plan(signals, senses()), signals, MODELS)
    return found.path, set(found.models), found.why


def test_text_alone_takes_no_perception_model() -> None:
    assert way("What was the total?", TEXT)[:2] == ("text", {"model-of-language"})


@pytest.mark.parametrize(
    "question",
    ["What was the highest temperature?", "When did it first exceed 85?", "Is it rising?", "How cold did it get?"],
)
def test_readings_alone_with_a_statistic_take_no_model_at_all(question: str) -> None:
    assert way(question, TABLE)[:2] == ("readings", set())


@pytest.mark.parametrize(
    "question", ["When was the limit first exceeded?", "Describe the highest temperature.", "Who was the operator?"]
)
def test_readings_take_the_language_model_where_code_cannot_answer(question: str) -> None:
    assert way(question, TABLE)[1] == {"model-of-language"}


def test_a_recording_takes_the_models_of_speech_and_no_others() -> None:
    path, models, _ = way("What was the total?", SOUND)
    assert path == "audio"
    assert models == {"model-of-speech", "model-of-vad", "model-of-language"}


def test_a_picture_takes_the_models_of_seeing_and_no_others() -> None:
    path, models, _ = way("What was the total?", PICTURE)
    assert path == "image"
    assert "model-of-speech" not in models
    assert {"model-of-writing", "model-of-language"} <= models


def test_several_signals_take_the_cross_signal_path() -> None:
    path, models, why = way("What was the total?", TEXT, TABLE)
    assert (path, models) == ("cross-signal", {"model-of-language"})
    assert "text:1, readings:1" in why


def test_a_role_without_a_model_is_left_out() -> None:
    query = understand("What was the total?")
    assert route(query, plan([TEXT], senses()), [TEXT], {}).models == ()


def test_each_signal_is_perceived_by_the_senses_of_its_kind_in_order() -> None:
    steps = plan([SOUND, TEXT, TABLE], senses())
    assert [given.id for given, _ in steps] == ["audio:1", "text:1", "readings:1"]
    assert all(given.kind in sense.kinds for given, sense in steps)


@pytest.mark.parametrize("kind", Kind)
def test_every_kind_of_signal_has_a_sense(kind: Kind) -> None:
    assert plan([signal(kind)], senses())


def test_two_tables_are_answered_by_code_too() -> None:
    query = understand("What was the highest temperature?")
    assert not needs_language(query, [TABLE, signal(Kind.READINGS, 2)])
    assert needs_language(query, [TABLE, TEXT])
