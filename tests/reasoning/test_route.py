"""Routes: which senses and models a question takes, as a pure function of what is given."""

from __future__ import annotations

import pytest
from helpers.engines import signal

from edge_assistant.core.signals import Kind, Signal
from edge_assistant.perception.sense import senses
from edge_assistant.reasoning.route import as_taken, check_route, free_route, plan, route, talk_route

MODELS = {
    role: f"model-of-{role}"
    for role in ("language", "speech", "vad", "writing", "detector", "classifier", "faces", "embedder")
}
TEXT, TABLE, PICTURE, SOUND = (signal(kind) for kind in (Kind.TEXT, Kind.READINGS, Kind.IMAGE, Kind.AUDIO))


def way(*signals: Signal) -> tuple[str, set[str], str]:
    found = route(plan(signals, senses()), signals, MODELS)
    return found.path, set(found.models), found.why


@pytest.mark.parametrize(("given", "path"), [(TEXT, "text"), (TABLE, "readings")])
def test_text_and_readings_alone_take_no_perception_model(given: Signal, path: str) -> None:
    assert way(given)[:2] == (path, {"model-of-language"})


def test_a_recording_takes_the_models_of_speech_and_no_others() -> None:
    path, models, _ = way(SOUND)
    assert path == "audio"
    assert models == {"model-of-speech", "model-of-vad", "model-of-language"}


def test_a_picture_takes_the_models_of_seeing_and_no_others() -> None:
    path, models, why = way(PICTURE)
    assert path == "image"
    assert "model-of-speech" not in models
    assert {"model-of-writing", "model-of-language"} <= models
    assert "image:1" in why


def test_several_signals_take_the_cross_signal_path() -> None:
    path, models, why = way(TEXT, TABLE)
    assert (path, models) == ("cross-signal", {"model-of-language"})
    assert "text:1, readings:1" in why


def test_a_comparison_takes_the_same_models() -> None:
    signals = (TEXT, SOUND)
    found = check_route(plan(signals, senses()), signals, MODELS)
    assert found.path == "check"
    assert set(found.models) == way(*signals)[1]
    assert "text:1, audio:1" in found.why


def test_a_role_without_a_model_is_left_out() -> None:
    assert route(plan([TEXT], senses()), [TEXT], {}).models == ()


def test_a_route_as_it_was_taken_says_where_code_answered() -> None:
    whole = route(plan([SOUND], senses()), [SOUND], MODELS)
    assert as_taken(whole, whole.models, MODELS) == whole
    alone = as_taken(whole, ("model-of-speech",), MODELS)
    assert alone.models == ("model-of-speech",)
    assert alone.why == f"{whole.why}; code answered, no language model was needed"
    for chat in (talk_route(), free_route()):
        assert as_taken(chat, (), MODELS) == chat


def test_each_signal_is_perceived_by_the_senses_of_its_kind_in_order() -> None:
    steps = plan([SOUND, TEXT, TABLE], senses())
    assert [given.id for given, _ in steps] == ["audio:1", "text:1", "readings:1"]
    assert all(given.kind in sense.kinds for given, sense in steps)


@pytest.mark.parametrize("kind", Kind)
def test_every_kind_of_signal_has_a_sense(kind: Kind) -> None:
    assert plan([signal(kind)], senses())
