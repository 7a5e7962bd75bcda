"""Routes: which senses and models a question takes, as a pure function of what is given."""

from __future__ import annotations

import pytest
from helpers.engines import signal

from edge_assistant.core.signals import Kind, Signal
from edge_assistant.perception.sense import senses
from edge_assistant.reasoning.route import actual_route, check_route, free_route, plan, route, talk_route

MODELS = {
    role: f"model-of-{role}"
    for role in ("language", "speech", "vad", "writing", "detector", "classifier", "faces", "embedder")
}
TEXT, TABLE, PICTURE, SOUND = (signal(kind) for kind in (Kind.TEXT, Kind.READINGS, Kind.IMAGE, Kind.AUDIO))


def way(*signals: Signal) -> tuple[str, set[str], str]:
    found = route(plan(signals, senses()), signals, MODELS)
    return found.path, set(found.models), found.why


SEEING = {f"model-of-{role}" for role in ("writing", "detector", "classifier", "faces", "language")}


@pytest.mark.parametrize(
    ("given", "path", "models"),
    [
        ((TEXT,), "text", {"model-of-language"}),
        ((TABLE,), "readings", {"model-of-language"}),
        ((SOUND,), "audio", {"model-of-speech", "model-of-vad", "model-of-language"}),
        ((PICTURE,), "image", SEEING),
        ((TEXT, TABLE), "cross-signal", {"model-of-language"}),
    ],
)
def test_signals_take_the_models_of_their_kinds_and_no_others(
    given: tuple[Signal, ...], path: str, models: set[str]
) -> None:
    found = way(*given)
    assert found[:2] == (path, models)
    assert ", ".join(signal.id for signal in given) in found[2]
    assert route(plan(given, senses()), given, {}).models == ()


def test_a_comparison_takes_the_same_models() -> None:
    signals = (TEXT, SOUND)
    found = check_route(plan(signals, senses()), signals, MODELS)
    assert found.path == "check"
    assert set(found.models) == way(*signals)[1]
    assert "text:1, audio:1" in found.why


def test_a_route_as_it_was_taken_says_where_code_answered() -> None:
    whole = route(plan([SOUND], senses()), [SOUND], MODELS)
    assert actual_route(whole, whole.models, MODELS) == whole
    alone = actual_route(whole, ("model-of-speech",), MODELS)
    assert alone.models == ("model-of-speech",)
    assert alone.why == f"{whole.why}; code answered, no language model was needed"
    for chat in (talk_route(), free_route()):
        assert actual_route(chat, (), MODELS) == chat
