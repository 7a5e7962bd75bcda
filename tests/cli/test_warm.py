"""What a resident keeps from one question to the next."""

from __future__ import annotations

import pytest

from edge_assistant.cli import _conversations
from edge_assistant.cli._warm import Warm
from edge_assistant.compute.runtime import Runtime
from edge_assistant.perception.senses.speech import SpeechSense


def test_what_was_understood_goes_by_age_whoever_said_it_and_the_models_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = Warm(Runtime(1))
    kept.residency.most = 9
    sense = kept.residency.get("speech", 1, lambda: SpeechSense({}, kept.runtime))
    sense._dictated.keep("hello", [])
    sense._drafts.keep(0, (1, 2))
    kept.relieve()
    assert sense._dictated.get("hello") == []
    monkeypatch.setattr(_conversations, "LATELY_S", -1.0)
    kept.relieve()
    assert (sense._dictated.get("hello"), sense._drafts.get(0)) == (None, None)
    assert kept.residency.peek("speech") is sense
