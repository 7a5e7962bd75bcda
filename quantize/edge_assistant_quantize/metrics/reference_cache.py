"""Cached outputs of a reference: a search compares many candidates with one reference over the same data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from edge_assistant.compute.runtime import Runtime
from edge_assistant_models.installed import InstalledModel
from edge_assistant_quantize.progress import Watch
from edge_assistant_quantize.senses import perceive, state_of


class ReferenceCache:
    """What the last reference gave of each item, by its name.

    Args:
        role: of the models.
    """

    def __init__(self, role: str) -> None:
        self._role = role
        self._last: tuple[object, Mapping[str, Any]] | None = None

    def perceive(
        self, reference: InstalledModel, data: Mapping[str, object], runtime: Runtime, watch: Watch
    ) -> Mapping[str, Any]:
        """As `senses.perceive`, all at once; the model runs only where it, or the data, is another than before."""
        key = reference.sha256, dict(reference.files), state_of(data), runtime.threads
        if self._last is None or self._last[0] != key or not reference.sha256:
            self._last = key, dict(perceive(reference, self._role, data, runtime, watch))
        return self._last[1]
