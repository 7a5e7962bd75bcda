"""Settings: command line before environment before `config.toml` before defaults. Unknown keys are errors."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, get_args, get_type_hints

from edge_assistant.core.errors import UsageError
from edge_assistant.core.limits import SETTINGS_BYTES
from edge_assistant.storage import atomic
from edge_assistant_models import paths, regular, toml

FILE = "config.toml"
PREFIX = "EDGE_ASSISTANT_"
LOG_LEVELS = ("debug", "info", "warning", "error")
RANGES = {"pause_s": (0.3, 5.0), "keep_days": (1, 36_500)}
_WORDS = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}


@dataclass(frozen=True, slots=True)
class Settings:
    """What a person may set once for all.

    Attributes:
        profile: which models are used, `auto` to choose by the machine.
        language: ISO 639-1 code of what is spoken and written; None detects it.
        plain: no colour, bars or redrawn lines, as screen readers want it.
        log_level: what the log keeps: debug, info, warning or error.
        domain: name or path of a domain file, whose words are understood too; None for none.
        theme: of the app, `dark`, `light`, `high-contrast` or another that it knows.
        camera: name of a camera, or `file:PATH` of a video or pictures; None for the first.
        microphone: name of a microphone, or `file:PATH` of a recording; None for the default.
        speaker: name of a speaker, or `file:PATH` of a WAV to write; None for the default.
        pause_s: seconds of silence after which somebody has ended speaking.
        keep_days: days after which a conversation that nothing was added to is deleted; None keeps all.
        spoken_answers: whether answers are spoken.
        listen: whether the microphone is on while a kiosk waits for a visitor, so that speaking begins.
        cache: whether what was perceived in files is kept, sealed, so that it is quicker the next time.
        free_talk: whether the language model answers without sources: unchecked, and marked "no source".
        gpu: which graphics card computes besides: `auto`, `off`, or the name of a kind or of a card, see docs/gpu.md.
    """

    profile: str = "starter"
    language: str | None = None
    plain: bool = False
    log_level: str = "info"
    domain: str | None = None
    theme: str = "dark"
    camera: str | None = None
    microphone: str | None = None
    speaker: str | None = None
    pause_s: float = 0.8
    keep_days: int | None = None
    spoken_answers: bool = False
    listen: bool = False
    cache: bool = True
    free_talk: bool = False
    gpu: str = "auto"


def load(environment: Mapping[str, str] | None = None, file: Path | None = None) -> Settings:
    """Read the settings.

    Args:
        environment: `EDGE_ASSISTANT_` with a key in capitals, such as `EDGE_ASSISTANT_PROFILE`; by default the
            process's own.
        file: a `config.toml`; by default the user's, which need not exist.

    Raises:
        UsageError: the file is not TOML, or a key or value is not known.
    """
    environment = os.environ if environment is None else environment
    settings = _from_file(Settings(), file or paths.config_dir() / FILE)
    for field in fields(Settings):
        text = environment.get(PREFIX + field.name.upper())
        if text:
            settings = _with(settings, field.name, _parsed(field.name, text), PREFIX + field.name.upper())
    return settings


def _from_file(settings: Settings, file: Path) -> Settings:
    try:
        data = regular.read(file, most := SETTINGS_BYTES.value)
    except FileNotFoundError:
        return settings
    except OSError as error:
        raise UsageError(f"{FILE} cannot be read ({error.strerror})", "check its permissions") from None
    if len(data) > most:
        raise UsageError(f"{FILE} has over {most:,} bytes", "shorten it, see docs/settings.md")
    try:
        table = toml.parse(data)
    except ValueError as error:
        raise UsageError(f"{FILE} is not TOML ({error})", "correct it, see docs/settings.md") from None
    for key, value in table.items():
        settings = _with(settings, key, value, FILE)
    return settings


def save(changes: Mapping[str, Any], file: Path | None = None) -> None:
    """Write settings into the file and leave all else in it as it is, comments too.

    Args:
        changes: by key; None takes a key out of the file, so that the default holds.
        file: a `config.toml`; by default the user's, which is made where it is missing.

    Raises:
        UsageError: a key or value is not known, or the file is not TOML.
        StorageFull: the file cannot be written.
    """
    file = file or paths.config_dir() / FILE
    settings = _from_file(Settings(), file)
    for key, value in changes.items():
        settings = settings if value is None else _with(settings, key, value, FILE)
    import tomlkit

    with atomic.storing(FILE, "free some space, or check its permissions"):
        document = tomlkit.parse(regular.read(file, SETTINGS_BYTES.value).decode() if file.exists() else "")
        for key, value in changes.items():
            if value is None:
                document.pop(key, None)
            else:
                document[key] = value
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with atomic.writing(file) as stream:
            stream.write(tomlkit.dumps(document).encode())


def in_environment(environment: Mapping[str, str] | None = None) -> frozenset[str]:
    """The keys that the environment sets, so that what the file says of them does not count."""
    environment = os.environ if environment is None else environment
    return frozenset(field.name for field in fields(Settings) if environment.get(PREFIX + field.name.upper()))


def _with(settings: Settings, key: str, value: Any, origin: str) -> Settings:  # noqa: ANN401 - what TOML holds
    """Settings with one more key set; raises UsageError if the key is not known, or the value is not of its type."""
    known = get_type_hints(Settings)
    if key not in known:
        raise UsageError(f"{origin}: unknown key {key!r}", f"there are {', '.join(known)}")
    wanted = (get_args(known[key]) or (known[key],))[0]
    if wanted is float and type(value) is int:
        value = float(value)
    low, high = RANGES.get(key, (None, None))
    if type(value) is not wanted or (key == "log_level" and value not in LOG_LEVELS):
        told = " or ".join(LOG_LEVELS) if key == "log_level" else wanted.__name__
        raise UsageError(f"{origin}: {key} may not be {value!r}", f"give a {told}")
    if low is not None and not low <= value <= high:
        raise UsageError(f"{origin}: {key} may not be {value!r}", f"give {low} to {high}")
    return replace(settings, **{key: value})


def _parsed(key: str, text: str) -> object:
    """A value from the environment, of its key's type where it can be; booleans as 1 or 0, true or false, yes or no."""
    hint = get_type_hints(Settings)[key]
    wanted = (get_args(hint) or (hint,))[0]
    if wanted is bool:
        return _WORDS.get(text.lower(), text)
    try:
        return wanted(text)
    except ValueError:
        return text
