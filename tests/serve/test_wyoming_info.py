"""What the Wyoming side says of itself."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers.gateways import serving
from helpers.platforms import needs_lock
from helpers.wyoming_clients import talk
from wyoming.event import Event
from wyoming.info import Describe, Info

from edge_assistant.resident import protocol
from edge_assistant.serve import wyoming_info
from edge_assistant_models.model import InstalledModel
from edge_assistant_models.portfolio import Portfolio


@needs_lock
def test_it_describes_itself_and_starts_no_resident(
    homes: Iterator[Path], store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = next(homes)
    with serving(home, store, "wyoming") as gateway:
        info = Info.from_event(talk(gateway.port, Describe(), end="info")[-1])
        monkeypatch.setenv("EDGE_ASSISTANT_HOME", str(home))
        assert not protocol.is_claimed()
    assert info.asr[0].installed
    assert [(model.name, model.languages) for model in info.asr[0].models] == [("whisper-tiny.en", ["en"])]
    assert [(voice.name, voice.languages) for voice in info.tts[0].voices] == [("piper-en-us-joe-medium", ["en_US"])]
    assert info.handle[0].models[0].languages == ["en"]
    assert [*info.wake, *info.intent] == []


def test_it_names_only_models_that_are_installed(tmp_path: Path) -> None:
    nothing = Info.from_event(Event("info", wyoming_info.described(Portfolio(tmp_path, tmp_path), "test")))
    assert [*nothing.asr, *nothing.tts, *nothing.handle] == []


def test_it_names_the_languages_that_a_model_has_marks_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Faked: a vocabulary of two languages; no model of the profile `test` knows several."""
    marks = {50258: "<|startoftranscript|>", 50261: "<|de|>", 50259: "<|en|>"}
    files = {"config": tmp_path / "config.json", "tokenizer": tmp_path / "tokenizer.json"}
    files["config"].write_text(json.dumps({"lang_ids": [50259, 50261]}))
    files["tokenizer"].write_text(json.dumps({"added_tokens": [{"id": n, "content": m} for n, m in marks.items()]}))
    model = InstalledModel("whisper", "", files, {"multilingual": True})
    monkeypatch.setattr(Portfolio, "open", lambda self, name: model)
    found = Info.from_event(Event("info", wyoming_info.described(Portfolio(tmp_path, tmp_path), "starter")))
    assert found.asr[0].models[0].languages == ["de", "en"]
