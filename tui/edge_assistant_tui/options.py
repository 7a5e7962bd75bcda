"""What the command line asks of the app; the launcher hands it over in the environment, as JSON."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

VARIABLE = "EDGE_ASSISTANT_APP_OPTIONS"
PIPES = "EDGE_ASSISTANT_APP_PIPES"  # the numbers of the pipes that answers come from and requests go to


@dataclass(frozen=True, slots=True)
class Options:
    """The options of the bare command, where settings have already been looked at.

    Attributes:
        profile: which models.
        domain: name or path of a domain file; None for none.
        language: ISO 639-1 code of what is spoken; None detects it.
        camera: name of a camera, or `file:PATH` of a video or pictures; None for the first.
        microphone: name of a microphone, or `file:PATH` of a recording; None for the default.
        speaker: name of a speaker, or `file:PATH` of a WAV to write; None for the default.
        attach: paths of files that the conversation begins with.
        no_lock: whether the app goes on without the offline lock.
        cache: whether what was perceived in files is kept for the next run.
        free_talk: whether the language model answers without sources, see docs/settings.md.
        gpu: which graphics card computes besides, see docs/gpu.md.
    """

    profile: str = "starter"
    domain: str | None = None
    language: str | None = None
    camera: str | None = None
    microphone: str | None = None
    speaker: str | None = None
    attach: tuple[str, ...] = ()
    no_lock: bool = False
    cache: bool = True
    free_talk: bool = False
    gpu: str = "auto"

    def to_environment(self) -> dict[str, str]:
        """What is added to the environment of the app's process."""
        return {VARIABLE: json.dumps(msgspec.to_builtins(self))}  # keeps names of files that are no UTF-8

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> Options:
        """The options that a launcher handed over; the defaults where there was none."""
        text = (os.environ if environment is None else environment).get(VARIABLE)
        return msgspec.convert(json.loads(text), cls) if text else cls()
