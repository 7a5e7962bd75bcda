"""What the Wyoming side says of itself, known before the gateway begins: it answers `describe` at once."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from wyoming.info import AsrModel, AsrProgram, Attribution, HandleModel, HandleProgram, Info, TtsProgram, TtsVoice

from edge_assistant import __version__
from edge_assistant.core.errors import ModelError
from edge_assistant_models.model import InstalledModel
from edge_assistant_models.portfolio import Portfolio

_ANSWERS = ["en"]  # languages that questions are understood in


def described(portfolio: Portfolio, profile: str) -> dict[str, Any]:
    """The data of `info` for the installed models of a profile; a service without its model is left out.

    Raises:
        ModelUnknown: there is no such profile.
    """
    chosen = portfolio.resolve(profile)
    speech = _model(portfolio, chosen.get("speech"), _heard)
    voice = _model(portfolio, chosen.get("voice"), _spoken)
    language = _model(portfolio, chosen.get("language"), lambda _: _ANSWERS)
    info = Info()
    if speech:
        program = _program("recognizes speech")
        info.asr = [AsrProgram(**program, models=[AsrModel(**speech)], supports_transcript_streaming=True)]
    if voice:
        info.tts = [TtsProgram(**_program("speaks"), voices=[TtsVoice(**voice)], supports_synthesize_streaming=True)]
    if language:
        program = _program("answers questions over what it was told")
        info.handle = [HandleProgram(**program, models=[HandleModel(**language)])]
    return info.event().data


def _program(description: str) -> dict[str, Any]:
    return _artifact("edge-assistant", "Edge Assistant", "", description) | {"version": __version__}


def _model(
    portfolio: Portfolio, name: str | None, languages: Callable[[InstalledModel], list[str]]
) -> dict[str, Any] | None:
    """A model with its languages; None if it is not installed."""
    try:
        if name is None:
            return None
        entry, known = portfolio.entry(name), languages(portfolio.open(name))
    except (ModelError, OSError, ValueError, LookupError):
        return None
    maker = entry.home.removeprefix("https://huggingface.co/")
    return _artifact(name, maker, entry.home, entry.description) | {"languages": known}


def _artifact(name: str, maker: str, home: str, description: str) -> dict[str, Any]:
    attribution = Attribution(maker, home)
    return {"name": name, "attribution": attribution, "installed": True, "description": description, "version": None}


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
