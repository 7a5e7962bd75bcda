"""What the Wyoming side says of itself, known before the gateway begins: it answers `describe` at once."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from wyoming.info import (
    AsrModel,
    AsrProgram,
    Attribution,
    HandleModel,
    HandleProgram,
    Info,
    TtsProgram,
    TtsVoice,
)

from edge_assistant import __version__
from edge_assistant.core.errors import ModelError
from edge_assistant_models.entries import Entry
from edge_assistant_models.model import InstalledModel
from edge_assistant_models.portfolio import Portfolio

_NAME = "edge-assistant"
_ANSWERS = ["en"]  # languages that questions are understood in


def described(portfolio: Portfolio, profile: str) -> dict[str, Any]:
    """The data of `info` for the installed models of a profile; a service without its model is left out.

    Raises:
        ModelUnknown: there is no such profile.
    """
    chosen = portfolio.resolve(profile)
    program: dict[str, Any] = {
        "name": _NAME,
        "attribution": Attribution("Edge Assistant", ""),
        "installed": True,
        "version": __version__,
    }

    def models(role: str, languages: Callable[[InstalledModel], list[str]]) -> list[dict[str, Any]]:
        try:
            model = portfolio.open(chosen[role])
            known = languages(model)
        except (KeyError, ModelError, OSError, ValueError):
            return []
        return [_artifact(portfolio.entry(model.name)) | {"languages": known}]

    info = Info()
    if found := models("speech", _heard):
        models_ = [AsrModel(**one) for one in found]
        description = "recognizes speech"
        info.asr = [AsrProgram(**program, description=description, models=models_, supports_transcript_streaming=True)]
    if found := models("voice", _spoken):
        voices = [TtsVoice(**one) for one in found]
        description = "speaks"
        info.tts = [TtsProgram(**program, description=description, voices=voices, supports_synthesize_streaming=True)]
    if found := models("language", lambda _: _ANSWERS):
        handlers = [HandleModel(**one) for one in found]
        info.handle = [HandleProgram(**program, description="answers questions over what it was told", models=handlers)]
    return info.event().data


def _artifact(entry: Entry) -> Mapping[str, Any]:
    return {
        "name": entry.name,
        "attribution": Attribution(entry.home.removeprefix("https://huggingface.co/"), entry.home),
        "installed": True,
        "description": entry.description,
        "version": None,
    }


def _heard(model: InstalledModel) -> list[str]:
    """The languages that Whisper's vocabulary has marks for; of one that knows English only, that."""
    if not model.options.get("multilingual"):
        return ["en"]
    numbers = set(json.loads(model.files["config"].read_bytes())["lang_ids"])
    marks = json.loads(model.files["tokenizer"].read_bytes())["added_tokens"]
    return sorted(one["content"][2:-2] for one in marks if one["id"] in numbers)


def _spoken(model: InstalledModel) -> list[str]:
    """The language of a Piper voice with its region, as `en_US`."""
    return [json.loads(model.files["config"].read_bytes())["language"]["code"]]
