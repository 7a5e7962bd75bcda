"""What has been opened and is kept: by one assistant, or by one after another in a resident."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar, cast

from edge_assistant.runtime import Runtime
from edge_assistant_models.installed import InstalledModel

T = TypeVar("T")
Models = Mapping[str, InstalledModel]


class Opened:
    """Senses, the language model and the embedder; one of each, opened anew where its models are others.

    Attributes:
        runtime: that all of them compute with.
    """

    def __init__(self, runtime: Runtime) -> None:
        """Begin with nothing."""
        self.runtime = runtime
        self._sealed = False
        self._kept: dict[object, tuple[dict[str, InstalledModel], object]] = {}

    def get(self, what: object, models: Models, open: Callable[[], T]) -> T:
        """What was opened with these models, or opens now.

        Args:
            what: of which one is kept; always with the same `open`.
            models: by role; as verified now.
            open: loads them.
        """
        kept = self._kept.get(what)
        if kept is not None and kept[0] == models:
            return cast(T, kept[1])
        if kept is not None:
            del self._kept[what], kept  # its memory goes before another one's comes
        made = open()
        self._kept[what] = dict(models), made
        return made

    def sealed(self, wanted: bool) -> None:
        """Whether what is read may be kept sealed on the disk; what was opened otherwise is opened anew."""
        if wanted is not self._sealed:
            self._kept.clear()
        self._sealed = wanted
