"""Settings: command line before environment before `config.toml` before defaults. Unknown keys are errors."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

from edge_assistant.errors import UsageError
from edge_assistant_models import paths

FILE = "config.toml"
PREFIX = "EDGE_ASSISTANT_"
LOG_LEVELS = ("debug", "info", "warning", "error")


@dataclass(frozen=True, slots=True)
class Settings:
    """What a person may set once for all.

    Attributes:
        profile: which models are used, `auto` to choose by the machine.
        language: ISO 639-1 code of what is spoken and written; None detects it.
        plain: no colour, bars or redrawn lines, as screen readers want it.
        log_level: what the log keeps: debug, info, warning or error.
        domain: name or path of a domain file, whose words are understood too; None for none.
    """

    profile: str = "starter"
    language: str | None = None
    plain: bool = False
    log_level: str = "info"
    domain: str | None = None


def load(environment: Mapping[str, str] | None = None, file: Path | None = None) -> Settings:
    """Read the settings.

    Args:
        environment: `EDGE_ASSISTANT_PROFILE`, `_LANGUAGE`, `_PLAIN`, `_LOG_LEVEL`, `_DOMAIN`; by default the process's
            own.
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
        table = tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return settings
    except OSError as error:
        raise UsageError(f"{FILE} cannot be read ({error.strerror})", "check its permissions") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{FILE} is not TOML ({error})", "correct it, see docs/settings.md") from None
    for key, value in table.items():
        settings = _with(settings, key, value, FILE)
    return settings


def _with(settings: Settings, key: str, value: Any, origin: str) -> Settings:  # noqa: ANN401 - what TOML holds
    """Settings with one more key set.

    Raises:
        UsageError: the key is not known, or the value is not of its type.
    """
    known = get_type_hints(Settings)
    if key not in known:
        raise UsageError(f"{origin}: unknown key {key!r}", f"there are {', '.join(known)}")
    allowed = get_args(known[key]) if get_origin(known[key]) else (known[key],)
    if type(value) not in allowed or (key == "log_level" and value not in LOG_LEVELS):
        wanted = " or ".join(LOG_LEVELS) if key == "log_level" else allowed[0].__name__
        raise UsageError(f"{origin}: {key} may not be {value!r}", f"give a {wanted}")
    return replace(settings, **{key: value})


def _parsed(key: str, text: str) -> object:
    """A value from the environment: booleans as 1 or 0, true or false, yes or no."""
    if key != "plain":
        return text
    return {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}.get(text.lower(), text)
