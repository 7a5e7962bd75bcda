"""Exposure: says where a picture is too dark to be trusted."""

from __future__ import annotations

from typing import ClassVar

from edge_assistant.core.evidence import Evidence, Locator, Thing
from edge_assistant.core.signals import Kind, Signal
from edge_assistant.perception.pictures import pages
from edge_assistant.perception.sense import Percept, Request, Sense

DARK = 40  # mean of 0 to 255 below which a camera's noise drowns the outlines


class Exposure(Sense):
    """Looks at the mean brightness of each page."""

    name: ClassVar[str] = "exposure"
    kinds: ClassVar[frozenset[Kind]] = frozenset({Kind.IMAGE})

    def perceive(self, signal: Signal, request: Request) -> Percept:
        """One piece of evidence for each page that is too dark.

        Raises:
            InputError: the picture cannot be read.
        """
        dark = []
        for page in pages(signal):
            mean = float(page.rgb.mean())
            if mean < DARK:
                box = (0, 0, *page.size)
                text = f"The picture is dark: mean brightness {mean:.0f} of 255."
                dark.append(Evidence("", signal.id, text, None, Locator(page.number, box), Thing("darkness")))
        return Percept(tuple(dark))
