"""Choosing a device from a list of those that are there now, and what there is to choose among profiles."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from edge_assistant_tui.screens.choose import Choose

if TYPE_CHECKING:
    from edge_assistant_tui.interface import AppInterface

DEVICES = ("camera", "microphone", "speaker")
_DEFAULT = {"camera": "the first", "microphone": "the default", "speaker": "the default"}


async def choose(app: AppInterface, device: str) -> None:
    """Let the person choose a device; it is used at once and from now on.

    Raises:
        UsageError, StorageFull: the choice cannot be kept.
    """
    default = _DEFAULT[device]
    now = getattr(app.options, device)
    names = dict.fromkeys([default, *await asyncio.to_thread(_there, device), *([now] if now else [])])
    given = [(name, "in use" if name == (now or default) else "") for name in names]
    chosen = await app.push_screen_wait(Choose(f"Which {device}?", given, now or default))
    if chosen is not None and chosen != (now or default):
        app.configure(**{device: None if chosen == default else chosen})


def _there(device: str) -> list[str]:
    from edge_assistant.devices import chosen

    return chosen.names(device)


def profiles() -> list[tuple[str, str]]:
    """The profiles that a person may choose, each with what it is for."""
    from edge_assistant_models.portfolio import Portfolio

    given = [(profile.name, profile.description) for profile in Portfolio().profiles() if profile.name != "test"]
    return [("auto", "What fits this machine"), *given]
